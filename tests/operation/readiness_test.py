"""The server says when it accepts: a line on standard error, and sd_notify."""
import socket
import tempfile
import unittest

from interop.server import LIMIT_S, Server, on_both_backends, shows
from operation.session import Session


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


class CommandLine(unittest.TestCase):

    def test_serve_is_what_it_does_without_a_word(self):
        with Server("epoll", subcommand=()) as server:
            Session(server).quit()
