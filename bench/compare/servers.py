"""The servers that are compared: one row each, with the configuration it gets and what it cannot do.

All serve the same directory to anonymous users, who may also upload; none logs, none limits. Where a server
has the choice, it is configured for speed. Knows command lines and configuration files; knows nothing of
scenarios but their keys.
"""
import grp
import gzip
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from place import ADDRESS, OUTPUT, REPOSITORY

NEEDS = {"": lambda place: True, "root": lambda place: os.getuid() == 0, "namespaces": lambda place: place.private}
WITHOUT = {"root": "has to change its root directory, which takes root",
           "namespaces": "wants a system user `ftp`, whom the run makes as root in namespaces of its own"}
PURE_FTPD_USER = PURE_FTPD_PASSWORD = "demo"
PURE_FTPD_HASH = ("$6$rounds=1000$millrace$"
                  "QkhD0VS1n.fcK26Bw.tOC/KXo0bxXbHrS7HSDapn1S1l9aq7OdAVHbgvjy.XPbBiTEDxuuHZhOR/CkFY23yj.1")
NO_MODE_B = {"blocks": "has no MODE B"}
TLS = ("tls_get1", "tls_put", "tls_small", "tls_login", "tls_login_resumed")
LISTINGS = ("list", "mlsd", "mlsd_type", "list_again", "mlsd_again")
NO_MLSD = dict.fromkeys(("mlsd", "mlsd_type", "mlsd_again"), "has no MLSD")
DISK = ("disk_put", "disk_cold", "disk_slow")
SCALE = ("scale_100", "scale_1000", "scale_10000")
ONLY_GET = (dict.fromkeys(("put", "put8", "login", *LISTINGS, "mixed", "idle", "paced", *DISK, *SCALE),
                          "HTTP: downloads only")
            | dict.fromkeys(TLS, "its client, bench/compare/fetch.cpp, has no TLS"))
LIMIT_ONLY_MOVES = dict.fromkeys(("blocks", "login", *LISTINGS, "mixed", "idle", "paced", "disk_cold", "disk_slow",
                                  *SCALE, *TLS), "the limit moves files, no more")


@dataclass(frozen=True)
class Server:
    key: str
    title: str
    kind: str  # ours, peer (FTP), http, limit
    program: Path
    package: str  # Debian's, or "" for what is built here
    config: Callable  # (place, directory, tls) -> text of the configuration file; tls: whether it is offered
    command: Callable  # (server, place, config file, tls) -> list
    cannot: dict = field(default_factory=dict)  # {scenario: why}
    greeting: bytes = b"220"  # b"": speaks only when asked
    needs: str = ""  # a key of NEEDS
    users: dict = field(default_factory=dict)  # {scenario: (user, password)} where it is not anonymous

    def left_out(self, place):
        """Why this server cannot take part, or ""."""
        if not self.program.exists():
            return (f"{self.package} could not be had: .ci/install-packages peers" if self.package
                    else f"{self.program.relative_to(REPOSITORY)} is not built")
        return "" if NEEDS[self.needs](place) else WITHOUT[self.needs]

    def version(self):
        if self.package:
            return debian_version(self.package)
        if self.kind == "ours":
            return "commit " + git("describe", "--always", "--dirty")
        return f"bench/compare/{self.program.name}.cpp"

    def directory(self):
        return OUTPUT / "servers" / self.key

    @property
    def has_tls(self):
        return not set(TLS) <= set(self.cannot)

    def write_config(self, place, tls, more=""):
        shutil.rmtree(self.directory(), ignore_errors=True)
        self.directory().mkdir(parents=True)
        file = self.directory() / "config"
        file.write_text(self.config(place, self.directory(), tls) + more)
        return file

    def describe(self, place, tls):
        """The configuration and the command line, for the report."""
        file = self.write_config(place, tls)
        command = " ".join(map(str, self.command(self, place, file, tls))).replace(f"{REPOSITORY}/", "")
        text = file.read_text()
        head = "With TLS:\n\n" if tls else ""
        return head + f"{text.rstrip()}\n\n" * bool(text) + f"$ {command}\n"


# ---- Programs and versions ----

def unpacked(package, path):
    """From .ci/install-packages, or the system's."""
    here = REPOSITORY / "build/unpacked" / package / path
    return here if here.exists() or not Path("/", path).exists() else Path("/", path)


