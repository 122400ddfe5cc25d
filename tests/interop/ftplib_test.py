"""Python's ftplib, in this process: everything it offers."""
import ftplib
from pathlib import PurePosixPath

from interop import material
from interop.client import Client, Downloads, DownloadsTrees, ResumesUploads, Uploads, UploadsTrees
from interop.server import LIMIT_S, PASSWORD, USER, on_both_backends


@on_both_backends
class Ftplib(Client, Downloads, Uploads, DownloadsTrees, UploadsTrees, ResumesUploads):

    def setUp(self):
        super().setUp()
        self.ftp = ftplib.FTP(timeout=LIMIT_S, encoding="utf-8")
        self.addCleanup(self.ftp.close)
        self.ftp.connect("127.0.0.1", self.server.port)
        self.ftp.login(USER, PASSWORD)

    def download(self, remote, local, rest=None):
        with open(local, "ab" if rest else "wb") as file:
            self.ftp.retrbinary(f"RETR {remote}", file.write, rest=rest)

    def upload(self, local, remote, rest=None):
        with open(local, "rb") as file:
            file.seek(rest or 0)
            self.ftp.storbinary(f"STOR {remote}", file, rest=rest)

    def resume_download(self, remote, local):
        self.download(remote, local, local.stat().st_size)

    def resume_upload(self, local, remote):
        self.ftp.voidcmd("TYPE I")  # in TYPE A, SIZE would count the octets of text
        self.upload(local, remote, self.ftp.size(remote))

    def download_tree(self, remote, local):
        local.mkdir()
        for name, facts in list(self.ftp.mlsd(remote)):
            if facts["type"] == "dir":
                self.download_tree(f"{remote}/{name}", local / name)
            elif facts["type"] == "file":
                self.download(f"{remote}/{name}", local / name)

    def upload_tree(self, local, remote):
        self.ftp.mkd(remote)
        for entry in local.iterdir():
            to = str(PurePosixPath(remote) / entry.name)
            self.upload_tree(entry, to) if entry.is_dir() else self.upload(entry, to)

    def test_transfers_both_ways_on_active_data_connections(self):
        self.ftp.set_pasv(False)
        self.download("middling", self.local / "got")
        self.upload(self.local / "got", "up/back")
        self.assertEqual(material.digest(self.up / "back"), material.shared_digest("middling"))

    def test_transfers_text(self):
        (self.up / "text").write_bytes(b"one\ntwo\n")
        lines = []
        self.ftp.retrlines("RETR up/text", lines.append)
        self.assertEqual(lines, ["one", "two"])
        with open(self.up / "text", "rb") as file:
            self.ftp.storlines("STOR up/back", file)
        self.assertEqual((self.up / "back").read_bytes(), b"one\ntwo\n")

    def test_aborts_a_transfer_and_goes_on(self):
        data = self.ftp.transfercmd("RETR big")
        data.recv(1000)
        self.assertRegex(self.ftp.abort(), "^(226|426)")
        data.close()
        self.assertRegex(self.ftp.getmultiline(), "^226")
        self.download("one", self.local / "one")
        self.assertEqual(material.digest(self.local / "one"), material.shared_digest("one"))

    def test_makes_renames_and_removes(self):
        self.assertEqual(self.ftp.mkd('up/a "new" one'), '/up/a "new" one')
        self.ftp.cwd('up/a "new" one')
        self.assertEqual(self.ftp.pwd(), '/up/a "new" one')
        self.ftp.storbinary("STOR old", open("/dev/null", "rb"))
        self.ftp.rename("old", "new")
        self.assertEqual(self.ftp.nlst(), ["new"])
        self.assertEqual(self.ftp.size("new"), 0)
        self.ftp.delete("new")
        self.ftp.cwd("..")
        self.ftp.rmd('a "new" one')
        self.assertEqual(list(self.up.iterdir()), [])
        self.assertRegex(self.ftp.quit(), "^221")
