"""Third-party transfers (RFC 959, figure 3): one client, two control connections, data from server to server.

Millrace with Millrace on each pair of backends, with vsftpd and with ProFTPD; and the policy that says no.
The servers have different addresses, and the client a third one: what the policy looks at.
"""
import atexit
import ftplib
import socket
import unittest

from interop import material
from interop.other_server import Proftpd, Vsftpd
from interop.server import LIMIT_S, PASSWORD, USER, Server, free_control_port, io_uring_allowed, on_both_backends, shows

CLIENT, HERE, THERE, ELSEWHERE = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"
FILES = ("empty", "one", "big")
TURNS = 8


class Millrace(Server):
    """On one address of this host; third parties may be at the addresses of `foreign`."""
    user, password = USER, PASSWORD

    def __init__(self, backend, address, foreign=(), **data):
        networks = [f"{other}/32" for other in foreign]
        super().__init__(backend, {"listen": {"control": [f"{address}:{free_control_port()}"]},
                                   "data": {"foreign_addresses": networks} | data})
        self.address = address
        atexit.register(self.end)  # an interrupted run does no other cleaning up
        (self.root / "up").mkdir()


class Login(ftplib.FTP):
    """The client's control connection to one server, logged in, in TYPE I."""

    def __init__(self, server):
        super().__init__(timeout=LIMIT_S)
        self.server = server
        try:
            self.connect(server.address, server.port, source_address=(CLIENT, 0))
            self.login(server.user, server.password)
            self.voidcmd("TYPE I")
        except BaseException:
            self.close()
            raise

    def passive_port(self):
        """Where the server listens for one data connection now."""
        host, port = ftplib.parse227(self.sendcmd("PASV"))
        if host != self.server.address:
            raise AssertionError(f"PASV at {self.server.address} names {host}")
        return port

    def begin(self, line):
        self.putcmd(line)
        self.begun()

    def begun(self):
        reply = self.getresp()
        if not reply.startswith("1"):
            raise AssertionError(f"wanted 1yz, got {reply}")

    def path(self, name):
        return self.server.root / name


def connected(source, server, port):
    return socket.create_connection((server.address, port), LIMIT_S, (source, 0))


# ---- Transfers ----

class Exchanges:
    """Between the servers `here`, a Millrace on `backend`, and `there`, which open_there() gives."""

    @classmethod
    def setUpClass(cls):
        cls.here = Millrace(cls.backend, HERE, [THERE])
        cls.addClassCleanup(cls.here.end)
        cls.met = set()  # ports
        cls.there = cls.open_there()
        cls.addClassCleanup(cls.there.end)
        for server in (cls.here, cls.there):
            material.link_into(server.root)

    @classmethod
    def tearDownClass(cls):
        cls.here.stop()
        if isinstance(cls.there, Millrace):
            cls.there.stop()

    def setUp(self):
        self.one, self.other = self.log_in(self.here), self.log_in(self.there)

    def log_in(self, server):
        login = Login(server)
        self.addCleanup(login.close)
        return login

    @shows("PP-15")
    def test_a_third_party_has_files_sent_by_the_passive_server(self):
        for passive, active in ((self.one, self.other), (self.other, self.one)):
            for name in FILES:
                with self.subTest(f"{name}, passive: {passive.server.address}"):
                    self.introduce(passive, active)
                    self.transfer(passive, active, name, f"up/{name} of the passive")

    @shows("PP-15")
    def test_a_third_party_has_files_received_by_the_passive_server(self):
        for passive, active in ((self.one, self.other), (self.other, self.one)):
            for name in FILES:
                with self.subTest(f"{name}, passive: {passive.server.address}"):
                    self.introduce(passive, active)
                    self.transfer(active, passive, name, f"up/{name} of the active")

    @shows("PP-05", "PP-15")
    def test_a_third_party_takes_a_new_port_for_each_of_many_transfers(self):
        """With both roles and directions in turn, and a PASV now and then that another one replaces."""
        pair = (self.one, self.other)
        for turn in range(TURNS):
            with self.subTest(turn):
                passive, active = pair[turn % 2], pair[1 - turn % 2]
                sender, receiver = (passive, active) if turn // 2 % 2 else (active, passive)
                replaced = passive.passive_port() if turn // 4 else None
                port = self.introduce(passive, active)
                if replaced not in (None, port):
                    self.assert_closed(passive, replaced)
                self.transfer(sender, receiver, "middling", f"up/turn {turn}")
                self.assert_closed(passive, port)

    def introduce(self, passive, active):
        """PASV to one, PORT to the other; gives the port, which no transfer of this class had before."""
        port = passive.passive_port()
        if port in self.met:  # ports are random: once it may happen, and the old connection is in TIME_WAIT
            port = passive.passive_port()
        self.assertNotIn(port, self.met)
        self.met.add(port)
        active.sendport(passive.server.address, port)
        return port

    def transfer(self, sender, receiver, source, target):
        receiver.putcmd(f"STOR {target}")  # who is passive may answer only when the other one has come
        sender.putcmd(f"RETR {source}")
        for login in (receiver, sender):
            login.begun()
        for login in (receiver, sender):
            self.assertRegex(login.voidresp(), "^226")
        self.assertEqual(material.digest(receiver.path(target)), material.shared_digest(source))
        receiver.path(target).unlink()

    def assert_closed(self, passive, port):
        """Of Millrace only: how the others do it is their affair. Refused, or, just after the reply, reset."""
        if isinstance(passive.server, Millrace):
            try:
                with connected(CLIENT, passive.server, port) as late:
                    self.assertEqual(octets_of(late), b"")
            except (ConnectionRefusedError, ConnectionResetError):
                pass


