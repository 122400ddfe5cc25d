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
        self.file.write_text(f'{self.listen}[anonymous]\nroot = "{self.directory}"\n')
        ended = self.run_server("check")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))

    def test_a_configuration_that_lets_nobody_in_gets_a_warning(self):
        self.file.write_text(f'{self.listen}[anonymous]\nenabled = false\n')
        ended = self.run_server("check")
        self.assertEqual(ended.returncode, 0)
        self.assertEqual(ended.stderr, f"{self.file}:4: anonymous.enabled: warning: nobody can log in: "
                                       "write a [[user]], or set this to true\n")

    def user(self, *keys):
        return f'{self.listen}[[user]]\nname = "jo"\nroot = "{self.directory}"\n' + "\n".join(keys) + "\n"

    def test_hashes_that_no_password_can_fit_or_that_cost_for_ever(self):
        for password, reason in (
                ("$apr1$salt$WIuoWN2ZJ.6QNxArCUh771", "does not know"),
                ("$foo$salt$WIuoWN2ZJ.6QNxArCUh771", "does not know"),
                ("abcdefghijklm", "plain text"),
                ("$6$salt$short", "not a whole hash"),
                ("$6$rounds=999999999$salt$" + "a" * 86, "many seconds"),
                ("$6$rounds=99999999999999999999999$salt$" + "a" * 86, "many seconds"),
                ("$2b$20$" + "a" * 53, "many seconds"),
                ("$y$jZT$salt$" + "a" * 43, "many seconds")):
            with self.subTest(password):
                self.assert_mistake(self.user(f'password = "{password}"'), 6, "user[0].password",
                                    f"{reason}.*millrace passwd")

    def test_an_old_kind_of_hash_gets_a_warning(self):
        self.file.write_text(self.user('password = "$1$millrace$WIuoWN2ZJ.6QNxArCUh771"'))
        ended = self.run_server("check")
        self.assertEqual(ended.returncode, 0)
        self.assertIn(":6: user[0].password: warning: is an old kind of hash", ended.stderr)

    def test_keys_without_use(self):
        password = 'password = ""'
        self.assert_mistake(self.user(password, 'certificate = "Jo"'), 7, "user[0].certificate", "client_certificates")
        self.assert_mistake(self.user(password, 'account_for = "storing"'), 7, "user[0].account_for", "`account`")
        self.assert_mistake(self.listen + '[tls]\nclient_ca = "x.pem"\n', 4, "tls.client_ca", "client_certificates")

    def test_passive_ports_and_addresses_that_cannot_be(self):
        for range_ in ("1000-2000", "1023-50000", "1-2000"):
            self.assert_mistake(self.listen + f'[data]\npassive_ports = "{range_}"\n', 4, "data.passive_ports", "1024")
        for address in ("0.0.0.0", "224.0.0.1", "239.1.2.3", "255.255.255.255"):
            self.assert_mistake(self.listen + f'[data]\npassive_address = "{address}"\n', 4, "data.passive_address", "")
        listen = '[listen]\ncontrol = ["127.0.0.1:5021"]\n'
        self.assert_mistake(listen + '[data]\npassive_ports = "5000-5021"\n', 4, "data.passive_ports", "port 5021")
        self.assert_mistake(listen + '[data]\npassive_ports = "5000-5020"\n', 4, "data.passive_ports", "port 5020")
        self.file.write_text(listen + '[data]\npassive_ports = "5000-5020"\nactive = false\n')
        self.assertEqual(self.run_server("check").returncode, 0)

    def test_listeners_that_overlap(self):
        for control in ('"127.0.0.1:2121", "127.0.0.1:2121"', '"0.0.0.0:2121", "127.0.0.1:2121"',
                        '"[::1]:2121", "[::]:2121"'):
            self.assert_mistake(f"[listen]\ncontrol = [{control}]\n", 2, "listen.control", "twice|same for some")
        self.file.write_text('[listen]\ncontrol = ["0.0.0.0:2121", "[::]:2121", "0.0.0.0:2122"]\n')
        self.assertEqual(self.run_server("check").returncode, 0)

    def test_names_that_other_servers_use_are_known(self):
        for section, key, here in (("limits", "max_clients", "limits. sessions"), ("uploads", "umask", "file_mode"),
                                   ("server", "banner", "greeting"), ("server", "user", "user"),
                                   ("uploads", "quota", "file_max_bytes"), ("data", "pasv_min_port", "passive_ports"),
                                   ("data", "MasqueradeAddress", "passive_address")):
            self.assert_mistake(self.listen + f"[{section}]\n{key} = 1\n", 4, f"{section}.{key}", here)
        self.assert_mistake("max_clients = 5\n", 1, "max_clients", "limits. sessions")

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

    def assert_warning(self, text, line, key, reason):
        """`check` warns and calls the file good: whom it concerns is refused at the login, and nobody else."""
        self.file.write_text(text)
        ended = self.run_server("check")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertRegex(ended.stderr, f"{re.escape(str(self.file))}:{line}: {re.escape(key)}: warning: .*{reason}")

    def test_a_missing_root(self):
        missing = self.directory / "missing"
        self.assert_warning(self.listen + f'[anonymous]\nroot = "{missing}"\n', 4, "anonymous.root", "No such file")
        user = f'[[user]]\nname = "demo"\npassword = ""\nroot = "{missing}"\n'
        self.assert_warning(self.listen + user, 6, "user[0].root", "No such file")
        host = f'[[host]]\nname = "files.example.org"\n[host.anonymous]\nroot = "{missing}"\n'
        self.assert_warning(self.listen + host, 6, "host[0].anonymous.root", "No such file")

    def test_a_root_that_will_be_made(self):
        self.file.write_text(self.listen + f'[anonymous]\nroot = "{self.directory}/new"\ncreate_root = true\n')
        ended = self.run_server("check")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))

    def test_a_root_that_is_no_directory(self):
        file = self.directory / "file"
        file.touch(mode=0o755)
        self.assert_warning(self.listen + f'[anonymous]\nroot = "{file}"\n', 4, "anonymous.root", "Not a directory")

    def test_a_missing_certificate(self):
        tls = f'[tls]\ncertificate = "{self.directory}/missing.pem"\nkey = "{self.directory}/missing.pem"\n'
        self.assert_mistake(self.listen + tls, 4, "tls.certificate", "No such file")

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs root and setpriv")
    def test_what_an_unprivileged_user_may_not_read(self):
        """As root nothing is unreadable; so this runs as nobody, from a copy that nobody may reach."""
        self.directory.chmod(0o755)
        binary = shutil.copy(OPTIMISED, self.directory / "millrace")
        certificate = self.directory / "certificate.pem"
        certificate.touch(mode=0o600)
        launcher = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        self.assert_mistake(self.listen + f'[tls]\ncertificate = "{certificate}"\nkey = "{certificate}"\n', 4,
                            "tls.certificate", "Permission denied", binary=binary, launcher=launcher)

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

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs root and setpriv")
    def test_a_low_port_without_the_right_to_it(self):
        """Both processes that open ports: the only worker, and the supervisor of several."""
        self.directory.chmod(0o755)
        binary = shutil.copy(OPTIMISED, self.directory / "millrace")
        launcher = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all",
                    "--bounding-set=-all"]
        if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 21:
            self.skipTest("low ports are everybody's here")
        for workers in (1, 2):
            self.assert_mistake(f'[server]\nworkers = {workers}\n[listen]\ncontrol = ["127.0.0.1:21"]\n', 4,
                                "listen.control", "Permission denied.*CAP_NET_BIND_SERVICE.*1024",
                                subcommands=("serve",), binary=binary, launcher=launcher)

    def test_a_port_that_another_server_serves(self):
        with Server("epoll") as server:
            self.assert_mistake(server.config_file.read_text(), 2, "listen.control", "in use", subcommands=("serve",))
