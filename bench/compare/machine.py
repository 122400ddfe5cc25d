"""What the report says of the machine."""
import os
import platform
import subprocess
from pathlib import Path


def facts(place):
    """[(name, text)]"""
    return [
        ("CPU", cpu_name()),
        ("Cores", f"{os.cpu_count()}; server on {names(place.server_cpus)}, client on {names(place.client_cpus)}"),
        ("Memory", f"{memory_gib():.1f} GiB"),
        ("Kernel", f"{platform.system()} {platform.release()}"),
        ("System", system_name()),
        ("Hypervisor", hypervisor()),
        ("Network", "loopback of a private network namespace" if place.private else "the machine's loopback"),
        ("Congestion control", place.congestion),
        ("Files", f"{place.files_are}; the big one has {place.big_octets >> 20:,} MiB"),
        ("Compiler", first_line("g++", "--version")),
    ]


def names(cpus):
    return ", ".join(str(cpu) for cpu in sorted(cpus))


def cpu_name():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)


def system_name():
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return "unknown"


def hypervisor():
    flags = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")), "")
    return "yes, a virtual machine" if " hypervisor" in flags else "none seen"


def first_line(*command):
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return (ended.stdout + ended.stderr).strip().partition("\n")[0]
