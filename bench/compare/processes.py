"""What /proc tells of a process and of all that it started, and the end of them all."""
import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

libc = ctypes.CDLL(None)

TICKS = os.sysconf("SC_CLK_TCK")
END_LIMIT_S = 5


def children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += [int(child) for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except OSError:  # ended since
        pass
    return found


def tree(pid):
    """The process and all its descendants."""
    found = [pid]
    for member in found:
        found += children(member)
    return found


def cpu_s(pids):
    """Seconds of each process by its own clock, and those that waited-for children left to it, in ticks."""
    seconds = 0
    for pid in pids:
        clock = ctypes.c_int()
        try:
            if libc.clock_getcpuclockid(pid, ctypes.byref(clock)) == 0:
                seconds += time.clock_gettime(clock.value)
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            seconds += sum(int(field) for field in fields[13:15]) / TICKS
        except OSError:  # ended since
            pass
    return seconds


def pss_kib(pids):
    """Memory, each shared page divided among those that share it."""
    total = 0
    for pid in pids:
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total


def machine_busy_s():
    """Of all cores since boot. Not interrupts: on loopback these are the work of those measured."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    user, nice, system, stolen = fields[0], fields[1], fields[2], fields[7]
    return (user + nice + system + stolen) / TICKS


def end(process):
    """Asks, then insists; then whatever it left behind, which as their subreaper is now our child."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            for pid in reversed(tree(process.pid)):
                kill(pid)
            process.wait()
    limit = time.monotonic() + END_LIMIT_S
    while (left := children(os.getpid())) and time.monotonic() < limit:
        for pid in left:
            for member in reversed(tree(pid)):
                kill(member)
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                pass


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
