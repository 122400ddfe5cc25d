"""The server says when it accepts: a line on standard error, and sd_notify."""
import re
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from interop.server import (LIMIT_S, OPTIMISED, REPOSITORY, Server, free_control_port, on_both_backends, shows,
                            wait_until)
from operation.session import Session

WITHOUT_IPV6 = [sys.executable, Path(__file__).with_name("without_ipv6.py")]


@on_both_backends
class Readiness:

    @shows("CC-01", "CC-02")
    def test_the_line_ready_comes_once_and_then_clients_are_greeted(self):
        with Server(self.backend) as server:
            self.assertEqual(server.log_words().count("ready"), 1)
            with Session(server) as session:
                self.assertTrue(session.greeting.startswith("220"))
            self.assertIn(f"with {self.backend}", server.log())

    def test_a_service_manager_is_notified(self):
        with tempfile.TemporaryDirectory(prefix="millrace-notify-") as directory:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.bind(f"{directory}/notify")
                manager.settimeout(LIMIT_S)
                with Server(self.backend, environment={"NOTIFY_SOCKET": f"{directory}/notify"}):
                    self.assertIn(b"READY=1", manager.recv(4096).splitlines())
                self.assertIn(b"STOPPING=1", manager.recv(4096).splitlines())


    def test_standard_error_has_ready_wherever_the_log_goes_and_however_little_it_says(self):
        for workers in (1, 2):
            for level in ("info", "error"):
                with self.subTest(f"{workers} workers, {level}"), tempfile.TemporaryDirectory() as directory:
                    file = Path(directory) / "logs/millrace"
                    settings = {"server": {"workers": workers}, "log": {"level": level, "file": str(file)}}
                    with Server(self.backend, settings) as server:
                        self.assertEqual(server.log(), "ready\n")
                        if level == "info":
                            wait_until(lambda: "ready" in file.read_text().split(), "`ready` in the file")
        with Server(self.backend, {"log": {"level": "warning"}}) as server:
            self.assertEqual(server.log_words().count("ready"), 1)


@on_both_backends
class WithoutIpv6:

    def start(self, control, **more):
        settings = {"listen": {"control": control}, "log": {"level": "info"}} | more
        return Server(self.backend, settings, launcher=WITHOUT_IPV6)

    def test_the_default_listeners_start_with_one_warning(self):
        for workers in (1, 2):
            with self.subTest(f"{workers} workers"):
                port = free_control_port()
                with self.start([f"0.0.0.0:{port}", f"[::]:{port}"], server={"workers": workers}) as server:
                    Session(server).quit()
                    warnings = re.findall(r" warning .*", server.log())
                    self.assertEqual(len(warnings), 1, server.log())
                    self.assertRegex(warnings[0], r"config\.toml:\d+: listen\.control: there is no IPv6 here .*\[::\]")
                    server.reload()
                    wait_until(lambda: server.log().count("reloaded") == workers, "all have reloaded")
                    self.assertNotIn("restart", server.log())

    def test_check_warns_as_well(self):
        port = free_control_port()
        with self.start([f"0.0.0.0:{port}", f"[::]:{port}"]) as server:
            ended = subprocess.run([*WITHOUT_IPV6, OPTIMISED, "check", "--config", server.config_file],
                                   capture_output=True, text=True, timeout=LIMIT_S)
            self.assertEqual(ended.returncode, 0)
            self.assertIn("listen.control: warning: there is no IPv6 here", ended.stderr)
            self.assertIn("good", ended.stdout)

    def test_it_does_not_start_where_nothing_else_listens_or_an_address_is_named(self):
        port = free_control_port()
        for control in ([f"[::]:{port}"], [f"127.0.0.1:{port}", f"[::1]:{port}"]):
            with self.subTest(control), self.assertRaisesRegex(AssertionError, r"cannot listen on \[::1?\].*IPv6"):
                self.start(control)


class CommandLine(unittest.TestCase):

    def test_it_tells_its_version(self):
        text = (REPOSITORY / "core/version.hpp").read_text()
        version = re.search(r'version = "([\d.]+)"', text).group(1)
        for program in ("millrace", "millrace-bench"):
            ended = subprocess.run([REPOSITORY / "build" / program, "--version"], capture_output=True, text=True,
                                   timeout=LIMIT_S)
            self.assertEqual((ended.returncode, ended.stdout), (0, f"{program} {version}\n"), ended.stderr)

    def test_serve_is_what_it_does_without_a_word(self):
        with Server("epoll", subcommand=()) as server:
            Session(server).quit()
