"""Clients of programs: Java's Apache Commons Net, PHP, Ruby, Perl and Python; and TLS sessions that are resumed.

Packages: .ci/packages, `interop`. Each client fetches five files in a row and stores them again, on one session.
"""
import functools
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from interop.client import Client
from interop.server import LIMIT_S, PASSWORD, USER, on_both_backends, wait_until
from interop.tls_test import ADDRESS, Secured

SCRIPTS = Path(__file__).with_name("clients")
COMMONS_NET = Path("/usr/share/java/commons-net.jar")
NAMES = [f"file{number}" for number in range(5)]
SIZES = [0, 1, 1000, 70_000, 3_000_000]


@functools.cache
def java_classes():
    """Where Transfer.java is compiled; the directory goes with the process."""
    if not (shutil.which("javac") and COMMONS_NET.exists()):
        raise unittest.SkipTest("a JDK and libcommons-net-java are not installed: make packages-interop")
    java_classes.directory = tempfile.TemporaryDirectory(prefix="millrace-java-")
    subprocess.run(["javac", "-cp", COMMONS_NET, "-d", java_classes.directory.name, SCRIPTS / "Transfer.java"],
                   check=True, timeout=LIMIT_S * 5)
    return java_classes.directory.name


def java(port, mode, tls):
    return ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", f"{COMMONS_NET}:{java_classes()}", "Transfer",
            str(port), mode, tls, *NAMES]


class FiveFiles:
    """Five files in the root, and what a client made of them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, size in zip(NAMES, SIZES):
            (cls.server.root / name).write_bytes(os.urandom(size))

    def assert_there_and_back(self, *command, text=None):
        for name in NAMES:
            (self.local / name).unlink(missing_ok=True)
            (self.up / name).unlink(missing_ok=True)
        self.run_client(*command, text=text)
        for name in NAMES:
            self.assert_same(self.local / name, self.server.root / name)
            self.assert_same(self.up / name, self.server.root / name)


# ---- Apache Commons Net ----

@on_both_backends
class CommonsNet(FiveFiles, Client):
    """As Hadoop's FTPFileSystem: BLOCK_TRANSFER_MODE is set, any answer is taken, and a plain stream moves."""

    def setUp(self):
        java_classes()
        super().setUp()

    def test_transfers_with_each_transfer_mode_set(self):
        for mode in ("stream", "block", "compressed"):
            with self.subTest(mode):
                self.assert_there_and_back(*java(self.server.port, mode, "none"))


# ---- Sessions are resumed ----

class Resuming(FiveFiles, Secured):
    """With data_resumption = "require": a data connection with a full handshake is refused with 522."""
    tls = {"data_resumption": "require"}

    def environment(self, version):
        """OpenSSL of the client takes this version alone, as Ruby has to be told itself."""
        file = self.local / "openssl.cnf"
        file.write_text("openssl_conf = all\n[all]\nssl_conf = modules\n[modules]\nsystem_default = limits\n"
                        f"[limits]\nMinProtocol = TLSv{version}\nMaxProtocol = TLSv{version}\n")
        return ["env", f"OPENSSL_CONF={file}", f"TLS_VERSION={version}"]

    def counts(self):
        """What the server has counted of TLS so far."""
        before = self.server.log().count("tls_data_resumed=")
        self.server.send_signal(signal.SIGUSR1)
        wait_until(lambda: self.server.log().count("tls_data_resumed=") > before, "the counts")
        line = [one for one in self.server.log().splitlines() if "tls_data_resumed=" in one][-1]
        return {key: int(value) for key, value in re.findall(r"(tls_\w+)=(\d+)", line)}

    def assert_resumes(self, *command, text=None):
        before = self.counts()
        self.assert_there_and_back(*command, text=text)
        after = self.counts()
        made, resumed, failed = (after[key] - before[key] for key in ("tls_data", "tls_data_resumed", "tls_failed"))
        self.assertEqual((resumed, failed), (made, 0))
        self.assertGreaterEqual(made, 2 * len(NAMES), "listings may come on top")


