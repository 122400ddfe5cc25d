"""tnftp: its command language (get, put, reget, restart, append, mget, mput), passive and active, and URLs."""
import os
import re
from urllib.parse import quote

from interop import material
from interop.client import Client, Downloads, DownloadsTrees, ResumesDownloads, Uploads, UploadsTrees
from interop.server import PASSWORD, USER, on_both_backends


def quoted(path):
    """One word of the command language: quotes and blanks are escaped one by one."""
    return re.sub(r"""([ \t"\\])""", r"\\\1", str(path))


@on_both_backends
class Tnftp(Client, Downloads, Uploads, DownloadsTrees, UploadsTrees, ResumesDownloads):
    program = "tnftp"

    def tnftp(self, *commands, mode="-p"):
        opening = [f"open 127.0.0.1 {self.server.port}", f"user {USER} {PASSWORD}", "binary"]
        return self.run_client("tnftp", "-n", "-i", mode, text="\n".join([*opening, *commands, "quit", ""]))

    def download(self, remote, local):
        self.tnftp(f"get {quoted(remote)} {quoted(local)}")

    def upload(self, local, remote):
        self.tnftp(f"put {quoted(local)} {quoted(remote)}")

    def resume_download(self, remote, local):
        self.tnftp(f"reget {quoted(remote)} {quoted(local)}")

    def download_tree(self, remote, local):
        commands = []
        for directory, _, files in os.walk(material.shared() / remote):
            below = os.path.relpath(directory, material.shared() / remote)
            (local / below).mkdir(parents=True)
            commands += [f"cd {quoted(f'/{remote}/{below}')}", f"lcd {quoted(local / below)}"]
            commands += ["mget *"] if files else []
        self.tnftp(*commands)

    def upload_tree(self, local, remote):
        commands = []
        for directory, _, files in os.walk(local):
            there = quoted(os.path.normpath(f"/{remote}/{os.path.relpath(directory, local)}"))
            commands += [f"mkdir {there}", f"cd {there}", f"lcd {quoted(directory)}"]
            commands += ["mput *"] if files else []
        self.tnftp(*commands)

    def test_transfers_both_ways_on_active_data_connections(self):
        self.tnftp(f"get middling {quoted(self.local / 'got')}", f"put {quoted(self.local / 'got')} up/back", mode="-A")
        self.assertEqual(material.digest(self.up / "back"), material.shared_digest("middling"))

    def test_resumes_an_upload_at_a_given_place(self):
        for size in (material.BIG_SIZE // 3, material.SPARSE_SIZE - material.SPARSE_TAIL):
            name = "big" if size < material.BIG_SIZE else "sparse"
            with self.subTest(name):
                material.make_hole(self.up / name, size)
                self.tnftp(f"restart {size}", f"put {quoted(material.shared() / name)} up/{name}")
                rest = (material.shared() / name).stat().st_size - size
                self.assertEqual(material.piece_digest(self.up / name, size, rest),
                                 material.piece_digest(material.shared() / name, size, rest))

    def test_appends(self):
        (self.local / "part").write_text("part\n")
        self.tnftp("append part up/target", "append part up/target")
        self.assertEqual((self.up / "target").read_text(), "part\npart\n")

    def test_transfers_text_with_line_ends_of_this_host(self):
        (self.up / "text").write_bytes(b"one\ntwo\n")
        self.tnftp("ascii", "get up/text text", "put text up/back")
        self.assertEqual((self.local / "text").read_bytes(), b"one\ntwo\n")
        self.assertEqual((self.up / "back").read_bytes(), b"one\ntwo\n")

    def test_lists_makes_renames_and_deletes(self):
        (self.local / "file").touch()
        output = self.tnftp("mkdir up/new", "cd up/new", "put file", "rename file moved", "ls", "nlist",
                            "mlsd", "size moved", "modtime moved", "delete moved", "cdup", "rmdir new", "pwd")
        self.assertGreaterEqual(output.count("moved"), 5, output)
        self.assertEqual(list(self.up.iterdir()), [])

    def test_fetches_and_stores_by_URL(self):
        url = f"ftp://{USER}:{PASSWORD}@127.0.0.1:{self.server.port}/"
        self.run_client("tnftp", "-o", "got", url + quote(f"names/{material.NAMES['UTF-8']}"))
        self.assert_same(self.local / "got", material.shared() / "names" / material.NAMES["UTF-8"])
        self.run_client("tnftp", "-u", url + "up/stored", "got")
        self.assert_same(self.local / "got", self.up / "stored")