class WithMillrace(Exchanges):

    @classmethod
    def open_there(cls):
        if cls.backend_there == "io_uring" and not io_uring_allowed():
            raise unittest.SkipTest("this host does not allow io_uring")
        return Millrace(cls.backend_there, THERE, [HERE])


@on_both_backends
class Epoll_and(WithMillrace):
    backend_there = "epoll"


@on_both_backends
class Io_uring_and(WithMillrace):
    backend_there = "io_uring"


@on_both_backends
class Vsftpd_and(Exchanges):

    @classmethod
    def open_there(cls):
        return Vsftpd(THERE)


@on_both_backends
class Proftpd_and(Exchanges):

    @classmethod
    def open_there(cls):
        return Proftpd(THERE)


# ---- Refusals ----

@on_both_backends
class Refusals:

    def open(self, *args, **data):
        server = self.enterContext(Millrace(self.backend, *args, **data))
        login = Login(server)
        self.addCleanup(login.close)
        return login

    def test_the_address_of_a_third_party_is_refused_unless_it_is_named(self):
        for named, refused in (((), THERE), ([THERE], ELSEWHERE)):
            with self.subTest(named), socket.create_server((refused, 0)) as listener:
                login = self.open(HERE, named)
                login.server.root.joinpath("file").write_bytes(b"octets")
                port = listener.getsockname()[1]
                self.assert_reply(login, "504", f"PORT {refused.replace('.', ',')},{port >> 8},{port & 255}")
                self.assert_reply(login, "504", f"EPRT |1|{refused}|{port}|")
                login.begin("RETR file")  # to port U of the client, where nobody listens
                self.assertRegex(self.bad_reply(login), "^425")
                listener.setblocking(False)
                with self.assertRaises(BlockingIOError):
                    listener.accept()
                for address in (CLIENT, *named):
                    login.sendport(address, port)
                    self.assert_reply(login, "504", f"PORT {address.replace('.', ',')},0,21")

    def test_a_third_party_at_the_passive_port_is_not_served_unless_it_is_named(self):
        for named, refused in (((), THERE), ([THERE], ELSEWHERE)):
            for served in (CLIENT, *named):
                with self.subTest(f"{refused} refused, {served} served"):
                    login = self.open(HERE, named)
                    login.server.root.joinpath("file").write_bytes(b"octets")
                    self.assert_sends(login, refused, served)
                    self.assert_receives(login, refused, served)

    def assert_sends(self, login, refused, served):
        port = login.passive_port()
        with connected(refused, login.server, port) as early:
            login.begin("RETR file")
            with connected(refused, login.server, port) as late:
                self.assertEqual([octets_of(early), octets_of(late)], [b"", b""])
        with connected(served, login.server, port) as data:
            self.assertEqual(octets_of(data), b"octets")
        self.assertRegex(login.voidresp(), "^226")

    def assert_receives(self, login, refused, served):
        port = login.passive_port()
        with connected(refused, login.server, port) as stranger:
            try:
                stranger.sendall(b"a stranger's")
            except ConnectionError:
                pass
            login.begin("STOR up/file")
            with connected(served, login.server, port) as data:
                data.sendall(b"the client's")
            self.assertRegex(login.voidresp(), "^226")
        self.assertEqual(login.path("up/file").read_bytes(), b"the client's")

    def test_a_third_party_transfer_needs_the_leave_of_the_passive_server_too(self):
        passive = self.open(HERE, connect_timeout_s=1)
        active = self.open(THERE, [HERE])
        active.server.root.joinpath("file").write_bytes(b"octets" * 1_000_000)
        active.sendport(HERE, passive.passive_port())
        passive.begin("STOR up/file")
        active.begin("RETR file")
        self.assertRegex(self.bad_reply(active), "^42[56]")
        self.assertRegex(self.bad_reply(passive), "^425")
        stored = passive.path("up/file")
        self.assertFalse(stored.exists() and stored.stat().st_size, "something of it was stored")

    def assert_reply(self, login, code, line):
        login.putcmd(line)
        self.assertEqual(self.bad_reply(login)[:3], code, line)

    def bad_reply(self, login):
        """The next reply, which must be 4yz or 5yz."""
        with self.assertRaises((ftplib.error_temp, ftplib.error_perm)) as caught:
            self.fail(f"a good reply: {login.getresp()}")
        return str(caught.exception)


def octets_of(connection):
    """All until the end; a reset is an end."""
    octets = bytearray()
    try:
        while piece := connection.recv(1 << 16):
            octets += piece
    except ConnectionResetError:
        pass
    return bytes(octets)