def debian_version(package):
    documents = REPOSITORY / "build/unpacked" / package / "usr/share/doc" / package
    for name in ("changelog.Debian.amd64.gz", "changelog.Debian.gz"):
        if (documents / name).exists():
            with gzip.open(documents / name, "rt", errors="replace") as changes:
                return "Debian " + re.search(r"\((.*?)\)", changes.readline())[1]
    ended = subprocess.run(["dpkg-query", "-W", "-f=Debian ${Version}", package], capture_output=True, text=True)
    return ended.stdout or "unknown"


def git(*arguments):
    ended = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True)
    return ended.stdout.strip() or "unknown"


# ---- Configurations ----

PROFTPD_TLS = unpacked("proftpd-mod-crypto", "usr/lib/proftpd/mod_tls.so")
PYFTPDLIB_TLS = unpacked("python3-openssl", "usr/lib/python3/dist-packages/OpenSSL")


def tls_from(path, package):
    """What a server cannot whose TLS is a package of its own."""
    return {} if path.exists() else dict.fromkeys(TLS, f"has its TLS in {package}, which could not be had")


def millrace_config(backend):
    def config(place, directory, tls):
        return f"""\
[listen]
control = ["{ADDRESS}:{place.port}"]
[io]
backend = "{backend}"
[data]
passive_ports = "{place.passive_ports[0]}-{place.passive_ports[1]}"
[anonymous]
enabled = true
root = "{place.root}"
allow = ["list", "read", "write", "delete", "rename", "mkdir", "site"]
[log]
level = "warning"
""" + tls * f"""\
[tls]
certificate = "{place.certificate}"
key = "{place.certificate}"
"""
    return config


def vsftpd_config(place, directory, tls):
    empty = directory / "empty"
    empty.mkdir()
    return f"""\
listen=YES
listen_address={ADDRESS}
listen_port={place.port}
background=NO
one_process_model=YES
ftp_username=ftp
nopriv_user=nobody
secure_chroot_dir={empty}
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
local_enable=NO
anonymous_enable=YES
no_anon_password=NO
anon_root={place.root}
anon_world_readable_only=NO
anon_max_rate=0
anon_umask=022
anon_upload_enable=YES
anon_other_write_enable=YES
anon_mkdir_write_enable=YES
write_enable=YES
max_clients=0
max_per_ip=0
use_sendfile=YES
connect_from_port_20=NO
pasv_min_port={place.passive_ports[0]}
pasv_max_port={place.passive_ports[1]}
""" + tls * f"""\
one_process_model=NO
ssl_enable=YES
allow_anon_ssl=YES
require_ssl_reuse=NO
ssl_ciphers=HIGH
rsa_cert_file={place.certificate}
rsa_private_key_file={place.certificate}
"""


def proftpd_config(place, directory, tls):
    """TLSCACertificateFile: without it each session reads all certificates of the system, for 50 ms."""
    user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    users = directory / "users"
    users.write_text(f"{user}:!:{os.getuid()}:{os.getgid()}::{place.root}:/bin/sh\n")
    users.chmod(0o600)
    groups = directory / "groups"
    groups.write_text(f"{group}:x:{os.getgid()}:\n")
    groups.chmod(0o600)
    return f"""\
ServerType standalone
DefaultAddress {ADDRESS}
Port {place.port}
SocketBindTight on
UseIPv6 off
UseReverseDNS off
User {user}
Group {group}
RootLogin on
AuthOrder mod_auth_file.c
AuthUserFile {users}
AuthGroupFile {groups}
RequireValidShell off
WtmpLog off
TransferLog none
SystemLog none
PidFile {directory}/pid
ScoreboardFile none
DelayEngine off
ControlsEngine off
MaxInstances none
UseSendfile on
PassivePorts {place.passive_ports[0]} {place.passive_ports[1]}
<Anonymous {place.root}>
  User {user}
  Group {group}
  UserAlias anonymous {user}
  AnonRequirePassword off
  RequireValidShell off
  RootLogin on
  AllowOverwrite on
</Anonymous>
""" + tls * f"""\
ModulePath {PROFTPD_TLS.parent}
LoadModule mod_tls.c
TLSEngine on
TLSProtocol TLSv1.2 TLSv1.3
TLSECCertificateFile {place.certificate}
TLSECCertificateKeyFile {place.certificate}
TLSCACertificateFile {place.certificate}
TLSVerifyClient off
TLSOptions NoSessionReuseRequired
TLSSessionTickets on
"""


