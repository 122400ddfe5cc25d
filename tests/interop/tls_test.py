"""TLS as clients speak it: curl, lftp, wget, Python's ftplib, openssl s_client and the load generator, explicit and
implicit, TLS 1.2 and 1.3, with resumed data connections and without. tnftp and ncftp of Debian have no FTPS.
"""
import contextlib
import ftplib
import functools
import json
import signal
import socket
import ssl
import subprocess
import tempfile
from pathlib import Path

from interop import material
from interop.client import Client
from interop.server import LIMIT_S, PASSWORD, REPOSITORY, USER, Server, free_control_port, on_both_backends, shows

ADDRESS = "127.0.0.1"
VERSIONS = ("1.2", "1.3")
EACH = [(version, kind) for version in VERSIONS for kind in ("explicit", "implicit")]
NAMES = ("empty", "one", "middling")
GENERATOR = REPOSITORY / "build/millrace-bench"


@functools.cache
def certificate():
    """(certificate, key); the directory goes with the process."""
    certificate.directory = tempfile.TemporaryDirectory(prefix="millrace-tls-")
    files = [Path(certificate.directory.name) / name for name in ("certificate.pem", "key.pem")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", f"/CN={ADDRESS}", "-addext", f"subjectAltName=IP:{ADDRESS}", "-out", files[0], "-keyout",
                    files[1]], check=True, capture_output=True)
    return files


def tls_settings(**more):
    certificate_file, key = map(str, certificate())
    return {"certificate": certificate_file, "key": key} | more


class Secured(Client):
    """A server with a listener of each kind, which `settings` adjusts."""
    tls = {}

    @classmethod
    def setUpClass(cls):
        cls.implicit = free_control_port()
        cls.settings = {"listen": {"implicit_tls": [f"{ADDRESS}:{cls.implicit}"]}, "tls": tls_settings(**cls.tls),
                        "limits": {"login_failure_delay_ms": 0}}
        super().setUpClass()

    def port_of(self, kind):
        return self.implicit if kind == "implicit" else self.server.port

    def assert_whole(self, name, local):
        self.assertEqual(material.digest(local), material.shared_digest(name))


@on_both_backends
class CurlTls(Secured):
    program = "curl"

    def curl(self, kind, version, *arguments):
        scheme = "ftps" if kind == "implicit" else "ftp"
        options = ["--silent", "--show-error", "--disable", "--max-time", LIMIT_S, "--cacert", certificate()[0],
                   "--ssl-reqd", f"--tlsv{version}", "--tls-max", version]
        url = f"{scheme}://{USER}:{PASSWORD}@{ADDRESS}:{self.port_of(kind)}/"
        return self.run_client("curl", *map(str, options), *[str(word).replace("URL/", url) for word in arguments])

    @shows("TL-01", "TL-09", "TL-14", "TL-16")
    def test_transfers_both_ways(self):
        for version, kind in EACH:
            with self.subTest(f"TLS {version}, {kind}"):
                for name in NAMES:
                    self.curl(kind, version, "--output", self.local / name, f"URL/{name}")
                    self.assert_whole(name, self.local / name)
                    self.curl(kind, version, "--upload-file", self.local / name, f"URL/up/{name}")
                    self.assert_whole(name, self.up / name)

    def test_transfers_300_MiB_both_ways(self):
        self.curl("explicit", "1.3", "--output", self.local / "big", "URL/big")
        self.assert_whole("big", self.local / "big")
        self.curl("explicit", "1.3", "--upload-file", self.local / "big", "URL/up/big")
        self.assert_whole("big", self.up / "big")

    def test_lists_resumes_and_fetches_many(self):
        self.assertIn("middling", self.curl("explicit", "1.3", "--list-only", "URL/"))
        (self.local / "middling").write_bytes((material.shared() / "middling").read_bytes()[:1000])
        self.curl("explicit", "1.3", "--continue-at", "-", "--output", self.local / "middling", "URL/middling")
        self.assert_whole("middling", self.local / "middling")
        words = [word for name in NAMES for word in ("--output", self.local / name, f"URL/{name}")]
        self.curl("explicit", "1.2", *words)
        self.assert_whole("one", self.local / "one")


@on_both_backends
class CurlClearsTheCommandChannel(CurlTls):
    tls = {"ccc": True}

    @shows("TL-22", "TL-23")
    def test_transfers_both_ways(self):
        for mode in ("active", "passive"):
            for version in VERSIONS:
                with self.subTest(f"{mode}, TLS {version}"):
                    clearing = ["--ftp-ssl-ccc", "--ftp-ssl-ccc-mode", mode]
                    self.curl("explicit", version, *clearing, "--output", self.local / "got", "URL/middling")
                    self.assert_whole("middling", self.local / "got")

    test_transfers_300_MiB_both_ways = test_lists_resumes_and_fetches_many = None


