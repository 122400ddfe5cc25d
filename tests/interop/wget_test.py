"""wget: downloads, which is all it does: resume, a start position, trees, passive and active."""
from urllib.parse import quote

from interop import material
from interop.client import Client, Downloads, DownloadsTrees, ResumesDownloads
from interop.server import PASSWORD, USER, on_both_backends


@on_both_backends
class Wget(Client, Downloads, DownloadsTrees, ResumesDownloads):
    program = "wget"

    def wget(self, remote, *options):
        url = f"ftp://{USER}:{PASSWORD}@127.0.0.1:{self.server.port}/{quote(remote, safe='/*')}"
        return self.run_client("wget", "--no-config", "--no-verbose", "--tries=1", *map(str, options), url)

    def download(self, remote, local):
        self.wget(remote, "--output-document", local)

    def resume_download(self, remote, local):
        self.wget(remote, "--continue", "--directory-prefix", local.parent)

    def download_tree(self, remote, local):
        self.wget(remote + "/", "--recursive", "--level=inf", "--no-host-directories",
                  "--directory-prefix", local.parent)

    def test_downloads_on_active_data_connections(self):
        self.wget("middling", "--no-passive-ftp", "--output-document", self.local / "got")
        self.assertEqual(material.digest(self.local / "got"), material.shared_digest("middling"))

    def test_downloads_from_a_start_position_beyond_4_GiB(self):
        start, length = material.SPARSE_SIZE - 12345, 12345
        self.wget("sparse", f"--start-pos={start}", "--output-document", self.local / "got")
        self.assertEqual(material.digest(self.local / "got"),
                         material.piece_digest(material.shared() / "sparse", start, length))

    def test_downloads_what_a_wildcard_names(self):
        self.wget("tree/first 7/second-3/file 1*37.bin", "--directory-prefix", self.local)
        wanted = {path.name for path in (material.shared() / "tree/first 7/second-3").glob("file 1*37.bin")}
        self.assertEqual({path.name for path in self.local.glob("*.bin")}, wanted)
