"""One FTP session, spoken line by line, so that a test decides what happens when.

Knows enough of RFC 959 to log in, to open data connections and to read replies.
"""
import socket
import struct

from interop.server import LIMIT_S, PASSWORD, USER


class Session:
    """Connected, greeted and, unless told otherwise, logged in, in TYPE I."""

    def __init__(self, server, user=USER, password=PASSWORD):
        self.control = socket.create_connection(("127.0.0.1", server.port), LIMIT_S)
        self.lines = self.control.makefile("rb")
        try:
            self.greeting = self.reply()
            if user and self.greeting.startswith("220"):
                self.login(user, password)
        except BaseException:
            self.close()
            raise

    def login(self, user, password):
        self.expect("331", f"USER {user}")
        self.expect("230", f"PASS {password}")
        self.expect("200", "TYPE I")

    # ---- Commands ----

    def send(self, line):
        self.control.sendall(line.encode() + b"\r\n")

    def reply(self):
        """The next reply, all its lines; "" when the connection is closed."""
        text = self.lines.readline().decode()
        if text[3:4] == "-":
            end = text[:3] + " "
            while not (line := self.lines.readline().decode()).startswith(end):
                if not line:
                    return ""
                text += line
            text += line
        return text.rstrip("\r\n")

    def command(self, line):
        self.send(line)
        return self.reply()

    def expect(self, codes, line=None):
        """A reply that begins with one of the codes (one word each, any number of digits)."""
        reply = self.command(line) if line is not None else self.reply()
        if not reply or not reply.startswith(tuple(codes.split())):
            raise AssertionError(f"{line}: wanted {codes}, got {reply!r}")
        return reply

    # ---- Data connections ----

    def open_data(self):
        port = int(self.expect("229", "EPSV").split("|")[3])
        return socket.create_connection(("127.0.0.1", port), LIMIT_S)

    def begin(self, line):
        """The open data connection of a transfer that has got its 1yz."""
        data = self.open_data()
        try:
            self.expect("1", line)
        except BaseException:
            data.close()
            raise
        return data

    def retrieve(self, path):
        with self.begin(f"RETR {path}") as data:
            octets = read_all(data)
        self.expect("226")
        return octets

    def store(self, path, octets):
        """The last reply. The server may end the data connection before all is sent."""
        with self.begin(f"STOR {path}") as data:
            try:
                data.sendall(octets)
            except ConnectionError:
                pass
        return self.reply()

    def listing(self, path=""):
        with self.begin(f"NLST {path}".rstrip()) as data:
            text = read_all(data).decode()
        self.expect("226")
        return text.splitlines()

    # ---- Ends ----

    def quit(self):
        self.expect("221", "QUIT")
        self.close()

    def close(self):
        self.lines.close()
        self.control.close()

    def vanish(self):
        reset(self.control)
        self.lines.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def read_all(connection):
    octets = bytearray()
    while piece := connection.recv(1 << 16):
        octets += piece
    return bytes(octets)


def reset(connection):
    """Closes with RST, as a host does that was restarted."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
