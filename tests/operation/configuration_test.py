"""Mistakes in the configuration: FILE:LINE: key: reason on standard error, exit code 1, from check and serve."""
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from interop.server import LIMIT_S, OPTIMISED, Server, free_control_port

NOBODY = 65534


class Configuration(unittest.TestCase):

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="millrace-configuration-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.file = self.directory / "config.toml"
        self.listen = f'[listen]\ncontrol = ["127.0.0.1:{free_control_port()}"]\n'

    def run_server(self, subcommand, file=None, binary=OPTIMISED, launcher=()):
        return subprocess.run([*launcher, binary, subcommand, "--config", file or self.file], capture_output=True,
                              text=True, timeout=LIMIT_S)

    def assert_mistake(self, text, line, key, reason, subcommands=("check", "serve"), **options):
        """The mistake stands on that line of `text`; the lines in front of it are good."""
        self.file.write_text(text)
        for subcommand in subcommands:
            with self.subTest(subcommand):
                ended = self.run_server(subcommand, **options)
                self.assertEqual(ended.returncode, 1, ended.stderr)
                place = f"{re.escape(str(self.file))}:{line}: " + (re.escape(key) + ": " if key else "")
                self.assertRegex(ended.stderr, re.compile(f"^{place}.*{reason}", re.MULTILINE))
                self.assertEqual(ended.stdout, "")

    def test_a_good_configuration_is_called_good(self):
        self.file.write_text(self.listen)
        ended = self.run_server("check")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))

    def test_an_unknown_key_gets_a_suggestion(self):
        self.assert_mistake(self.listen + '[io]\nbakend = "auto"\n', 4, "io.bakend", "backend")

    def test_an_unknown_section(self):
        self.assert_mistake(self.listen + '[limts]\nsessions = 1\n', 3, "limts", "limits")

    def test_a_wrong_type(self):
        self.assert_mistake(self.listen + '[limits]\nsessions = "many"\n', 4, "limits.sessions", "integer|number")

    def test_a_number_out_of_range(self):
        self.assert_mistake(self.listen + "[limits]\nidle_timeout_s = -1\n", 4, "limits.idle_timeout_s", "")

    def test_a_syntax_error(self):
        self.assert_mistake(self.listen + "[limits\n", 3, "", "")

    def test_all_mistakes_are_told_at_once(self):
        self.file.write_text(self.listen + '[io]\nbackend = 3\n[limits]\nsessions = "many"\n')
        self.assertEqual(len(self.run_server("check").stderr.splitlines()), 2)

    def test_a_missing_root(self):
        missing = self.directory / "missing"
        self.assert_mistake(self.listen + f'[anonymous]\nroot = "{missing}"\n', 4, "anonymous.root", "No such file")
        user = f'[[user]]\nname = "demo"\npassword = "$1$x$y"\nroot = "{missing}"\n'
        self.assert_mistake(self.listen + user, 6, "user[0].root", "No such file")
        host = f'[[host]]\nname = "files.example.org"\n[host.anonymous]\nroot = "{missing}"\n'
        self.assert_mistake(self.listen + host, 6, "host[0].anonymous.root", "No such file")

    def test_a_root_that_is_no_directory(self):
        file = self.directory / "file"
        file.touch(mode=0o755)
        self.assert_mistake(self.listen + f'[anonymous]\nroot = "{file}"\n', 4, "anonymous.root", "Not a directory")

    def test_a_missing_certificate(self):
        tls = f'[tls]\ncertificate = "{self.directory}/missing.pem"\nkey = "{self.directory}/missing.pem"\n'
        self.assert_mistake(self.listen + tls, 4, "tls.certificate", "No such file")

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs root and setpriv")
    def test_what_an_unprivileged_user_may_not_read(self):
        """As root nothing is unreadable; so this runs as nobody, from a copy that nobody may reach."""
        self.directory.chmod(0o755)
        binary = shutil.copy(OPTIMISED, self.directory / "millrace")
        closed = self.directory / "closed"
        closed.mkdir(mode=0o700)
        certificate = self.directory / "certificate.pem"
        certificate.touch(mode=0o600)
        launcher = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        self.assert_mistake(self.listen + f'[tls]\ncertificate = "{certificate}"\nkey = "{certificate}"\n', 4,
                            "tls.certificate", "Permission denied", binary=binary, launcher=launcher)
        self.assert_mistake(self.listen + f'[anonymous]\nroot = "{closed}"\n', 4, "anonymous.root",
                            "Permission denied", binary=binary, launcher=launcher)

    def test_a_missing_file(self):
        for subcommand in ("check", "serve"):
            ended = self.run_server(subcommand, self.directory / "missing.toml")
            self.assertEqual(ended.returncode, 1)
            self.assertIn(f"{self.directory}/missing.toml: No such file", ended.stderr)

    def test_a_directory_for_a_file(self):
        for subcommand in ("check", "serve"):
            ended = self.run_server(subcommand, self.directory)
            self.assertEqual(ended.returncode, 1, ended.stderr)
            self.assertIn(f"{self.directory}: Is a directory", ended.stderr)

    def test_a_port_in_use(self):
        for backend in ("auto", "epoll"):
            with self.subTest(backend), socket.create_server(("127.0.0.1", free_control_port())) as holder:
                address = f"127.0.0.1:{holder.getsockname()[1]}"
                self.assert_mistake(f'[io]\nbackend = "{backend}"\n[listen]\ncontrol = ["{address}"]\n', 4,
                                    "listen.control", f"{address}.*in use", subcommands=("serve",))

    def test_a_port_that_another_server_serves(self):
        with Server("epoll") as server:
            self.assert_mistake(server.config_file.read_text(), 2, "listen.control", "in use", subcommands=("serve",))
