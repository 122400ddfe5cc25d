"""lftp: mirror both ways with times, pget over four connections, cls, resume, passive and active."""
import re

from interop import material
from interop.client import (Client, Downloads, DownloadsTrees, FetchesLinks, KeepsTimes, LargeTrees, ResumesUploads,
                            Uploads, UploadsTrees)
from interop.server import PASSWORD, USER, on_both_backends, on_one_backend, wait_until

SETTINGS = """set cmd:fail-exit yes
set ftp:ssl-allow no
set net:max-retries 1
set net:timeout 60
set xfer:clobber yes
set ftp:use-mode-z no
"""


def quoted(path):
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


class LftpCase(Client):
    program = "lftp"

    def lftp(self, *commands):
        opening = f"open -u {USER},{PASSWORD} -p {self.server.port} 127.0.0.1\n"
        return self.run_client("lftp", "--norc", "-f", "/dev/stdin", text=SETTINGS + opening + "\n".join(commands))

    def download_tree(self, remote, local):
        self.lftp(f"mirror --parallel=2 {quoted(remote)} {quoted(local)}")

    def upload_tree(self, local, remote):
        self.lftp(f"mirror --reverse --parallel=2 {quoted(local)} {quoted(remote)}")


@on_both_backends
class Lftp(LftpCase, Downloads, Uploads, DownloadsTrees, UploadsTrees, ResumesUploads, KeepsTimes, FetchesLinks):
    def delete_tree(self, remote):
        self.lftp(f"rm -r {quoted(remote)}")

    def download(self, remote, local):
        self.lftp(f"get -- {quoted(remote)} -o {quoted(local)}")

    def upload(self, local, remote):
        self.lftp(f"put -- {quoted(local)} -o {quoted(remote)}")

    def resume_download(self, remote, local):
        self.lftp(f"get -c {quoted(remote)} -o {quoted(local)}")

    def resume_upload(self, local, remote):
        self.lftp(f"put -c {quoted(local)} -o {quoted(remote)}")

    def test_fetches_a_file_in_four_parts_at_once(self):
        self.lftp(f"pget -n 4 big -o {quoted(self.local / 'big')}")
        self.assertEqual(material.digest(self.local / "big"), material.shared_digest("big"))

    def test_mirrors_with_four_parts_of_each_large_file(self):
        names = ("empty", "one", "middling", "big")
        for name in names:
            (self.up / name).hardlink_to(self.server.root / name)
        dialogue = self.lftp("debug 5", f"mirror --use-pget-n=4 up {quoted(self.local / 'copy')}")
        self.assertGreaterEqual(len(set(re.findall("---> REST ([1-9].*)", dialogue))), 2, "parts behind the first")
        for name in names:
            self.assertEqual(material.digest(self.local / "copy" / name), material.shared_digest(name))

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
        log_before = len(self.server.log())
        self.lftp(f"mirror up {quoted(self.local / 'copy')}")
        self.assertEqual((self.local / "copy" / "changed").read_text(), "changed")
        wait_until(lambda: "/up/changed" in self.server.log()[log_before:], "what has changed is in the log")
        self.assertNotIn("/up/kept", self.server.log()[log_before:])

    def test_mirrors_removals(self):
        """--delete both ways; what is there already is not sent again, as its size and time tell."""
        for name in ("größe 文件", "gone"):
            (self.up / name).write_text(name)
        (self.up / "gone too").mkdir()
        (self.up / "gone too" / "file").touch()
        there = self.local / "there"
        self.lftp(f"mirror up {quoted(there)}")
        self.assert_same_tree(there, self.up)
        (self.up / "gone").unlink()
        (self.up / "gone too" / "file").unlink()
        (self.up / "gone too").rmdir()
        self.lftp(f"mirror --delete up {quoted(there)}")
        self.assertEqual([path.name for path in there.iterdir()], ["größe 文件"])
        (there / "größe 文件").unlink()
        self.lftp(f"mirror --reverse --delete {quoted(there)} up")
        self.assertEqual(list(self.up.iterdir()), [])

    def test_goes_on_with_a_mirror_that_was_broken_off(self):
        whole = (self.server.root / "middling").read_bytes()
        part, there, here = whole[:1_000_000], self.up / "tree" / "middling", self.local / "tree" / "middling"
        for file, octets, seconds in ((there, whole, 1_000_000_000), (here, part, 1_000_000_060)):
            file.parent.mkdir()
            file.write_bytes(octets)
            material.set_time(file, seconds)
        dialogue = self.lftp("debug 5", f"mirror --continue up/tree {quoted(here.parent)}")
        self.assertIn("---> REST 1000000", dialogue)
        self.assertEqual(here.read_bytes(), whole)
        there.write_bytes(part)  # now, which is later: what is older would be replaced
        dialogue = self.lftp("debug 5", f"mirror --continue --reverse {quoted(here.parent)} up/tree")
        self.assertIn("---> REST 1000000", dialogue)
        self.assertEqual(there.read_bytes(), whole)

    def test_lists_with_cls(self):
        for name, time in (("größe 文件", 951_827_696), ("-dash", 946_684_799)):
            (self.up / name).write_text("12345")
            material.set_time(self.up / name, time)
        (self.up / "directory").mkdir()
        self.assertEqual(self.lftp("cls -1 up").splitlines(), ["up/-dash", "up/directory/", "up/größe 文件"])
        listed = self.lftp('set cmd:time-style "%Y%m%d%H%M%S"', "cls -1 --size --block-size=1 --date --basename up")
        self.assertIn("5 20000229123456 größe 文件", [" ".join(line.split()) for line in listed.splitlines()])
        self.assertIn("5 19991231235959 -dash", [" ".join(line.split()) for line in listed.splitlines()])

    def test_lists_renames_and_removes(self):
        output = self.lftp("mkdir up/new", "put /dev/null -o up/new/file", "mv up/new/file up/new/moved",
                           "cls -1 up/new", "rm up/new/moved", "rmdir up/new")
        self.assertIn("up/new/moved", output)
        self.assertEqual(list(self.up.iterdir()), [])


@on_one_backend
class LftpLarge(LargeTrees, LftpCase):
    pass
