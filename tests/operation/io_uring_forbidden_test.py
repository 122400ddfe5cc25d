"""Where io_uring is forbidden: auto takes epoll and says why; io_uring alone is refused with a reason."""
import errno
import subprocess
import sys
import unittest
from pathlib import Path

from interop.server import LIMIT_S, OPTIMISED, Server, to_toml
from operation.session import Session

LAUNCHER = Path(__file__).with_name("without_io_uring.py")
SWITCH = Path("/proc/sys/kernel/io_uring_disabled")
# What a container's filter says, and what a kernel without io_uring says.
ERRORS = ("EPERM", "ENOSYS")


def forbidding(error):
    return [sys.executable, LAUNCHER, str(getattr(errno, error))]


class IoUringForbidden(unittest.TestCase):

    def test_auto_falls_back_to_epoll_with_one_line_that_says_why(self):
        for error in ERRORS:
            with self.subTest(error), Server("auto", launcher=forbidding(error)) as server:
                self.assert_fallback(server, error)

    def test_io_uring_alone_is_refused_with_a_reason(self):
        for error in ERRORS:
            with self.subTest(error):
                self.assert_refused(forbidding(error), error)

    def test_the_switch_of_the_kernel(self):
        try:
            before = SWITCH.read_text()
            SWITCH.write_text("2")
        except OSError as error:
            self.skipTest(f"{SWITCH}: {error.strerror}")
        try:
            with Server("auto") as server:
                self.assert_fallback(server, "EPERM")
            self.assert_refused([], "EPERM")
        finally:
            SWITCH.write_text(before)

    def assert_fallback(self, server, error):
        lines = [line for line in server.log().splitlines() if "falling back" in line]
        self.assertEqual(len(lines), 1, server.log())
        self.assertRegex(lines[0], f"falling back to epoll: .*io_uring.*{error}")
        self.assertIn("with epoll", server.log())
        with Session(server) as session:
            self.assertRegex(session.store("file", b"octets"), "^226")
            self.assertEqual(session.retrieve("file"), b"octets")

    def assert_refused(self, launcher, error):
        with Server("epoll") as spare:  # for a configuration and its directory
            text = to_toml(spare.settings | {"io": {"backend": "io_uring"}})
            file = spare.directory / "io_uring.toml"
            file.write_text(text)
            line = text.splitlines().index('backend = "io_uring"') + 1
            ended = subprocess.run([*launcher, OPTIMISED, "serve", "--config", file], capture_output=True, text=True,
                                   timeout=LIMIT_S)
        self.assertEqual(ended.returncode, 1, ended.stderr)
        self.assertRegex(ended.stderr, f"{file}:{line}: io.backend: .*io_uring.*{error}")
