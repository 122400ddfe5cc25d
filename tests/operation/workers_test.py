"""Several workers: what keeps them from starting is told once, and none outlives its supervisor."""
import errno
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from interop.server import LIMIT_S, SANITISED, Server, free_control_port, on_both_backends, to_toml, wait_until
from operation.session import Session

WORKERS = 3
SEVERAL = {"server": {"workers": WORKERS}}


def processes(server):
    """The processes of the workers, in the order of their numbers."""
    return [int(re.findall(rf"worker {number} is process (\d+)", server.log())[-1])
            for number in range(1, WORKERS + 1)]


def listeners(port):
    """How many sockets listen on that port of IPv4."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def runs(process):
    """Dead ones that nobody has waited for do not count."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@on_both_backends
class Workers:

    def test_ready_is_said_once_and_told_to_the_service_manager_once(self):
        with tempfile.TemporaryDirectory(prefix="millrace-notify-") as directory:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.bind(f"{directory}/notify")
                manager.settimeout(LIMIT_S)
                with Server(self.backend, SEVERAL, environment={"NOTIFY_SOCKET": f"{directory}/notify"}) as server:
                    self.assertEqual(server.log_words().count("ready"), 1)
                    self.assertEqual(listeners(server.port), WORKERS)
                    self.assertEqual(manager.recv(4096), b"READY=1")
                self.assertEqual(manager.recv(4096), b"STOPPING=1")
                manager.setblocking(False)
                self.assertRaises(BlockingIOError, manager.recv, 4096)

    def test_workers_end_when_their_supervisor_is_killed(self):
        with Server(self.backend, SEVERAL) as server:
            Session(server).quit()
            workers = processes(server)
            self.assertTrue(all(runs(worker) for worker in workers))
            server.process.kill()
            server.process.wait()
            wait_until(lambda: not any(runs(worker) for worker in workers), "no worker runs")
            server.stop = lambda: None  # there is no exit code to look at

    def test_a_worker_that_is_told_to_end_comes_back_too(self):
        with Server(self.backend, SEVERAL) as server:
            before = processes(server)
            os.kill(before[1], signal.SIGTERM)
            wait_until(lambda: processes(server)[1] != before[1], "another process is worker 2")
            self.assertIn("worker 2 died: exit code 0", server.log())
            twice = 2 * len(server.settings["listen"]["control"])
            wait_until(lambda: server.log().count("worker 2: listening on") == twice, "it accepts")
            self.assertEqual(listeners(server.port), WORKERS)
            self.assertEqual(server.log_words().count("ready"), 1)

    def test_a_broken_configuration_changes_nothing_and_is_told_once(self):
        with Server(self.backend, SEVERAL) as server:
            server.write_config("[listen\n")
            server.reload()
            server.wait_for_log("old configuration holds")
            Session(server).quit()
            server.write_config(to_toml(server.settings))
            server.reload()
            wait_until(lambda: server.log().count(": reloaded") == WORKERS, "all have reloaded")
            self.assertEqual(server.log().count("old configuration holds"), 1)


class WorkersThatCannotStart(unittest.TestCase):

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="millrace-workers-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.file = self.directory / "config.toml"

    def assert_refused(self, settings, line, key, reason, launcher=()):
        """One mistake, exit code 1, and no process is left of the group that it began."""
        self.file.write_text(to_toml(settings))
        with subprocess.Popen([*launcher, SANITISED, "serve", "--config", self.file], stderr=subprocess.PIPE, text=True,
                              start_new_session=True) as process:
            _, said = process.communicate(timeout=LIMIT_S)
        self.assertEqual(process.returncode, 1, said)
        mistakes = [one for one in said.splitlines() if one.startswith(f"{self.file}:")]
        self.assertEqual(len(mistakes), 1, said)
        self.assertRegex(mistakes[0], f":{line}: {re.escape(key)}: .*{reason}")
        with self.assertRaises(ProcessLookupError):
            os.killpg(process.pid, 0)

    def settings(self, port=None, **more):
        control = [f"127.0.0.1:{port or free_control_port()}"]
        return {"server": {"workers": WORKERS}, "listen": {"control": control}} | more

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", free_control_port())) as holder:
            self.assert_refused(self.settings(holder.getsockname()[1]), 4, "listen.control", "Address already in use")

    def test_an_address_that_is_not_here(self):
        settings = self.settings() | {"listen": {"control": ["192.0.2.1:2121"]}}
        self.assert_refused(settings, 4, "listen.control", "Cannot assign requested address")

    def test_a_port_that_another_server_serves(self):
        for others, own in ((WORKERS, WORKERS), (WORKERS, 1), (1, WORKERS)):
            with self.subTest(f"{own} beside {others}"), Server("epoll", {"server": {"workers": others}}) as server:
                settings = self.settings(server.port, server={"workers": own})
                self.assert_refused(settings, 4, "listen.control", "Address already in use")
                Session(server).quit()

    def test_what_only_a_worker_finds_out(self):
        launcher = [sys.executable, Path(__file__).with_name("without_io_uring.py"), str(errno.EPERM)]
        self.assert_refused(self.settings(io={"backend": "io_uring"}), 6, "io.backend", "EPERM", launcher)

    def test_what_cannot_be_divided(self):
        self.assert_refused(self.settings(data={"passive_ports": "50000-50001"}), 6, "data.passive_ports",
                            "3 ports at least for 3 workers, not 2")
        self.assert_refused(self.settings(limits={"transfer_buffers": 5}), 6, "limits.transfer_buffers",
                            "6 buffers at least for 3 workers, not 5")
        settings = self.settings() | {"listen": {"control": ["127.0.0.1:0"]}}
        self.assert_refused(settings, 4, "listen.control", "the port that 3 workers share")
