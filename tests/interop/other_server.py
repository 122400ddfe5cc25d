"""Somebody else's FTP server for one test, vsftpd or ProFTPD: configuration, start, readiness, end.

Both run in the foreground, as whoever runs the tests, from the files that .ci/install-packages unpacks or
the system has. Both let a third party transfer. Knows nothing of Millrace's protocol and of the tests.
"""
import atexit
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from interop.server import (LIMIT_S, PASSIVE_PORTS, PASSWORD, PASSWORD_HASH, REPOSITORY, USER, free_control_port,
                            wait_until)


class OtherServer:
    """Starts when made, on one address of this host. In its root, `up` is for uploads."""
    program = None
    package = None
    user, password = USER, PASSWORD

    def __init__(self, address):
        program = self.find()
        self.address, self.port = address, free_control_port()
        self.directory = Path(tempfile.mkdtemp(prefix="millrace-other-"))
        self.root = self.directory / "root"
        (self.root / "up").mkdir(parents=True)
        self.config_file = self.directory / "config"
        self.config_file.write_text(self.config())
        self.log_file = self.directory / "log"
        self.process = None
        atexit.register(self.end)  # an interrupted run does no other cleaning up
        try:
            self.launch(self.command(program))
        except BaseException:
            self.end()
            raise

    @classmethod
    def find(cls):
        """Where the program is. Without it root fails, who can get it; anybody else skips."""
        unpacked = REPOSITORY / "build/unpacked" / cls.package / "usr/sbin"
        found = shutil.which(cls.program, path=f"{unpacked}:/usr/sbin")
        if found:
            return found
        missing = f"{cls.program} is not there: make packages-test"
        raise AssertionError(missing) if os.getuid() == 0 else unittest.SkipTest(missing)

    def launch(self, command):
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: self.greets() or self.process.poll() is not None, f"the greeting of {self.program}")
        if self.process.poll() is not None:
            raise AssertionError(f"{self.program} ended with {self.process.returncode}:\n{self.log()}")

    def greets(self):
        try:
            with socket.create_connection((self.address, self.port), LIMIT_S) as control:
                return control.recv(3) == b"220"
        except ConnectionError:
            return False

    def log(self):
        return self.log_file.read_text(errors="replace")

    # ---- The end: one process a session, each a group of its own, which only the server can wait for ----

    def sessions(self):
        """The process ids of those that are not waited for yet."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def end(self):
        """Whatever state the test left: no process and no file stays behind."""
        try:
            if self.process is not None and self.process.poll() is None:
                self.end_processes()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def end_processes(self):
        for pid in self.sessions():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:  # ended since
                pass
        try:
            wait_until(lambda: not self.sessions(), f"the end of the sessions of {self.program}")
        finally:
            self.process.kill()
            self.process.wait()


class Vsftpd(OtherServer):
    program = package = "vsftpd"
    user, password = "anonymous", "nobody@"

    def config(self):
        lowest, _, highest = PASSIVE_PORTS.partition("-")
        empty = self.directory / "empty"
        empty.mkdir()
        return "\n".join([
            "listen=YES",
            f"listen_address={self.address}",
            f"listen_port={self.port}",
            "background=NO",
            "run_as_launching_user=YES",
            f"ftp_username={pwd.getpwuid(os.getuid()).pw_name}",
            f"secure_chroot_dir={empty}",
            "seccomp_sandbox=NO",
            "isolate=NO",
            "isolate_network=NO",
            "local_enable=NO",
            "anonymous_enable=YES",
            f"anon_root={self.root}",
            "anon_world_readable_only=NO",
            "anon_max_rate=0",
            "write_enable=YES",
            "anon_upload_enable=YES",
            "connect_from_port_20=NO",
            f"pasv_min_port={lowest}",
            f"pasv_max_port={highest}",
            "pasv_promiscuous=YES",
            "port_promiscuous=YES",
            ""])

    def command(self, program):
        return [program, self.config_file]


class Proftpd(OtherServer):
    program, package = "proftpd", "proftpd-core"

    def config(self):
        ids = f"{os.getuid()}:{os.getgid()}"
        users = self.directory / "users"
        users.write_text(f"{USER}:{PASSWORD_HASH}:{ids}::{self.root}:/bin/sh\n")
        users.chmod(0o600)
        return "\n".join([
            "ServerType standalone",
            f"DefaultAddress {self.address}",
            f"Port {self.port}",
            "SocketBindTight on",
            "UseIPv6 off",
            "UseReverseDNS off",
            f"User {pwd.getpwuid(os.getuid()).pw_name}",
            f"Group {grp.getgrgid(os.getgid()).gr_name}",
            "RootLogin on",
            "AuthOrder mod_auth_file.c",
            f"AuthUserFile {users}",
            "RequireValidShell off",
            "WtmpLog off",
            "TransferLog none",
            f"SystemLog {self.directory}/system-log",
            f"PidFile {self.directory}/pid",
            f"ScoreboardFile {self.directory}/scoreboard",
            "DelayEngine off",
            "ControlsEngine off",
            "AllowOverwrite on",
            f"PassivePorts {PASSIVE_PORTS.replace('-', ' ')}",
            "AllowForeignAddress on",
            ""])

    def command(self, program):
        return [program, "--nodaemon", "--quiet", "--config", self.config_file]