@on_both_backends
class CurlMustResume(CurlTls):
    """With TLS 1.2 by session id, for curl takes no tickets there."""
    tls = {"data_resumption": "require"}
    test_transfers_300_MiB_both_ways = test_lists_resumes_and_fetches_many = None


@on_both_backends
class LftpTls(Secured):
    """GnuTLS in place of OpenSSL. Its data connections resume."""
    program = "lftp"
    tls = {"data_resumption": "require"}

    def lftp(self, kind, version, *commands):
        scheme = "ftps" if kind == "implicit" else "ftp"
        settings = ["set cmd:fail-exit yes", "set ftp:ssl-force yes", "set ftp:ssl-protect-data yes",
                    "set ssl:check-hostname no", f"set ssl:ca-file {certificate()[0]}", "set net:max-retries 1",
                    f"set net:timeout {LIMIT_S}", "set xfer:clobber yes",
                    f"set ssl:priority NORMAL:-VERS-ALL:+VERS-TLS{version}",
                    f"open -u {USER},{PASSWORD} -p {self.port_of(kind)} {scheme}://{ADDRESS}"]
        return self.run_client("lftp", "--norc", "-f", "/dev/stdin", text="\n".join([*settings, *commands]) + "\n")

    def test_transfers_both_ways(self):
        for version, kind in EACH:
            with self.subTest(f"TLS {version}, {kind}"):
                for name in NAMES:
                    self.lftp(kind, version, f"get {name} -o {self.local / name}", f"put {self.local / name} -o up/{name}")
                    self.assert_whole(name, self.local / name)
                    self.assert_whole(name, self.up / name)

    def test_mirrors_both_ways(self):
        self.lftp("explicit", "1.3", f"mirror --parallel=2 names {self.local / 'names'}",
                  f"mirror --reverse --parallel=2 {self.local / 'names'} up/names")
        self.assertEqual(material.digests(self.up / "names"), material.digests(material.shared() / "names"))

    def test_transfers_on_active_data_connections(self):
        self.lftp("explicit", "1.3", "set ftp:passive-mode no", f"get middling -o {self.local / 'got'}",
                  f"put {self.local / 'got'} -o up/back")
        self.assert_whole("middling", self.up / "back")


@on_both_backends
class WgetTls(Secured):
    program = "wget"

    def test_downloads(self):
        for kind in ("explicit", "implicit"):
            with self.subTest(kind):
                options = ["--ftps-implicit"] * (kind == "implicit")
                self.run_client("wget", "--quiet", "--no-config", "--no-check-certificate", *options, "--output-document",
                                str(self.local / "got"),
                                f"ftps://{USER}:{PASSWORD}@{ADDRESS}:{self.port_of(kind)}/middling")
                self.assert_whole("middling", self.local / "got")


# ---- ftplib ----

class Resuming(ftplib.FTP_TLS):
    """Resumes the control connection's session on data connections, which the library itself does not."""
    resumes = True

    def ntransfercmd(self, cmd, rest=None):
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:
            session = self.sock.session if self.resumes else None
            data = self.context.wrap_socket(data, server_hostname=self.host, session=session)
        return data, size


