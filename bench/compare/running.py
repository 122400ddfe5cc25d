"""One server while it runs: start, readiness, end. Knows processes; knows nothing of what is asked of the server."""
import os
import socket
import subprocess
import time

import processes
from place import ADDRESS

READY_LIMIT_S = 20


class Running:
    """A server that was started and answers; `with` ends it."""

    def __init__(self, server, place, scenario):
        self.server, self.place = server, place
        file = server.write_config(place, scenario.tls, scenario.ours if server.kind == "ours" else "")
        self.log_file = server.directory() / "log"
        with open(self.log_file, "wb") as log:
            command = [str(word) for word in server.command(server, place, file, scenario.tls)]
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=lambda: os.sched_setaffinity(0, place.server_cpus))
        try:
            self.wait_until_ready()
        except BaseException:
            processes.end(self.process)
            raise

    def wait_until_ready(self):
        limit = time.monotonic() + READY_LIMIT_S
        while not self.answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.server.title} ended with {self.process.returncode}: {self.last_words()}")
            if time.monotonic() > limit:
                raise RuntimeError(f"{self.server.title} does not answer within {READY_LIMIT_S} s: {self.last_words()}")
            time.sleep(0.02)

    def answers(self):
        try:
            with socket.create_connection((ADDRESS, self.place.port), 1) as control:
                return not self.server.greeting or control.recv(3) == self.server.greeting
        except OSError:
            return False

    def last_words(self):
        return " / ".join(self.log_file.read_text(errors="replace").strip().splitlines()[-3:]) or "no word"

    def pids(self):
        return processes.tree(self.process.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        processes.end(self.process)
