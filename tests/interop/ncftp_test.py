"""NcFTP: ncftpget, ncftpput, ncftpls, the interactive ncftp; trees with times, resume, append, passive and active."""
from interop import material
from interop.client import (Client, Downloads, DownloadsTrees, KeepsTimes, LargeTrees, ResumesDownloads, Uploads,
                            UploadsTrees)
from interop.server import PASSWORD, USER, on_both_backends, on_one_backend


class NcftpCase(Client):
    program = "ncftpget"

    def ncftp(self, program, *arguments, **options):
        login = ["-u", USER, "-p", PASSWORD, "-P", str(self.server.port)]
        return self.run_client(program, *login, *map(str, arguments), **options)

    def download_tree(self, remote, local):
        self.ncftp("ncftpget", "-F", "-R", "127.0.0.1", local.parent, remote)

    def upload_tree(self, local, remote):
        self.ncftp("ncftpput", "-F", "-R", "127.0.0.1", str(remote).rpartition("/")[0], local)


@on_both_backends
class Ncftp(NcftpCase, Downloads, Uploads, DownloadsTrees, UploadsTrees, ResumesDownloads, KeepsTimes):
    def download(self, remote, local):
        self.ncftp("ncftpget", "-F", "-Z", "-C", "127.0.0.1", remote, local)

    def upload(self, local, remote):
        self.ncftp("ncftpput", "-F", "-Z", "-C", "127.0.0.1", local, remote)

    def resume_download(self, remote, local):
        self.ncftp("ncftpget", "-F", "-z", "-C", "127.0.0.1", remote, local)

    def test_transfers_both_ways_on_active_data_connections(self):
        self.ncftp("ncftpget", "-E", "-C", "127.0.0.1", "middling", self.local / "got")
        self.ncftp("ncftpput", "-E", "-C", "127.0.0.1", self.local / "got", "up/back")
        self.assertEqual(material.digest(self.up / "back"), material.shared_digest("middling"))

    def test_resumes_an_upload_of_a_small_file(self):
        """Small: ncftpput 3.2.6 sends a large file from its first octet even where it has asked for REST."""
        source = (material.shared() / "names" / material.NAMES["spaces"]).read_bytes()
        (self.local / "source").write_bytes(source)
        (self.up / "target").write_bytes(source[:400])
        self.ncftp("ncftpput", "-F", "-z", "-C", "127.0.0.1", self.local / "source", "up/target")
        self.assertEqual((self.up / "target").read_bytes(), source)

    def test_appends(self):
        (self.local / "target").write_text("part\n")
        for _ in range(2):
            self.ncftp("ncftpput", "-A", "127.0.0.1", "up", self.local / "target")
        self.assertEqual((self.up / "target").read_text(), "part\npart\n")

    def test_goes_through_an_interactive_session(self):
        (self.local / "file").write_text("text")
        output = self.ncftp("ncftp", "127.0.0.1", text="\n".join(
            ["mkdir up/new", "cd up/new", "put file", "rename file moved", "ls", "get moved", "rm moved", "cd ..",
             "rmdir new", "quit", ""]))
        self.assertIn("moved", output)
        self.assertEqual((self.local / "moved").read_text(), "text")
        self.assertEqual(list(self.up.iterdir()), [])

    def test_lists(self):
        url = f"ftp://127.0.0.1:{self.server.port}/tree/"
        listed = self.run_client("ncftpls", "-u", USER, "-p", PASSWORD, "-1", url)
        self.assertEqual(sorted(listed.split("\n")[:-1]), [f"first {number}" for number in range(10)])

    def test_lists_names_in_UTF_8(self):
        url = f"ftp://127.0.0.1:{self.server.port}/names/"
        listed = self.run_client("ncftpls", "-u", USER, "-p", PASSWORD, "-1", url)
        self.assertIn(material.NAMES["UTF-8"], listed.split("\n"))


@on_one_backend
class NcftpLarge(LargeTrees, NcftpCase):
    pass