class Implicit(Resuming):
    def connect(self, host, port):
        self.host = host
        raw = socket.create_connection((host, port), LIMIT_S)
        self.af = raw.family
        self.sock = self.context.wrap_socket(raw, server_hostname=host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome


def context_of(version):
    context = ssl.create_default_context(cafile=certificate()[0])
    context.minimum_version = context.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
    return context


class FtplibCase(Secured):
    def open(self, version="1.3", kind="explicit", resumes=True):
        made = (Implicit if kind == "implicit" else Resuming)(context=context_of(version), timeout=LIMIT_S)
        self.addCleanup(made.close)
        made.resumes = resumes
        made.connect(ADDRESS, self.port_of(kind))
        if kind == "implicit":
            ftplib.FTP.login(made, USER, PASSWORD)
        else:
            made.login(USER, PASSWORD)
        made.prot_p()
        return made

    def both_ways(self, ftp, name="middling"):
        with open(self.local / name, "wb") as file:
            ftp.retrbinary(f"RETR {name}", file.write)
        self.assert_whole(name, self.local / name)
        with open(self.local / name, "rb") as file:
            ftp.storbinary(f"STOR up/{name}", file)
        self.assert_whole(name, self.up / name)


@on_both_backends
class FtplibTls(FtplibCase):
    tls = {"ccc": True}

    @shows("TL-01", "TL-07", "TL-09", "TL-20")
    def test_transfers_both_ways(self):
        for version, kind in EACH:
            with self.subTest(f"TLS {version}, {kind}"):
                for resumes in (True, False):
                    ftp = self.open(version, kind, resumes)
                    for name in NAMES:
                        self.both_ways(ftp, name)
                    self.assertIn("middling", ftp.nlst())
                    ftp.quit()

    def test_transfers_on_active_data_connections(self):
        ftp = self.open()
        ftp.set_pasv(False)
        self.both_ways(ftp)

    @shows("TL-22", "TL-23")
    def test_clears_the_command_channel(self):
        for version in VERSIONS:
            with self.subTest(version):
                ftp = self.open(version, resumes=False)
                ftp.ccc()
                self.assertEqual(ftp.pwd(), "/")
                self.both_ways(ftp)

    @shows("TL-24")
    def test_begins_anew_behind_REIN(self):
        ftp = self.open()
        self.assertTrue(ftp.sendcmd("REIN").startswith("220"))
        ftp.sock = socket.socket(fileno=ftp.sock.unwrap().detach())
        ftp.sock.settimeout(LIMIT_S)
        ftp.file = ftp.sock.makefile("r", encoding=ftp.encoding)
        ftp._prot_p = False
        with self.assertRaises(ftplib.error_perm):
            ftp.sendcmd("PROT P")
        ftp.login(USER, PASSWORD)
        ftp.prot_p()
        self.both_ways(ftp)

    @shows("TL-20")
    def test_an_upload_without_close_notify_is_refused(self):
        ftp = self.open()
        ftp.voidcmd("TYPE I")
        data = ftp.transfercmd("STOR up/cut")
        data.sendall(b"half")
        data.shutdown(socket.SHUT_WR)  # of the TCP connection alone
        with self.assertRaises(ftplib.error_temp) as refused:
            ftp.voidresp()
        self.assertTrue(str(refused.exception).startswith("426"))
        data.close()

    def test_a_client_that_never_reads_loses_nothing_of_its_upload(self):
        """TLS 1.3 tickets that nobody reads would turn its close into a reset."""
        content = (material.shared() / "middling").read_bytes()
        ftp = self.open(resumes=False)
        ftp.voidcmd("TYPE I")
        for _ in range(20):
            data = ftp.transfercmd("STOR up/unread")
            data.sendall(content)
            data.setblocking(False)
            try:
                data.unwrap()  # close_notify goes; the server's is not waited for
            except ssl.SSLError:
                pass
            data.close()
            ftp.voidresp()
            self.assertEqual((self.up / "unread").read_bytes(), content)


@on_both_backends
class FtplibMustResume(FtplibCase):
    tls = {"data_resumption": "require", "require": "data"}

    @shows("TL-17")
    def test_resumed_data_connections_are_served_and_others_refused(self):
        for version, kind in EACH:
            with self.subTest(f"TLS {version}, {kind}"):
                ftp = self.open(version, kind)
                self.both_ways(ftp)
                ftp.resumes = False
                with contextlib.suppress(ssl.SSLError, OSError):  # the server closes at once
                    ftp.transfercmd("NLST").close()
                with self.assertRaisesRegex(ftplib.error_perm, "^522 .*resume"):
                    ftp.voidresp()
                ftp.resumes = True
                self.both_ways(ftp)

    @shows("TL-12", "TL-28")
    def test_what_is_not_protected_is_refused(self):
        plain = ftplib.FTP(timeout=LIMIT_S)
        plain.connect(ADDRESS, self.server.port)
        with self.assertRaisesRegex(ftplib.error_perm, "^534"):
            plain.login(USER, PASSWORD)
        plain.close()
        ftp = self.open()
        with self.assertRaisesRegex(ftplib.error_perm, "^534"):
            ftp.prot_c()


# ---- openssl s_client ----

@on_both_backends
class OpensslClient(Secured):
    program = "openssl"

    def s_client(self, *arguments, expected=(0,)):
        """Until the server closes behind its 221."""
        return self.run_client("openssl", "s_client", "-ign_eof", "-crlf", "-CAfile", str(certificate()[0]),
                               *map(str, arguments), text="QUIT\n", expected=expected)

    @shows("TL-01", "TL-29")
    def test_agrees_on_good_versions_and_ciphers_alone(self):
        for version, kind in EACH:
            with self.subTest(f"TLS {version}, {kind}"):
                there = ["-connect", f"{ADDRESS}:{self.port_of(kind)}", f"-tls{version.replace('.', '_')}"]
                said = self.s_client(*there, *(["-starttls", "ftp"] if kind == "explicit" else []))
                self.assertIn("Verify return code: 0 (ok)", said)
                self.assertRegex(said, f"TLSv{version}, Cipher is (ECDHE-ECDSA-)?(TLS_)?(AES|CHACHA)")
        for old in ("-tls1", "-tls1_1"):
            said = self.s_client("-connect", f"{ADDRESS}:{self.implicit}", old, "-cipher", "ALL@SECLEVEL=0", expected=(1,))
            self.assertIn("alert protocol version", said)

    def test_resumes_sessions_on_the_control_connection(self):
        for version, kind in EACH:
            with self.subTest(f"TLS {version}, {kind}"):
                there = ["-connect", f"{ADDRESS}:{self.port_of(kind)}", f"-tls{version.replace('.', '_')}"]
                there += ["-starttls", "ftp"] if kind == "explicit" else []
                session = self.local / f"{version}{kind}"
                self.s_client(*there, "-sess_out", session)
                self.assertIn("Reused, TLSv", self.s_client(*there, "-sess_in", session))


# ---- Operation ----

@on_both_backends
class OperationTls(Client):
    settings = {}

    def setUp(self):
        super().setUp()
        self.files = [self.local / "certificate.pem", self.local / "key.pem"]
        self.issue("first")

    def issue(self, name):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-subj", f"/CN={name}", "-out", self.files[0], "-keyout", self.files[1]], check=True,
                       capture_output=True)

    def serve(self, **more):
        certificate_file, key = map(str, self.files)
        server = Server(self.backend, {"tls": {"certificate": certificate_file, "key": key}} | more)
        self.addCleanup(server.end)
        return server

    def control(self, server, session=None):
        """A control connection under TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if session is None else session.context
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        raw = socket.create_connection((ADDRESS, server.port), LIMIT_S)
        self.addCleanup(raw.close)
        raw.recv(1000)
        raw.sendall(b"AUTH TLS\r\n")
        self.assertTrue(raw.recv(1000).startswith(b"234"))
        made = context.wrap_socket(raw, session=session.session if session else None)
        self.addCleanup(made.close)
        made.sendall(b"NOOP\r\n")
        self.assertTrue(made.recv(1000).startswith(b"200"))
        return made

    def shown(self, connection):
        return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True)).strip()

    def test_a_reload_shows_the_new_certificate_and_leaves_sessions_alone(self):
        with self.serve() as server:
            before = self.control(server)
            self.assertIn(self.shown(before), self.files[0].read_text())
            self.issue("second")
            server.reload()
            server.wait_for_log("reloaded")
            behind = self.control(server)
            self.assertIn(self.shown(behind), self.files[0].read_text())
            before.sendall(b"NOOP\r\n")
            self.assertTrue(before.recv(1000).startswith(b"200"))
            self.assertTrue(self.control(server, before).session_reused, "ticket keys outlive a reload")
            self.files[1].write_text("no key")
            server.reload()
            server.wait_for_log("tls.key")
            self.assertIn(self.shown(self.control(server)), self.files[0].read_text())

    def test_a_session_is_resumed_by_whatever_worker_it_comes_to(self):
        with self.serve(server={"workers": 2}) as server:
            first = self.control(server)
            for _ in range(20):
                self.assertTrue(self.control(server, first).session_reused)

    def test_counts_handshakes(self):
        with self.serve() as server:
            first = self.control(server)
            self.control(server, first)
            server.send_signal(signal.SIGUSR1)
            server.wait_for_log("tls_handshakes=2 tls_data=0 tls_data_resumed=0 tls_failed=0 tls_kernel=0")


# ---- The load generator ----

@on_both_backends
class Generator(Secured):
    def bench(self, operations, *words):
        if not GENERATOR.exists():
            self.fail("build/millrace-bench is missing: make build/millrace-bench")
        result = self.local / "result.json"
        kind = "implicit" if "implicit" in words else "explicit"
        self.run_client(str(GENERATOR), words[0], "--server", f"{ADDRESS}:{self.port_of(kind)}", "--user", USER,
                        "--password", PASSWORD, "--json", str(result), "--workers", "1", "--timeout", str(LIMIT_S),
                        "--operations", str(operations), "--tls", *words[1:])
        told = json.loads(result.read_text())
        self.assertEqual((told["errors"], told["operations"]), (0, operations), told["error_kinds"])
        return told

    def test_every_data_connection_resumes(self):
        for version, kind in EACH:
            with self.subTest(f"TLS {version}, {kind}"):
                told = self.bench(50, "get", kind, "--path", "middling", "--connections", "5", "--tls-version", version, "--verify")
                self.assertEqual(told["tls"]["resumed"], told["tls"]["handshakes"] - 5, "all but the first of each user")
                self.bench(20, "put", kind, "--path", "up", "--size", "100000", "--connections", "4", "--tls-version", version)

    def test_full_handshakes_work_as_well(self):
        told = self.bench(20, "login", "explicit", "--connections", "4", "--tls-resume", "no")
        self.assertEqual(told["tls"], {"handshakes": 20, "resumed": 0})
        told = self.bench(20, "login", "explicit", "--connections", "4")
        self.assertEqual(told["tls"], {"handshakes": 20, "resumed": 16})
