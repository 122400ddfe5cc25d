"""Roots on a file system in user space: what it tells only when a file is closed, what it lacks, and its end."""
import errno
import functools
import os
import select
import subprocess
import tempfile
import time
from pathlib import Path

from interop.server import LIMIT_S, Server, on_both_backends, wait_until
from operation.session import Session

DISK = Path(__file__).resolve().parent / "fuse_disk.py"
PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's packages
PUBLISHING = ("direct", "atomic", "durable")


class FuseDisk:
    """Mounted at a directory until end(); bounded in time, whatever hangs."""

    def __init__(self, at):
        self.at = at
        self.directory = Path(tempfile.mkdtemp(prefix="millrace-fuse-"))
        self.files, self.orders = self.directory / "files", self.directory / "orders"
        for one in (self.files, self.orders):
            one.mkdir()
        self.process = subprocess.Popen([PYTHON, DISK, self.files, at, self.orders],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def mounted(self):
        with open("/proc/self/mounts") as mounts:
            return any(line.split()[1] == str(self.at) for line in mounts)

    def names(self):
        return [name for name in os.listdir(self.files) if not name.startswith(".fuse_hidden")]

    def order(self, name, text=""):
        (self.orders / name).write_text(str(text))

    def withdraw(self, name):
        (self.orders / name).unlink(missing_ok=True)

    def kill(self):
        self.process.kill()
        self.process.wait(LIMIT_S)

    def end(self):
        for name in ("hold", "flush"):
            self.withdraw(name)
        subprocess.run(["umount", "--lazy", self.at], capture_output=True, timeout=LIMIT_S)
        self.kill()
        self.process.stderr.close()
        subprocess.run(["rm", "-rf", self.directory], check=False)


def has_reply(session):
    return bool(select.select([session.control], [], [], 0)[0])


@functools.cache
def why_not():
    if not os.path.exists("/dev/fuse"):
        return "there is no /dev/fuse"
    if subprocess.run([PYTHON, "-c", "import fusepy"], capture_output=True, check=False).returncode != 0:
        return "python3-fusepy is not installed"
    return None


@on_both_backends
class FuseRoot:

    def serve(self, publish):
        """A server whose root is such a disk, and the disk."""
        if reason := why_not():
            self.skipTest(reason)
        server = Server(self.backend, {"uploads": {"publish": publish}}, binary=self.binary)
        self.addCleanup(server.end)
        disk = self.mount(server.root)
        server.reload()  # opens the root again: what is mounted now
        wait_until(lambda: "reloaded" in server.log(), "the root is opened again")
        return server, disk

    def mount(self, at):
        disk = FuseDisk(at)
        self.addCleanup(disk.end)
        wait_until(lambda: disk.mounted() or disk.process.poll() is not None, "the disk is mounted")
        if disk.process.poll() is not None:
            self.skipTest(f"cannot mount: {disk.process.stderr.read().strip()}")
        return disk

    def test_what_only_closing_tells_is_the_answer_to_the_upload(self):
        for publish in PUBLISHING:
            with self.subTest(publish):
                server, disk = self.serve(publish)
                with server, Session(server) as session:
                    self.assertRegex(session.store("old", b"old"), "^226")
                    for error, code in ((errno.EIO, "^451"), (errno.EDQUOT, "^552"), (errno.ENOSPC, "^452")):
                        disk.order("flush", error)
                        self.assertRegex(session.store("new", b"new"), code)
                        self.assertRegex(session.store("old", b"new"), code)
                        session.expect("350", "SITE CPFR old")
                        self.assertRegex(session.command("SITE CPTO copy"), code)
                    self.assertNotIn("copy", disk.names())
                    if publish != "direct":
                        self.assertEqual((disk.files / "old").read_bytes(), b"old")
                        wait_until(lambda: disk.names() == ["old"], "nothing else stays")
                    disk.withdraw("flush")
                    self.assertRegex(session.store("new", b"new"), "^226")
                    self.assertEqual((disk.files / "new").read_bytes(), b"new")
                    session.quit()

    def test_a_close_that_waits_holds_up_its_own_upload_alone(self):
        for publish in PUBLISHING:
            with self.subTest(publish):
                server, disk = self.serve(publish)
                with server, Session(server) as session, Session(server) as other:
                    disk.order("hold")
                    with session.begin("STOR held") as data:
                        data.sendall(b"held")
                    for _ in range(20):
                        other.expect("200", "NOOP")
                        time.sleep(0.01)
                    self.assertFalse(has_reply(session))
                    disk.withdraw("hold")
                    session.expect("226")
                    self.assertEqual((disk.files / "held").read_bytes(), b"held")
                    session.quit()
                    other.quit()

    def test_unique_names_without_a_rename_that_does_not_replace(self):
        for publish in ("atomic", "durable"):
            with self.subTest(publish):
                server, disk = self.serve(publish)
                with server, Session(server) as session:
                    for content in (b"one", b"two"):
                        with session.open_data() as data:
                            name = session.expect("1", "STOU name").split("FILE: ")[1]
                            data.sendall(content)
                        session.expect("226")
                        self.assertEqual((disk.files / name).read_bytes(), content)
                    self.assertEqual(len(disk.names()), 2)
                    session.quit()

    def test_what_a_killed_server_leaves_is_removed_by_the_next_one(self):
        if reason := why_not():
            self.skipTest(reason)
        shared = Path(tempfile.mkdtemp(prefix="millrace-test-"))
        self.addCleanup(os.rmdir, shared)
        disk = self.mount(shared)
        settings = {"uploads": {"publish": "atomic"},
                    "user": [{"name": "demo", "password": "", "root": str(shared)}]}
        killed = Server(self.backend, settings, binary=self.binary)
        self.addCleanup(killed.end)
        session = Session(killed, user=None)
        self.addCleanup(session.close)
        session.expect("220" if not session.greeting else "230", "USER demo")
        session.expect("200", "TYPE I")
        with session.begin("STOR file") as data:
            data.sendall(b"bytes")
            wait_until(disk.names, "the temporary file")
            killed.process.kill()
            killed.process.wait(LIMIT_S)
        left, = disk.names()
        self.assertRegex(left, r"^\.millrace-[0-9a-f]{16}$")
        an_hour_ago = time.time() - 3600
        os.utime(shared / left, (an_hour_ago, an_hour_ago))
        with Server(self.backend, settings, binary=self.binary) as server, Session(server, user=None) as session:
            session.expect("230", "USER demo")
            session.expect("200", "TYPE I")
            self.assertRegex(session.store("file", b"new"), "^226")
            wait_until(lambda: disk.names() == ["file"], "what was left is gone")
            session.quit()

    def test_a_file_system_that_dies_ends_its_uploads_and_nothing_else(self):
        server, disk = self.serve("atomic")
        with server, Session(server) as session:
            with session.begin("STOR file") as data:
                data.sendall(b"bytes")
                wait_until(disk.names, "the temporary file")
                disk.kill()
                data.sendall(b"more")
            self.assertRegex(session.reply(), "^(426|451|55.)")
            session.expect("200", "NOOP")
            session.quit()
