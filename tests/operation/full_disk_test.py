"""A disk that fills: 452, the session goes on, and room can be made."""
import os
import subprocess
from hashlib import sha256
from random import Random

from interop.server import Server, on_every_build, shows, wait_until
from operation.session import Session

DISK_SIZE = 4 << 20
TOO_LARGE = Random(2).randbytes(6 << 20).replace(b"\r", b" ")  # the lines of TYPE A come back as they were
FITS = TOO_LARGE[:3 << 20]


@on_every_build
class FullDisk:

    def serve_small_disk(self, publish="direct"):
        """A server whose root is a disk of 4 MiB."""
        server = Server(self.backend, {"uploads": {"publish": publish}}, binary=self.binary)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "tmpfs", server.root],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            server.stop()
            server.end()
            self.skipTest(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
        self.addCleanup(server.end)  # when the disk is gone
        self.addCleanup(subprocess.run, ["umount", "--lazy", server.root])
        server.reload()  # opens the root again: what is mounted now
        wait_until(lambda: "reloaded" in server.log(), "the root is opened again")
        return server

    @shows("DC-14", "RP-08")
    def test_an_upload_that_does_not_fit_gets_452_and_after_DELE_there_is_room(self):
        with self.serve_small_disk() as server, Session(server) as session:
            for kind in ("I", "A"):
                with self.subTest(f"TYPE {kind}"):
                    session.expect("200", f"TYPE {kind}")
                    self.assertRegex(session.store("too large", TOO_LARGE), "^452")
                    session.expect("200", "NOOP")
                    session.expect("250", "DELE too large")
                    sent = FITS if kind == "I" else FITS.replace(b"\n", b"\r\n")
                    self.assertRegex(session.store("fits", sent), "^226")
                    self.assert_stored(server, "fits", FITS)
                    session.expect("250", "DELE fits")

    def test_an_unpublished_upload_that_does_not_fit_gives_its_room_back(self):
        for publish in ("atomic", "durable"):
            with self.subTest(publish), self.serve_small_disk(publish) as server, Session(server) as session:
                self.assertRegex(session.store("too large", TOO_LARGE), "^452")
                self.assertEqual(os.listdir(server.root), [])
                self.assertRegex(session.store("fits", FITS), "^226")
                self.assert_stored(server, "fits", FITS)

    def test_room_that_ALLO_asks_for_and_is_not_there_is_refused_before_the_first_octet(self):
        with self.serve_small_disk() as server, Session(server) as session:
            session.expect("200", f"ALLO {DISK_SIZE * 2}")
            with session.open_data():
                session.expect("452", "STOR new")
            self.assertRegex(session.store("fits", FITS), "^226")

    def assert_stored(self, server, name, octets):
        self.assertEqual(sha256((server.root / name).read_bytes()).digest(), sha256(octets).digest())
