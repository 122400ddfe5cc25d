"""Where openat2(2) is forbidden or missing: one warning at the start, and all commands work, below the root alone."""
import errno
import os
import sys
from pathlib import Path

from interop.server import Server, on_both_backends
from operation.session import Session

LAUNCHER = Path(__file__).with_name("without_openat2.py")


@on_both_backends
class Openat2Forbidden:

    def start(self, error):
        return Server(self.backend, {"log": {"level": "info"}},
                      launcher=[sys.executable, LAUNCHER, str(getattr(errno, error))])

    def test_files_are_served_and_one_warning_says_how(self):
        for error in ("EPERM", "ENOSYS"):
            with self.subTest(error), self.start(error) as server:
                warnings = [line for line in server.log().splitlines() if "openat2" in line]
                self.assertEqual(len(warnings), 1, server.log())
                self.assertIn(error, warnings[0])
                with Session(server) as session:
                    self.assertRegex(session.command("MKD deep"), "^257")
                    self.assertRegex(session.store("deep/file", b"octets"), "^226")
                    self.assertEqual(session.retrieve("deep/../deep/./file"), b"octets")
                    self.assertRegex(session.command("CWD deep"), "^250")
                    self.assertRegex(session.command("SIZE ../deep/file"), "^213 6")
                    self.assertRegex(session.command("RNFR file"), "^350")
                    self.assertRegex(session.command("RNTO /moved"), "^250")
                    self.assertRegex(session.command("CDUP"), "^250")
                    self.assertRegex(session.command("DELE moved"), "^250")
                    self.assertRegex(session.command("RMD deep"), "^250")

    def test_links_are_followed_below_the_root_alone(self):
        with self.start("EPERM") as server:
            inside = server.root / "inside"
            inside.mkdir()
            (inside / "file").write_bytes(b"octets")
            outside = server.directory / "secret"
            outside.write_bytes(b"secret")
            for name, target in {"good": "inside/file", "chain": "good", "up": "inside/../inside/file",
                                 "absolute": outside, "above": "../secret", "loop": "loop"}.items():
                os.symlink(target, server.root / name)
            with Session(server) as session:
                for name in ("good", "chain", "up"):
                    self.assertEqual(session.retrieve(name), b"octets", name)
                for name in ("absolute", "above", "loop", "inside/../../secret"):
                    self.assertRegex(session.command(f"SIZE {name}"), "^550", name)