class EachVersion:
    """Needs run_version(version): one run of the client."""

    def test_each_data_connection_resumes_under_TLS_1_2(self):
        self.run_version("1.2")

    def test_each_data_connection_resumes_under_TLS_1_3(self):
        self.run_version("1.3")


class Script(EachVersion, Resuming):
    command = ()

    def run_version(self, version):
        self.assert_resumes(*self.environment(version), *self.command, str(self.server.port), *NAMES)


@on_both_backends
class PhpResumes(Script):
    program = "php"
    command = ("php", SCRIPTS / "transfer.php")


@on_both_backends
class RubyResumes(Script):
    program = "ruby"
    command = ("ruby", SCRIPTS / "transfer.rb")


@on_both_backends
class PerlResumes(Script):
    program = "perl"
    command = ("perl", SCRIPTS / "transfer.pl")

    @classmethod
    def setUpClass(cls):
        if subprocess.run(["perl", "-MIO::Socket::SSL", "-e", "1"], capture_output=True).returncode != 0:
            raise unittest.SkipTest("libio-socket-ssl-perl is not installed: make packages-interop")
        super().setUpClass()


@on_both_backends
class PythonResumes(Script):
    command = (sys.executable, SCRIPTS / "transfer.py")


@on_both_backends
class JavaResumes(EachVersion, Resuming):

    @classmethod
    def setUpClass(cls):
        java_classes()
        super().setUpClass()

    def run_version(self, version):
        self.assert_resumes(*java(self.server.port, "stream", f"TLSv{version}"))


@on_both_backends
class CurlResumes(EachVersion, Resuming):
    program = "curl"

    def run_version(self, version):
        """One process, so that one control connection has all data connections."""
        url = f"ftp://{USER}:{PASSWORD}@{ADDRESS}:{self.server.port}/"
        every = f"ssl-reqd\ninsecure\ntlsv{version}\ntls-max = {version}\n"
        parts = [f'url = "{url}{name}"\noutput = "{name}"\n{every}' for name in NAMES]
        parts += [f'url = "{url}up/{name}"\nupload-file = "{name}"\n{every}' for name in NAMES]
        self.assert_resumes("curl", "--silent", "--show-error", "--disable", "--config", "-", text="next\n".join(parts))


@on_both_backends
class LftpResumes(EachVersion, Resuming):
    program = "lftp"

    def run_version(self, version):
        lines = ["set cmd:fail-exit yes", "set ftp:ssl-force yes", "set ftp:ssl-protect-data yes",
                 "set ssl:verify-certificate no", "set net:max-retries 1", f"set net:timeout {LIMIT_S}",
                 "set xfer:clobber yes", "set ftp:use-mdtm no", "set cmd:parallel 1",
                 f"set ssl:priority NORMAL:-VERS-ALL:+VERS-TLS{version}",
                 f"open -u {USER},{PASSWORD} ftp://{ADDRESS}:{self.server.port}",
                 *[f"get {name}" for name in NAMES], *[f"put {name} -o up/{name}" for name in NAMES]]
        self.assert_resumes("lftp", "--norc", "-f", "/dev/stdin", text="\n".join(lines) + "\n")


@on_both_backends
class RcloneResumes(EachVersion, Resuming):
    program = "rclone"
    def run_version(self, version):
        password = self.run_client("rclone", "obscure", PASSWORD).strip()
        remote = ["--config", "/dev/null", "--transfers", "1", "--checkers", "1", "--retries", "1", "--ftp-host", ADDRESS,
                  "--ftp-port", str(self.server.port), "--ftp-user", USER, "--ftp-pass", password, "--ftp-explicit-tls",
                  "--ftp-no-check-certificate", f"--ftp-disable-tls13={str(version == '1.2').lower()}", "--include",
                  "file?"]
        copies = " && ".join(shlex.join(["rclone", "copy", *remote, *between])
                             for between in ((":ftp:", "."), (".", ":ftp:up")))
        self.assert_resumes("sh", "-c", copies)
