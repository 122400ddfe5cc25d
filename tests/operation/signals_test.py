"""SIGTERM drains and ends with 0; SIGHUP reads the configuration again."""
import contextlib
import re
import signal
import socket
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from random import Random

from interop.server import LIMIT_S, PASSWORD_HASH, Server, on_both_backends, shows, to_toml, wait_until
from operation.session import Session, read_all

# More than the kernel's buffers take: while nobody reads, the transfer is under way.
LONG_FILE = Random(1).randbytes(64 << 20)


def start_long_transfer(server, session):
    (server.root / "long").write_bytes(LONG_FILE)
    data = session.begin("RETR long")
    first = data.recv(1)
    return data, first


@on_both_backends
class Drain:

    @shows("RP-09")
    def test_idle_sessions_get_421_and_the_server_ends_with_0(self):
        with Server(self.backend) as server:
            sessions = [Session(server) for _ in range(3)] + [Session(server, user=None)]
            server.send_signal(signal.SIGTERM)
            for session in sessions:
                session.expect("421")
                self.assertEqual(session.reply(), "")
                session.close()
            server.wait_for_end()

    def test_a_running_transfer_comes_to_its_end(self):
        with Server(self.backend, {"server": {"drain_timeout_s": LIMIT_S}}) as server:
            with Session(server) as session, Session(server) as idle:
                data, octets = start_long_transfer(server, session)
                server.send_signal(signal.SIGTERM)
                idle.expect("421")
                octets += read_all(data)
                data.close()
                session.expect("226")
                session.expect("421")
                self.assertEqual(sha256(octets).digest(), sha256(LONG_FILE).digest())
                server.wait_for_end()

    def test_a_running_upload_comes_to_its_end(self):
        with Server(self.backend, {"server": {"drain_timeout_s": LIMIT_S}}) as server:
            with Session(server) as session, Session(server) as idle:
                data = session.begin("STOR new")
                data.sendall(LONG_FILE[:1000])
                server.send_signal(signal.SIGTERM)
                idle.expect("421")
                data.sendall(LONG_FILE[1000:])
                data.close()
                session.expect("226")
                session.expect("421")
                server.wait_for_end()
            self.assertEqual(sha256((server.root / "new").read_bytes()).digest(), sha256(LONG_FILE).digest())

    def test_no_new_session_is_accepted(self):
        with Server(self.backend, {"server": {"drain_timeout_s": LIMIT_S}}) as server, Session(server) as session:
            data, _ = start_long_transfer(server, session)
            server.send_signal(signal.SIGTERM)
            wait_until(lambda: refuses(server), "connections are refused")
            data.close()
            server.wait_for_end()

    def test_a_transfer_longer_than_the_timeout_is_ended(self):
        with Server(self.backend, {"server": {"drain_timeout_s": 1}}) as server, Session(server) as session:
            data, _ = start_long_transfer(server, session)
            begun = time.monotonic()
            server.send_signal(signal.SIGTERM)
            server.wait_for_end()
            self.assertGreaterEqual(time.monotonic() - begun, 0.9)
            data.close()

    def test_a_second_signal_is_no_harm(self):
        with Server(self.backend, {"server": {"drain_timeout_s": LIMIT_S}}) as server, Session(server) as session:
            data, _ = start_long_transfer(server, session)
            server.send_signal(signal.SIGTERM)
            wait_until(lambda: refuses(server), "connections are refused")
            server.send_signal(signal.SIGTERM)
            data.close()
            server.wait_for_end()


def refuses(server):
    try:
        socket.create_connection(("127.0.0.1", server.port), LIMIT_S).close()
    except ConnectionError:
        return True
    return False


