"""lftp: mirror both ways, pget over four connections, resume, passive and active."""
from interop import material
from interop.client import Client, Downloads, DownloadsTrees, ResumesUploads, Uploads, UploadsTrees
from interop.server import PASSWORD, USER, on_both_backends

SETTINGS = """set cmd:fail-exit yes
set ftp:ssl-allow no
set net:max-retries 1
set net:timeout 60
set xfer:clobber yes
"""


def quoted(path):
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


@on_both_backends
class Lftp(Client, Downloads, Uploads, DownloadsTrees, UploadsTrees, ResumesUploads):
    program = "lftp"

    def lftp(self, *commands):
        opening = f"open -u {USER},{PASSWORD} -p {self.server.port} 127.0.0.1\n"
        return self.run_client("lftp", "--norc", "-f", "/dev/stdin", text=SETTINGS + opening + "\n".join(commands))

    def download(self, remote, local):
        self.lftp(f"get -- {quoted(remote)} -o {quoted(local)}")

    def upload(self, local, remote):
        self.lftp(f"put -- {quoted(local)} -o {quoted(remote)}")

    def resume_download(self, remote, local):
        self.lftp(f"get -c {quoted(remote)} -o {quoted(local)}")

    def resume_upload(self, local, remote):
        self.lftp(f"put -c {quoted(local)} -o {quoted(remote)}")

    def download_tree(self, remote, local):
        self.lftp(f"mirror --parallel=2 {quoted(remote)} {quoted(local)}")

    def upload_tree(self, local, remote):
        self.lftp(f"mirror --reverse --parallel=2 {quoted(local)} {quoted(remote)}")

    def test_fetches_a_file_in_four_parts_at_once(self):
        self.lftp(f"pget -n 4 big -o {quoted(self.local / 'big')}")
        self.assertEqual(material.digest(self.local / "big"), material.shared_digest("big"))

    def test_transfers_both_ways_on_active_data_connections(self):
        self.lftp("set ftp:passive-mode no", f"get middling -o {quoted(self.local / 'got')}",
                  f"put {quoted(self.local / 'got')} -o up/back")
        self.assertEqual(material.digest(self.up / "back"), material.shared_digest("middling"))

    def test_transfers_both_ways_in_mode_z(self):
        text = self.local / "text"
        text.write_text("".join(f"line {i}\n" for i in range(100_000)))
        output = self.lftp("set ftp:use-mode-z yes", "set ftp:compressed-re nothing", "debug 5",
                           f"put {quoted(text)} -o up/text", f"get up/text -o {quoted(self.local / 'back')}",
                           "cls -1 up")
        self.assertIn("MODE Z", output)
        self.assertIn("up/text", output)
        self.assertEqual((self.up / "text").read_bytes(), text.read_bytes())
        self.assertEqual((self.local / "back").read_bytes(), text.read_bytes())

    def test_mirrors_only_what_changed(self):
        for name in ("kept", "changed"):
            (self.up / name).write_text("before")
        self.lftp(f"mirror up {quoted(self.local / 'copy')}")
        (self.up / "changed").write_text("changed")
        log_before = self.server.log()
        self.lftp(f"mirror up {quoted(self.local / 'copy')}")
        self.assertEqual((self.local / "copy" / "changed").read_text(), "changed")
        self.assertNotIn("/up/kept", self.server.log()[len(log_before):])

    def test_lists_renames_and_removes(self):
        output = self.lftp("mkdir up/new", "put /dev/null -o up/new/file", "mv up/new/file up/new/moved",
                           "cls -1 up/new", "rm up/new/moved", "rmdir up/new")
        self.assertIn("up/new/moved", output)
        self.assertEqual(list(self.up.iterdir()), [])
