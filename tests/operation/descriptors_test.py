"""Descriptors: none stays open after its session, and running out of them is no crash."""
import shutil
import socket
import unittest

from interop.server import LIMIT_S, Server, on_both_backends, on_every_build, shows, wait_until
from operation.session import Session, read_all

FEW = 40  # descriptors; the server needs about a dozen for itself
OCTETS = b"some octets\n" * 20000


@on_every_build
class Descriptors:

    def test_none_is_left_over_after_a_day_of_sessions(self):
        with Server(self.backend, {"limits": {"login_failure_delay_ms": 0}}, binary=self.binary) as server:
            idle = server.descriptors()
            self.live_a_session(server, "first")
            pipe_ends = server.pipe_ends()
            for number in range(10):
                self.live_a_session(server, number)
                with Session(server) as dropped:  # without QUIT
                    dropped.expect("229", "EPSV")
            wait_until(lambda: server.descriptors() == idle, f"descriptors are {idle} again")
            self.assertEqual(server.pipe_ends(), pipe_ends)

    def live_a_session(self, server, number):
        session = Session(server)
        session.expect("257", f"MKD directory{number}")
        session.expect("250", f"CWD directory{number}")
        for kind in ("I", "A"):
            session.expect("200", f"TYPE {kind}")
            self.assertRegex(session.store(f"file{kind}", OCTETS), "^226")
            session.retrieve(f"file{kind}")
        self.assertEqual(sorted(session.listing()), ["fileA", "fileI"])
        with session.open_data():
            session.expect("550", "RETR missing")
        with session.begin("RETR fileI") as data:
            session.send("ABOR")
            read_all(data)
        session.expect("226 426")
        session.expect("226")
        session.expect("212", "STAT .")
        session.expect("213", "SIZE fileI")
        session.expect("350", "RNFR fileI")
        session.expect("250", "RNTO renamed")
        session.expect("250", "DELE renamed")
        session.expect("550", "RMD ../missing")
        session.expect("331", "USER demo")
        session.expect("530", "PASS wrong")
        session.quit()


@on_both_backends
class FewDescriptors:
    """Not with sanitizers: to look at memory UBSan opens a pipe, and without one it sees errors everywhere."""

    @shows("CC-03", "RP-08")
    @unittest.skipUnless(shutil.which("prlimit"), "prlimit is not installed")
    def test_running_out_of_them_refuses_and_recovers(self):
        launcher = ["prlimit", f"--nofile={FEW}:{FEW}"]
        with Server(self.backend, launcher=launcher) as server:
            idle = server.descriptors()
            (server.root / "file").write_bytes(OCTETS)
            working, refused = self.connect_until_refused(server)
            print(f"  {FEW} descriptors, {idle} when idle: {len(working)} sessions, then {refused}")
            for session in working[:3]:  # a transfer cannot be had now, or can: it gets an answer
                self.assertRegex(session.command("EPSV"), "^(229|421|425)")
                self.assertRegex(session.command("SIZE file"), "^(213|4)")
            waiting = [socket.create_connection(("127.0.0.1", server.port), LIMIT_S) for _ in range(FEW)]
            for connection in [*working, *waiting]:
                connection.close()
            wait_until(lambda: self.works(server), "a new session works")
            wait_until(lambda: server.descriptors() == idle, f"descriptors are {idle} again")

    def connect_until_refused(self, server):
        """The sessions that could log in, and how the next one fared: told 421, or left to wait."""
        working = []
        self.addCleanup(lambda: [session.close() for session in working])
        for _ in range(FEW):
            session = Session(server, user=None)
            if not session.greeting.startswith("220"):
                session.close()
                return working, session.greeting or "closed"
            working.append(session)
            session.expect("331", "USER demo")
            session.expect("2 4", "PASS demo")
        self.fail(f"{FEW} sessions with {FEW} descriptors")

    def works(self, server):
        try:
            with Session(server) as session:
                return session.retrieve("file") == OCTETS
        except (AssertionError, OSError):
            return False