@on_both_backends
class Reload:

    def test_a_new_user_can_log_in_and_a_removed_one_no_more(self):
        with Server(self.backend, {"limits": {"login_failure_delay_ms": 0}}) as server, Session(server) as before:
            users = [{"name": "new", "password": PASSWORD_HASH, "root": str(server.root)}]
            server.write_config(to_toml(server.settings | {"user": users}))
            server.reload()
            server.wait_for_log("reloaded")
            Session(server, "new", "demo").quit()
            with Session(server, user=None) as removed:
                removed.expect("331", "USER demo")
                removed.expect("530", "PASS demo")
            before.expect("257", "PWD")

    def test_a_broken_configuration_changes_nothing_and_is_told(self):
        with Server(self.backend) as server:
            for broken in ("[listen\n", '[io]\nbakend = "auto"\n',
                           to_toml(server.settings | {"tls": {"certificate": "/missing.pem", "key": "/missing.pem"}})):
                told = server.log().count("old configuration holds")
                server.write_config(broken)
                server.reload()
                wait_until(lambda: server.log().count("old configuration holds") > told, "an error in the log")
                self.assertIn(" error ", server.log())
                Session(server).quit()

    def test_each_mistake_of_a_reload_is_in_the_log_with_line_key_and_cure(self):
        for workers in (1, 2):
            with self.subTest(f"{workers} workers"), Server(self.backend, {"server": {"workers": workers}}) as server:
                lines = to_toml(server.settings).count("\n")
                server.write_config(to_toml(server.settings) + '[limits]\nsessions = "many"\n[tuning]\nslice_kb = 1\n')
                server.reload()
                server.wait_for_log("old configuration holds")
                errors = [line for line in server.log().splitlines() if " error " in line]
                self.assertEqual(len(errors), 3, errors)
                place = f"reload: {server.config_file}:"
                self.assertIn(f"{place}{lines + 2}: limits.sessions: ", errors[0])
                self.assertRegex(errors[1],
                                 re.escape(f"{place}{lines + 4}: tuning.slice_kb: ") + ".*did you mean `slice_kib`")

    def test_what_takes_a_restart_is_told(self):
        with Server(self.backend, {"log": {"level": "info"}}) as server:
            server.write_config(to_toml(server.settings | {"log": {"level": "error"}, "tuning": {"pipes": 1}}))
            server.reload()
            server.wait_for_log("reloaded")
            self.assertIn("[log] changed: that takes a restart", server.log())
            self.assertIn("[tuning] changed: that takes a restart", server.log())
            self.assertNotIn("listen.control changed", server.log())

    def test_limits_of_the_new_configuration_hold_for_new_sessions(self):
        with Server(self.backend) as server, Session(server) as before:
            server.write_config(to_toml(server.settings | {"limits": {"sessions": 1}}))
            server.reload()
            server.wait_for_log("reloaded")
            with Session(server) as refused:
                self.assertTrue(refused.greeting.startswith("421"), refused.greeting)
            before.expect("200", "NOOP")


@on_both_backends
class LogFile:
    """logrotate renames the file and sends SIGHUP."""

    def start(self, directory, workers):
        self.file = Path(directory) / "log"
        return Server(self.backend, {"server": {"workers": workers}, "log": {"file": str(self.file), "level": "info"}})

    def wait_for_line(self, text, file=None):
        wait_until(lambda: text in (file or self.file).read_text(), f"`{text}` in {file or self.file}")

    def processes(self, server):
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        return [server.pid, *map(int, children)]

    def holders(self, server, file):
        """Descriptors of the server's processes that are open on that very file."""
        wanted = file.stat()
        held = 0
        for process in self.processes(server):
            for descriptor in Path(f"/proc/{process}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    found = descriptor.stat()
                    held += (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino)
        return held

    def test_a_renamed_log_is_let_go_and_a_new_one_begun(self):
        for workers in (1, 3):
            for good in (True, False):
                with self.subTest(f"{workers} workers, {'good' if good else 'broken'} configuration"):
                    with tempfile.TemporaryDirectory() as directory, self.start(directory, workers) as server:
                        writers = 1 if workers == 1 else workers + 1
                        self.wait_for_line("ready")
                        mode = self.file.stat().st_mode
                        old = self.file.rename(Path(directory) / "log.1")
                        Session(server).quit()
                        self.wait_for_line("enters", old)
                        if not good:
                            server.write_config("[listen\n")
                        server.reload()
                        wait_until(lambda: self.file.exists() and self.holders(server, self.file) == writers,
                                   "all write to the new file")
                        self.assertEqual(self.holders(server, old), 0)
                        self.assertEqual(self.file.stat().st_mode, mode)
                        self.wait_for_line("reloaded" if good else "old configuration holds")
                        size = old.stat().st_size
                        Session(server).quit()
                        self.wait_for_line("enters")
                        self.assertEqual(old.stat().st_size, size)

    def test_where_no_new_one_can_be_opened_the_old_one_goes_on(self):
        with tempfile.TemporaryDirectory() as directory, self.start(directory, 1) as server:
            self.wait_for_line("ready")
            old = self.file.rename(Path(directory) / "log.1")
            self.file.mkdir()
            server.reload()
            self.wait_for_line(f"cannot open `{self.file}` anew: Is a directory", old)
            Session(server).quit()
            self.wait_for_line("enters", old)
            self.file.rmdir()
            server.reload()
            wait_until(self.file.exists, "another try at the next reload")
