"""Clients that vanish, stall or idle: what stays of their uploads, and that nothing of them stays behind."""
import os

from interop.server import Server, on_every_build, shows, wait_until
from operation.session import Session, reset

PART = b"part of a file\n" * 10000


@on_every_build
class Vanishing:

    def start(self, uploads=None, **sections):
        return Server(self.backend, {"uploads": uploads or {}, **sections}, binary=self.binary)

    def vanish_in_an_upload(self, server, vanish_data):
        session = Session(server)
        data = session.begin("STOR new")
        data.sendall(PART)
        written = server.root / "new" if server.settings["uploads"].get("publish", "direct") == "direct" else None
        wait_until(lambda: written is None or written.exists() and written.stat().st_size, "some of it is written")
        session.vanish()
        vanish_data(data)

    def check(self, server, left):
        """Both ways to vanish leave that, and the server as it was."""
        idle = server.descriptors()
        for vanish_data in (reset, lambda data: data.close()):
            self.vanish_in_an_upload(server, vanish_data)
            wait_until(lambda: server.descriptors() == idle, f"descriptors are {idle} again")
            wait_until(lambda: os.listdir(server.root) == left, f"{left} is what is left")
            for name in left:
                os.remove(server.root / name)

    @shows("CC-16", "DC-08")
    def test_the_partial_file_stays_where_it_is_to_be_kept(self):
        with self.start({"keep_partial": True}) as server:
            self.check(server, ["new"])

    def test_the_partial_file_goes_where_it_is_not_to_be_kept(self):
        with self.start({"keep_partial": False}) as server:
            idle = server.descriptors()
            self.vanish_in_an_upload(server, reset)
            wait_until(lambda: server.descriptors() == idle, f"descriptors are {idle} again")
            wait_until(lambda: not os.listdir(server.root), "nothing is left")

    def test_nothing_is_published_where_uploads_are_atomic_or_durable(self):
        for publish in ("atomic", "durable"):
            with self.subTest(publish), self.start({"publish": publish}) as server:
                idle = server.descriptors()
                self.vanish_in_an_upload(server, reset)
                wait_until(lambda: server.descriptors() == idle, f"descriptors are {idle} again")
                wait_until(lambda: not os.listdir(server.root), "nothing is left")

    def test_a_client_that_vanishes_at_any_point_leaves_nothing_behind(self):
        with self.start() as server:
            with open(server.root / "long", "wb") as file:
                file.truncate(1 << 30)
            idle = server.descriptors()
            for steps in (["connect"], ["login"], ["passive"], ["waiting"], ["download"], ["listing"]):
                with self.subTest(steps[0]):
                    self.vanish_at(server, steps[0])
                    wait_until(lambda: server.descriptors() == idle, f"descriptors are {idle} again")
            Session(server).quit()

    def vanish_at(self, server, point):
        session = Session(server, user=None if point == "connect" else "demo")
        data = None
        if point == "passive":
            session.expect("229", "EPSV")
        elif point == "waiting":  # the transfer waits for its data connection
            session.expect("229", "EPSV")
            session.expect("150", "RETR long")
        elif point == "download":
            data = session.begin("RETR long")
            data.recv(1000)
        elif point == "listing":
            data = session.begin("LIST")
        session.vanish()
        if data:
            reset(data)

    @shows("DC-13")
    def test_a_client_that_stalls_is_told_426_and_goes_on(self):
        with self.start(data={"stall_timeout_s": 3}) as server, Session(server) as session:
            data = session.begin("STOR new")
            data.sendall(PART)
            session.expect("426")
            data.close()
            self.assertRegex(session.store("again", PART), "^226")

    @shows("DC-13")
    def test_a_client_that_does_not_come_for_its_data_is_told_425_and_goes_on(self):
        with self.start(data={"connect_timeout_s": 3}) as server, Session(server) as session:
            (server.root / "file").write_bytes(PART)
            session.expect("229", "EPSV")
            session.expect("150", "RETR file")
            session.expect("425")
            self.assertEqual(session.retrieve("file"), PART)

    @shows("CC-13", "CC-14")
    def test_an_idle_session_is_told_421_but_not_while_it_transfers(self):
        with self.start(limits={"idle_timeout_s": 3}) as server, Session(server) as idle, Session(server) as busy:
            with open(server.root / "long", "wb") as file:
                file.truncate(256 << 20)
            data = busy.begin("RETR long")
            idle.expect("421")
            self.assertEqual(idle.reply(), "")
            while data.recv(1 << 20):
                pass
            data.close()
            busy.expect("226")
