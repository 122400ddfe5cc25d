"""The load generator's TLS: against vsftpd, and against a server of our own that cuts the stream.

Every download is compared with the first of its file. Knows command lines and JSON, no protocol of Millrace's.
"""
import functools
import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from interop.other_server import Vsftpd
from interop.server import LIMIT_S, REPOSITORY

GENERATOR = REPOSITORY / "build/millrace-bench"
ADDRESS = "127.0.0.1"
FILE = os.urandom(300_000)


@functools.cache
def certificate():
    """Key and certificate in one file; the directory goes with the process."""
    certificate.directory = tempfile.TemporaryDirectory(prefix="millrace-tls-")
    key, file = (Path(certificate.directory.name) / name for name in ("key", "certificate"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", f"/CN={ADDRESS}", "-keyout", key, "-out", file], check=True, capture_output=True)
    file.write_text(key.read_text() + file.read_text())
    return file


class Case(unittest.TestCase):
    def bench(self, server, *words, user="anonymous"):
        """The exit code and the JSON."""
        if not GENERATOR.exists():
            self.fail("build/millrace-bench is missing: make build/millrace-bench")
        with tempfile.NamedTemporaryFile(suffix=".json") as result:
            ended = subprocess.run(
                [GENERATOR, words[0], "--server", f"{ADDRESS}:{server.port}", "--user", user, "--json", result.name,
                 "--workers", "1", "--timeout", str(LIMIT_S), *words[1:]],
                capture_output=True, text=True, timeout=LIMIT_S)
            self.assertIn(ended.returncode, (0, 1), ended.stdout + ended.stderr)
            return ended.returncode, json.load(result)

    def assert_bench(self, server, operations, *words):
        """So many operations succeed. The JSON."""
        code, result = self.bench(server, *words, "--operations", str(operations))
        self.assertEqual((code, result["errors"], result["operations"]), (0, 0, operations), result["error_kinds"])
        return result


# ---- vsftpd ----

class VsftpdTls(Vsftpd):
    more = ()

    def config(self):
        (self.root / "file").write_bytes(FILE)
        (self.root / "files").mkdir()
        for size in range(10):
            (self.root / f"files/{size}").write_bytes(FILE[:1000 * size])
        return super().config() + "\n".join([
            "anon_other_write_enable=YES",
            "ssl_enable=YES",
            "allow_anon_ssl=YES",
            "force_anon_logins_ssl=YES",
            "ssl_ciphers=HIGH",
            f"rsa_cert_file={certificate()}",
            f"rsa_private_key_file={certificate()}",
            *self.more,
            ""])


class ImplicitVsftpd(VsftpdTls):
    more = ("implicit_ssl=YES",)

    def greets(self):
        """Only behind a handshake: that somebody listens must do."""
        with socket.socket() as probe:
            return probe.connect_ex((self.address, self.port)) == 0


class Bench_with_vsftpd(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = VsftpdTls(ADDRESS)  # wants data connections to resume the control connection's session
        cls.addClassCleanup(cls.server.end)

    def test_downloads_on_resumed_sessions(self):
        for version in ("1.2", "1.3"):
            with self.subTest(version=version):
                result = self.assert_bench(self.server, 10, "get", "--path", "file", "--connections", "2", "--verify",
                                           "--tls", "explicit", "--tls-version", version)
                self.assertEqual(result["octets"], 10 * len(FILE))
                self.assertEqual(result["tls"], {"handshakes": 12, "resumed": 10})

    def test_drops_and_paces_what_it_downloads(self):
        for words in ([], ["--stream-rate", "3000000"]):
            result = self.assert_bench(self.server, 4, "get", "--path", "file", "--tls", "explicit", *words)
            self.assertEqual(result["octets"], 4 * len(FILE))

    def test_lists_and_downloads_many_files(self):
        result = self.assert_bench(self.server, 20, "small", "--path", "files", "--connections", "1", "--verify",
                                   "--tls", "explicit")
        self.assertEqual(result["octets"], 2 * sum(1000 * size for size in range(10)))
        self.assert_bench(self.server, 5, "list", "--path", "files", "--tls", "explicit")

    def test_uploads(self):
        for size in (0, 1, 3_000_000):
            with self.subTest(size=size):
                self.assert_bench(self.server, 1, "put", "--path", "up", "--size", str(size), "--tls", "explicit",
                                  "--connections", "1", "--keep")
                (stored,) = (self.server.root / "up").iterdir()
                self.assertEqual(stored.stat().st_size, size)
                stored.unlink()

    def test_listens_for_data_connections(self):
        self.assert_bench(self.server, 6, "get", "--path", "file", "--data", "active", "--verify", "--tls", "explicit")

    def test_leaves_data_connections_in_the_clear(self):
        result = self.assert_bench(self.server, 6, "get", "--path", "file", "--connections", "2", "--verify",
                                   "--tls", "explicit", "--tls-data", "no")
        self.assertEqual(result["tls"], {"handshakes": 2, "resumed": 0})

    def test_is_told_that_the_session_must_be_resumed(self):
        code, result = self.bench(self.server, "get", "--path", "file", "--operations", "1", "--connections", "1",
                                  "--tls", "explicit", "--tls-resume", "no")
        self.assertEqual(code, 1)
        self.assertGreater(result["errors"], 0)


class Bench_with_implicit_TLS(Case):
    def test_downloads(self):
        server = ImplicitVsftpd(ADDRESS)
        self.addCleanup(server.end)
        result = self.assert_bench(server, 6, "get", "--path", "file", "--connections", "2", "--verify",
                                   "--tls", "implicit")
        self.assertEqual(result["tls"], {"handshakes": 8, "resumed": 6})


# ---- A server of our own: what the others do not do for certain ----

class OwnServer:
    """One session after another, without a password. A download ends by close_notify, or by the connection's end."""
    replies = {b"PBSZ": "200", b"PROT": "200", b"USER": "230", b"TYPE": "200", b"QUIT": "221"}

    def __init__(self, says_end=True):
        self.says_end = says_end
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate())
        self.listener = socket.create_server((ADDRESS, 0))
        self.data = socket.create_server((ADDRESS, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                control, _ = self.listener.accept()
            except OSError:  # shut down: the end of the test
                return
            with control:
                self.serve_session(control)

    def serve_session(self, control):
        control.settimeout(LIMIT_S)
        control.sendall(b"220 here\r\n")
        assert control.recv(100) == b"AUTH TLS\r\n"
        control.sendall(b"234 now\r\n")
        with self.context.wrap_socket(control, server_side=True) as control:
            line = b""
            while not line.startswith(b"QUIT") and (line := control.recv(100)):
                if line.startswith(b"EPSV"):
                    control.sendall(b"229 there (|||%d|)\r\n" % self.data.getsockname()[1])
                elif line.startswith(b"RETR"):
                    control.sendall(b"150 now\r\n")
                    self.send()
                    control.sendall(b"226 all\r\n")
                else:
                    control.sendall(f"{self.replies[line[:4]]} good\r\n".encode())

    def send(self):
        stream, _ = self.data.accept()
        with self.context.wrap_socket(stream, server_side=True) as stream:
            stream.sendall(FILE)
            if self.says_end:
                stream.unwrap()

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.data.close()


class Bench_with_a_server_of_our_own(Case):
    def open(self, **options):
        server = OwnServer(**options)
        self.addCleanup(server.end)
        return server

    def test_resumes_the_sessions_of_former_logins(self):
        for resume, resumed in (("yes", 9), ("no", 0)):
            with self.subTest(resume=resume):
                result = self.assert_bench(self.open(), 10, "login", "--connections", "1", "--tls", "explicit",
                                           "--tls-resume", resume)
                self.assertEqual(result["tls"], {"handshakes": 10, "resumed": resumed})

    def test_takes_close_notify_for_the_end(self):
        result = self.assert_bench(self.open(), 2, "get", "--path", "file", "--connections", "1", "--tls", "explicit")
        self.assertEqual(result["octets"], 2 * len(FILE))

    def test_takes_an_end_without_close_notify_for_an_error(self):
        code, result = self.bench(self.open(says_end=False), "get", "--path", "file", "--operations", "1",
                                  "--connections", "1", "--tls", "explicit")
        self.assertEqual((code, result["operations"], list(result["error_kinds"])), (1, 0, ["data"]))
        self.assertIn("unexpected eof", result["error_kinds"]["data"]["example"])
