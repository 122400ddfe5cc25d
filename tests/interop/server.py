"""A Millrace server for one test: written configuration, start, readiness, end.

Knows the command line, the TOML and the log. Knows nothing of FTP and of the clients.
"""
import ctypes
import functools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
OPTIMISED = REPOSITORY / "build/millrace"
SANITISED = REPOSITORY / "build/asan/millrace"
BACKENDS = ("io_uring", "epoll")

USER, PASSWORD = "demo", "demo"
# Of "demo", in few rounds: logging in 2,000 times must not take minutes.
PASSWORD_HASH = ("$6$rounds=1000$millrace$"
                 "QkhD0VS1n.fcK26Bw.tOC/KXo0bxXbHrS7HSDapn1S1l9aq7OdAVHbgvjy.XPbBiTEDxuuHZhOR/CkFY23yj.1")

# No test may fail because the machine is slow: every wait ends, but late.
LIMIT_S = 120

# Below the ephemeral ports, so that no outgoing connection of this host takes one away.
CONTROL_PORTS = range(10000, 14000)
PASSIVE_PORTS = "14000-31999"

SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "Assertion")


def on_both_backends(case):
    """Class decorator: the tests of `case` run once on each backend, as `<name>_<backend>`."""
    for backend in BACKENDS:
        add_variant(case, backend, f"{case.__name__}_{backend}", OPTIMISED)
    return case


def on_one_backend(case):
    """For what takes long and shows no more on the other one."""
    backend = BACKENDS[0] if io_uring_allowed() else BACKENDS[1]
    add_variant(case, backend, f"{case.__name__}_{backend}", OPTIMISED)
    return case


def on_every_build(case):
    """As on_both_backends, with the optimised binary and again with the one that has sanitizers."""
    on_both_backends(case)
    for backend in BACKENDS:
        add_variant(case, backend, f"{case.__name__}_{backend}_sanitised", SANITISED)
    return case


def add_variant(case, backend, name, binary):
    module = sys.modules[case.__module__]
    variant = type(name, (case, unittest.TestCase),
                   {"backend": backend, "binary": binary, "__module__": case.__module__})
    if backend == "io_uring" and not io_uring_allowed():
        variant = unittest.skip("this host does not allow io_uring")(variant)
    if not binary.exists():
        variant = unittest.skip(f"{binary.relative_to(REPOSITORY)} is not built")(variant)
    setattr(module, name, variant)


@functools.cache
def io_uring_allowed():
    io_uring_setup, parameters = 425, ctypes.create_string_buffer(120)
    ring = ctypes.CDLL(None, use_errno=True).syscall(io_uring_setup, 1, parameters)
    if ring >= 0:
        os.close(ring)
    return ring >= 0


@functools.cache
def ipv6_there():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def shows(*requirements):
    """Decorator: the test shows these rows of tests/conformance.md."""
    def mark(test):
        test.requirements = requirements
        return test
    return mark


def wait_until(condition, what, limit_s=LIMIT_S):
    """Polls until `condition` returns something true, and returns that."""
    end = time.monotonic() + limit_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit_s} s: {what}")
        time.sleep(0.01)


# ---- Ports ----

def free_control_port():
    """A port L that nobody holds, nor L-1, from which active data connections leave."""
    for _ in range(1000):
        port = random.choice(CONTROL_PORTS[1:])
        if is_free(port) and is_free(port - 1):
            return port
    raise AssertionError("no two free ports in a row")


def is_free(port):
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        if family == socket.AF_INET6 and not ipv6_there():
            continue
        with socket.socket(family) as probe:
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


# ---- Configuration ----

def default_settings(backend, root):
    """What most tests want, as {section: {key: value}}; "user" is a list of sections."""
    port = free_control_port()
    addresses = ["127.0.0.1", "[::1]"] if ipv6_there() else ["127.0.0.1"]
    return {
        "listen": {"control": [f"{address}:{port}" for address in addresses]},
        "io": {"backend": backend},
        "data": {"passive_ports": PASSIVE_PORTS},
        "anonymous": {"enabled": False},
        "user": [{"name": USER, "password": PASSWORD_HASH, "root": str(root)}],
    }


def to_toml(settings):
    lines = []
    for section, content in settings.items():
        for entry in content if isinstance(content, list) else [content]:
            lines.append(f"[[{section}]]" if isinstance(content, list) else f"[{section}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in entry.items()]
    return "\n".join(lines) + "\n"


# ---- The server ----

class Server:
    """Starts when made; `with` stops it. `settings` overrides or adds keys, section by section."""

    def __init__(self, backend, settings=None, binary=OPTIMISED, launcher=(), environment=None,
                 subcommand=("serve",), place=None):
        """`place`: where its root and its log are; None: where temporary files go."""
        self.directory = Path(tempfile.mkdtemp(prefix="millrace-test-", dir=place))
        self.root = self.directory / "root"
        self.root.mkdir()
        self.config_file = self.directory / "config.toml"
        self.settings = default_settings(backend, self.root)
        for section, content in (settings or {}).items():
            if isinstance(content, list):
                self.settings[section] = content
            else:
                self.settings[section] = self.settings.get(section, {}) | content
        self.port = int(self.settings["listen"]["control"][0].rpartition(":")[2])
        self.write_config(to_toml(self.settings))
        self.log_file = self.directory / "log"
        self.process = None
        try:
            self.launch([*launcher, binary, *subcommand, "--config", self.config_file], environment)
        except BaseException:
            self.end()
            raise

    def launch(self, command, environment):
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=os.environ | (environment or {}))
        wait_until(lambda: "ready" in self.log_words() or self.process.poll() is not None, "the line `ready`")
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log()}")

    def write_config(self, text):
        self.config_file.write_text(text)

    def log(self):
        return self.log_file.read_text(errors="replace")

    def log_words(self):
        return self.log().split()

    def wait_for_log(self, text):
        wait_until(lambda: text in self.log(), f"`{text}` in the log")

    @property
    def pid(self):
        return self.process.pid

    def send_signal(self, number):
        os.kill(self.pid, number)

    def reload(self):
        self.send_signal(signal.SIGHUP)

    def wait_for_end(self):
        """Exit code 0, and nothing that a sanitizer or an assertion would have said."""
        code = self.process.wait(LIMIT_S)
        log = self.log()
        if code != 0 or any(word in log for word in SANITIZER_WORDS):
            raise AssertionError(f"the server ended with {code}:\n{log[-20000:]}")

    def stop(self):
        if self.process.poll() is None:
            self.send_signal(signal.SIGTERM)
        self.wait_for_end()

    def end(self):
        """Whatever state the test left: no process and no file stays behind."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self.stop()
            else:
                print("  the server's last lines:\n    " + "\n    ".join(self.log().splitlines()[-15:]))
        finally:
            self.end()

    # ---- What /proc tells ----

    def descriptors(self):
        """How many are open, without the pipes that uploads go through: a bounded pool of them stays."""
        return sum(not target.startswith("pipe:") for target in self.open_files())

    def pipe_ends(self):
        return sum(target.startswith("pipe:") for target in self.open_files())

    def open_files(self):
        directory = f"/proc/{self.pid}/fd"
        for number in os.listdir(directory):
            try:
                yield os.readlink(f"{directory}/{number}")
            except FileNotFoundError:  # closed since
                continue

    def resident_kib(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def thread_names(self):
        return [Path(f"/proc/{self.pid}/task/{task}/comm").read_text().strip()
                for task in os.listdir(f"/proc/{self.pid}/task")]
