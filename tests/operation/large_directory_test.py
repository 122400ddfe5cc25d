"""A directory of a million entries: listed whole, in little memory, while others are answered and it changes."""
import os
import select
import shutil
import tempfile
import threading
import time
import unittest
from pathlib import Path

from interop.server import LIMIT_S, PASSWORD_HASH, USER, Server, on_both_backends, shows
from operation.session import Session

ENTRIES = 1_000_000
MEMORY_LIMIT_KIB = 32 << 10
NOOP_LIMIT_S = 10  # generous: it shows that the server answers, not how fast this machine is
IN_MEMORY = Path("/dev/shm")
INODES_FREE = 1_200_000
PIECE = 1 << 20

directory = None


def setUpModule():
    global directory
    facts = os.statvfs(IN_MEMORY)
    if facts.f_files and facts.f_favail < INODES_FREE:
        raise unittest.SkipTest(f"{IN_MEMORY} has room for {facts.f_favail} files")
    directory = Path(tempfile.mkdtemp(prefix="millrace-test-", dir=IN_MEMORY))
    unittest.addModuleCleanup(shutil.rmtree, directory)
    (directory / "many").mkdir()
    many = os.open(directory / "many", os.O_RDONLY)
    for number in range(ENTRIES):
        os.mknod(f"entry-{number:07}", 0o100644, dir_fd=many)
    os.close(many)


@on_both_backends
class LargeDirectory:

    def settings(self):
        return {"user": [{"name": USER, "password": PASSWORD_HASH, "root": str(directory)}]}

    @shows("SV-14", "ML-04")
    def test_a_million_entries(self):
        with Server(self.backend, self.settings()) as server, Session(server) as lister, Session(server) as other:
            idle_kib = server.resident_kib()
            for command in ("MLSD many", "LIST many", "LIST -U many", "NLST many"):
                listing = Listing(lister, other, command)
                print(f"  {command}: {listing.octets >> 20} MiB in {listing.took_s:.1f} s, the first octet after "
                      f"{listing.first_ms:.1f} ms; NOOP meanwhile {listing.noop_ms[len(listing.noop_ms) // 2]:.1f} ms "
                      f"median, {listing.noop_ms[-1]:.1f} ms at most; {server.resident_kib() - idle_kib} KiB more")
                self.assertEqual(listing.lines, ENTRIES + (command == "MLSD many"))
                self.assertLess(listing.noop_ms[-1], NOOP_LIMIT_S * 1000)
                self.assertLess(server.resident_kib() - idle_kib, MEMORY_LIMIT_KIB)

    def test_nobody_reads_it(self):
        with Server(self.backend, self.settings()) as server, Session(server) as lister:
            idle_kib = server.resident_kib()
            with lister.begin("LIST many") as data:
                time.sleep(1)
                self.assertLess(server.resident_kib() - idle_kib, MEMORY_LIMIT_KIB)
                lister.expect("426", "ABOR")
                lister.expect("226")
                data.recv(1)
            lister.expect("200", "NOOP")

    def test_it_changes_while_it_is_listed(self):
        with Server(self.backend, self.settings()) as server, Session(server) as lister, Session(server) as other:
            stop = threading.Event()
            changing = threading.Thread(target=change, args=(directory / "many", stop))
            changing.start()
            try:
                listing = Listing(lister, other, "MLSD many")
            finally:
                stop.set()
                changing.join()
            self.assertGreaterEqual(listing.lines, ENTRIES)


class Listing:
    """One listing, read to its end while another session says NOOP all the time."""

    def __init__(self, session, other, command):
        begun = time.monotonic()
        self.octets = self.lines = 0
        self.first_ms, self.noop_ms = None, []
        with session.begin(command) as data:
            asked = None
            while True:
                if asked is None:
                    other.send("NOOP")
                    asked = time.monotonic()
                ready, _, _ = select.select([data, other.control], [], [], LIMIT_S)
                if other.control in ready:
                    other.expect("200")
                    self.noop_ms.append((time.monotonic() - asked) * 1000)
                    asked = None
                if data in ready:
                    piece = data.recv(PIECE)
                    if self.first_ms is None:
                        self.first_ms = (time.monotonic() - begun) * 1000
                    if not piece:
                        break
                    self.octets += len(piece)
                    self.lines += piece.count(b"\n")
        if asked is not None:
            other.expect("200")
        session.expect("226")
        self.took_s = time.monotonic() - begun
        self.noop_ms.sort()


def change(path, stop):
    """Names come and go, and what stays is written to, all the time."""
    number = 0
    while not stop.is_set():
        number += 1
        (path / f"new-{number % 100}").write_text("x")
        (path / f"new-{(number + 50) % 100}").unlink(missing_ok=True)
        os.utime(path / f"entry-{number % ENTRIES:07}")
    for name in range(100):
        (path / f"new-{name}").unlink(missing_ok=True)