def pyftpdlib_config(place, directory, tls):
    library = unpacked("python3-pyftpdlib", "usr/lib/python3/dist-packages")
    handler = "TLS_FTPHandler" if tls else "FTPHandler"
    return f"""\
import logging
import sys
sys.path.insert(0, "{library}")
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import {handler} as Handler
from pyftpdlib.servers import FTPServer
logging.basicConfig(level=logging.ERROR)
authorizer = DummyAuthorizer()
authorizer.add_anonymous("{place.root}", perm="elradfmwMT")
Handler.authorizer = authorizer
Handler.certfile = "{place.certificate}"
Handler.passive_ports = range({place.passive_ports[0]}, {place.passive_ports[1] + 1})
Handler.use_sendfile = {not tls}
FTPServer.max_cons = FTPServer.max_cons_per_ip = 0
FTPServer(("{ADDRESS}", {place.port}), Handler, backlog=1024).serve_forever()
"""


def nginx_config(place, directory, tls):
    user = f"user {pwd.getpwuid(os.getuid()).pw_name} {grp.getgrgid(os.getgid()).gr_name};\n" * (os.getuid() == 0)
    temporary = "\n  ".join(f"{kind}_temp_path {directory}/temporary;"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""\
{user}daemon off;
worker_processes 1;
pid {directory}/pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=20000;
  {temporary}
  server {{
    listen {ADDRESS}:{place.port} backlog=1024;
    root {place.root};
  }}
}}
"""


def pure_ftpd_config(place, directory, tls):
    """All is said on the command line; this is the list of users, for anonymous ones may not overwrite."""
    line = f"{PURE_FTPD_USER}:{PURE_FTPD_HASH}:64999:65534::{place.root}/./::::::::::::\n"
    (directory / "users").write_text(line)
    subprocess.run([unpacked("pure-ftpd", "usr/bin/pure-pw"), "mkdb", directory / "users.pdb",
                    "-f", directory / "users"], check=True, stdin=subprocess.DEVNULL)
    return line


def pure_ftpd_command(server, place, file, tls):
    low, high = place.passive_ports
    secured = ["-Y", "1", "-2", place.certificate] if tls else []
    return [server.program, "-4", "-S", f"{ADDRESS},{place.port}", "-A", "-H", "-c", "100000", "-C", "100000",
            "-l", f"puredb:{server.directory()}/users.pdb", "-f", "none", "-g", server.directory() / "pid",
            "-p", f"{low}:{high}", "-L", "1000000:8", "-u", "1", *secured]


# ---- The table ----

def millrace(backend):
    return Server(f"millrace-{backend}", f"Millrace {backend}", "ours", REPOSITORY / "build/millrace", "",
                  millrace_config(backend),
                  lambda server, place, file, tls: [server.program, "serve", "--config", file])


SERVERS = [
    millrace("io_uring"),
    millrace("epoll"),
    Server("vsftpd", "vsftpd", "peer", unpacked("vsftpd", "usr/sbin/vsftpd"), "vsftpd", vsftpd_config,
           lambda server, place, file, tls: [server.program, file],
           NO_MODE_B | NO_MLSD | {"tls_login_resumed": "resumes no session of a former login"},
           needs="namespaces"),
    Server("proftpd", "ProFTPD", "peer", unpacked("proftpd-core", "usr/sbin/proftpd"), "proftpd-core", proftpd_config,
           lambda server, place, file, tls: [server.program, "--nodaemon", "--quiet", "--config", file],
           NO_MODE_B | tls_from(PROFTPD_TLS, "proftpd-mod-crypto"), needs="root"),
    Server("pure-ftpd", "Pure-FTPd", "peer", unpacked("pure-ftpd", "usr/sbin/pure-ftpd"), "pure-ftpd",
           pure_ftpd_config, pure_ftpd_command, NO_MODE_B | {"tls_login_resumed": "resumes no TLS session"},
           needs="namespaces",
           users={"put": (PURE_FTPD_USER, PURE_FTPD_PASSWORD)}),
    Server("pyftpdlib", "pyftpdlib", "peer",
           unpacked("python3-pyftpdlib", "usr/lib/python3/dist-packages/pyftpdlib/__init__.py"), "python3-pyftpdlib",
           pyftpdlib_config, lambda server, place, file, tls: ["/usr/bin/python3", file],
           NO_MODE_B | tls_from(PYFTPDLIB_TLS, "python3-openssl")),
    Server("nginx", "nginx (HTTP)", "http", unpacked("nginx", "usr/sbin/nginx"), "nginx", nginx_config,
           lambda server, place, file, tls: [server.program, "-c", file, "-p", server.directory(), "-e", "stderr"],
           ONLY_GET, greeting=b""),
    Server("limit", "bare sendfile loop", "limit", OUTPUT / "limit", "", lambda place, directory, tls: "",
           lambda server, place, file, tls: [server.program, ADDRESS, place.port, place.root], LIMIT_ONLY_MOVES),
]

