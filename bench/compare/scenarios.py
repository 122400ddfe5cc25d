"""What is measured: one row each, with the options of build/millrace-bench and the figure that is read from its JSON.

The files that the paths name are made by place.fill(). Knows nothing of servers but that nginx is asked by
bench/compare/fetch.cpp instead.
"""
from dataclasses import dataclass
from typing import Callable

from place import COLD_FILES, FILE_OCTETS, MANY, SMALL_FILES

GB = 1e9
UPLOAD_OCTETS = 256 << 20
UPLOAD_OCTETS_EACH = 16 << 20
IDLE_SESSIONS = 2000
PACED_STREAMS = 1000
PACED_OCTETS = 128 << 10
SCALE_SESSIONS = (100, 1_000, 10_000)
SCALE_ACTIVE = 8
SLOW_DISK_BPS = 40_000_000
TLS = {"tls": "explicit"}
NOTHING_KEPT = "[listing]\ncache_mib = 0\n"


@dataclass(frozen=True)
class Scenario:
    key: str
    title: str
    what: str  # one sentence for the report
    verb: str  # millrace-bench's
    options: dict
    value: Callable  # result -> number
    unit: str
    higher_is_better: bool = True
    cost: str = "cpu_us_per_operation"  # the field of result["server"] that says what it costs
    latency: str = ""  # the field with percentiles of what a user waits for
    latency_of: str = ""
    http: tuple = ()  # fetch's path, connections, depth, files
    rounds_max: int = 1000
    stretch: float = 1  # of the duration
    warmup_s: float = 0  # at least
    beside_s: float = 0  # what a cell takes beside warmup and duration
    watch_memory: bool = False
    plan: str = ""  # TOML for the verb `plan`
    cold: bool = False  # what stands in /disk is on the disk alone when the cell begins
    read_bps: int = 0  # the most that the server may read from the disk; 0: what the disk gives
    group: str = ""  # a key of GROUPS
    sessions: int = 0  # where the group draws a line over them
    ours: str = ""  # further TOML for Millrace

    @property
    def tls(self):
        return "tls" in self.options

    def times(self, warmup_s, duration_s):
        return max(warmup_s, self.warmup_s), duration_s * self.stretch


@dataclass(frozen=True)
class Group:
    """Rows that SCENARIO=key takes together."""
    by_default: bool
    line: str = ""  # the title of a line over the rows' sessions, or no line


GROUPS = {
    "list": Group(by_default=True),
    "tls": Group(by_default=True),
    "disk": Group(by_default=True),
    "scale": Group(by_default=False, line="Cost over sessions"),
}

COSTS = {
    "cpu_s_per_gb": "server CPU, s/GB",
    "cpu_us_per_operation": "server CPU, µs/operation",
    "": "",
}


def gigabytes_per_s(result):
    return result["octets_per_s"] / GB


def operations_per_s(result):
    return result["operations_per_s"]


def ping_p99_ms(result):
    return result["ping_us"]["p99"] / 1000


def kib_a_session(result):
    """Shared pages are counted once: the processes' share (PSS) less what the idle server had."""
    return max(0, result["peak_pss_kib"] - result["idle_pss_kib"]) / result["sessions"]


def cost_us(result):
    return float(result["server"]["cpu_us_per_operation"])


def percent_at_rate(result):
    return 100 * (1 - result["behind"] / result["sessions"])


def tls(key, title, what, verb, options, value, unit, **more):
    return Scenario(f"tls_{key}", f"{title}, TLS", what, verb, TLS | options, value, unit, group="tls", rounds_max=3,
                    **more)


def cold(key, title, how, **more):
    loads = [f'[[load]]\nscenario = "{"get" if number else "mixed"}"\npath = "/disk/{number}"\nconnections = 1\n'
             for number in range(COLD_FILES)]
    return Scenario(f"disk_{key}", title,
                    f"How long another session waits for the reply to NOOP (99th percentile) while {COLD_FILES} clients "
                    f"download a file each that is not in memory, {how}.",
                    "plan", {}, ping_p99_ms, "ms, p99", higher_is_better=False, cost="cpu_s_per_gb",
                    latency="ping_us", latency_of=f"NOOP: {title[0].lower()}{title[1:]}", plan="".join(loads),
                    group="disk", cold=True, warmup_s=0, **more)


def listing(key, title, how, command, more=None, **others):
    return Scenario(key, title, f"{command} of a directory of {MANY:,} entries by 4 clients: {how}.",
                    "list", {"path": "/many", "command": command, "connections": 4} | (more or {}), operations_per_s,
                    "listings/s", latency="latency_us", latency_of=title[0].lower() + title[1:], group="list", stretch=2,
                    **others)


def scale(sessions):
    plan = f"""\
[[load]]
scenario = "small"
path = "/small"
files = {SMALL_FILES}
connections = {SCALE_ACTIVE}
[[load]]
scenario = "idle"
connections = {sessions - SCALE_ACTIVE}
rate = 1
"""
    return Scenario(f"scale_{sessions}", f"{sessions:,} sessions",
                    f"What a file of {FILE_OCTETS >> 10} KiB on a data connection of its own costs the server while "
                    f"{SCALE_ACTIVE} of {sessions:,} sessions fetch such files and the others are idle.",
                    "plan", {}, cost_us, "µs of CPU a file", higher_is_better=False, cost="", plan=plan, group="scale",
                    sessions=sessions, rounds_max=3, stretch=3, warmup_s=1, beside_s=sessions / 250)


SCENARIOS = [
    Scenario("get1", "Download, one stream",
             "RETR of one big file again and again by one client, which drops what comes in the kernel.",
             "get", {"path": "/big", "connections": 1}, gigabytes_per_s, "GB/s", cost="cpu_s_per_gb",
             http=("/big", 1, 1, 0)),
    Scenario("get8", "Download, 8 streams", "The same by eight clients at once.",
             "get", {"path": "/big", "connections": 8}, gigabytes_per_s, "GB/s", cost="cpu_s_per_gb",
             http=("/big", 8, 1, 0)),
    Scenario("put", "Upload, one stream",
             f"STOR of {UPLOAD_OCTETS >> 20} MiB, then DELE, again and again by one client.",
             "put", {"path": "/up", "connections": 1, "size": UPLOAD_OCTETS}, gigabytes_per_s, "GB/s",
             cost="cpu_s_per_gb"),
    Scenario("put8", "Upload, 8 streams",
             f"STOR of {UPLOAD_OCTETS_EACH >> 20} MiB, then DELE, by eight clients at once.",
             "put", {"path": "/up", "connections": 8, "size": UPLOAD_OCTETS_EACH}, gigabytes_per_s, "GB/s",
             cost="cpu_s_per_gb"),
    Scenario("small", "Small files",
             f"EPSV and RETR of files of {FILE_OCTETS >> 10} KiB, a data connection each, by 16 clients; "
             "HTTP: GET on 16 kept connections.",
             "small", {"path": "/small", "files": SMALL_FILES, "connections": 16}, operations_per_s, "files/s",
             latency="latency_us", latency_of="a file", http=("/small", 16, 1, SMALL_FILES)),
    Scenario("blocks", "Small files, one connection",
             f"The same files in MODE B: one data connection, 16 RETR in flight, by one client; "
             "HTTP: one kept connection, 16 GET in flight.",
             "blocks", {"path": "/small", "files": SMALL_FILES, "connections": 1, "depth": 16}, operations_per_s,
             "files/s", latency="latency_us", latency_of="a file of 16 in flight", http=("/small", 1, 16, SMALL_FILES)),
    Scenario("login", "Sessions", "Connect, USER, PASS, QUIT by 16 clients, as anonymous.",
             "login", {"connections": 16}, operations_per_s, "sessions/s",
             latency="latency_us", latency_of="a session"),
    listing("list", "Listings (LIST)", "Millrace makes each anew", "LIST", ours=NOTHING_KEPT),
    listing("mlsd", "Listings (MLSD)", "Millrace makes each anew", "MLSD", ours=NOTHING_KEPT),
    listing("mlsd_type", "Listings (MLSD, type)", "the type is the one fact that is asked for; Millrace makes each anew",
            "MLSD", {"facts": "type;"}, ours=NOTHING_KEPT),
    listing("list_again", "Listings again (LIST)", "nothing changes in it", "LIST"),
    listing("mlsd_again", "Listings again (MLSD)", "nothing changes in it", "MLSD"),
    Scenario("mixed", "Replies beside bulk",
             "How long another session waits for the reply to NOOP (99th percentile) while four clients download.",
             "mixed", {"path": "/big", "connections": 4}, ping_p99_ms, "ms, p99", higher_is_better=False,
             cost="cpu_s_per_gb", latency="ping_us", latency_of="NOOP beside bulk"),
    Scenario("idle", "Memory a session",
             f"Memory of the server's processes for each of {IDLE_SESSIONS:,} sessions that are logged in and idle, "
             "shared pages counted once; without what the kernel holds for the sockets.",
             "idle", {"connections": IDLE_SESSIONS}, kib_a_session, "KiB", higher_is_better=False, cost="",
             rounds_max=2, stretch=2, warmup_s=1, beside_s=8, watch_memory=True),
    Scenario("paced", "Many slow downloads",
             f"How many of {PACED_STREAMS:,} downloads at once, each held to {PACED_OCTETS >> 10} KiB/s by its client, "
             "keep that rate, and what it costs.",
             "paced", {"path": "/big", "connections": PACED_STREAMS, "stream-rate": PACED_OCTETS}, percent_at_rate,
             "% at their rate", cost="cpu_s_per_gb", rounds_max=3, stretch=2,
             warmup_s=2, beside_s=5),
    Scenario("disk_put", "Upload to the disk",
             f"STOR of {UPLOAD_OCTETS >> 20} MiB to a file system on the disk, then DELE, again and again by one client.",
             "put", {"path": "/disk/up", "connections": 1, "size": UPLOAD_OCTETS}, gigabytes_per_s, "GB/s",
             cost="cpu_s_per_gb", group="disk"),
    cold("cold", "Replies beside cold files", "as fast as the disk gives them"),
    cold("slow", "Replies beside a slow disk", f"from a disk held to {SLOW_DISK_BPS // 1_000_000} MB/s",
         read_bps=SLOW_DISK_BPS, rounds_max=3),
    tls("get1", "Download, one stream",
        "As without TLS, by AUTH TLS and PROT P.",
        "get", {"path": "/big", "connections": 1}, gigabytes_per_s, "GB/s", cost="cpu_s_per_gb"),
    tls("put", "Upload, one stream", f"STOR of {UPLOAD_OCTETS >> 20} MiB, then DELE, again and again by one client.",
        "put", {"path": "/up", "connections": 1, "size": UPLOAD_OCTETS}, gigabytes_per_s, "GB/s",
        cost="cpu_s_per_gb"),
    tls("small", "Small files",
        f"EPSV and RETR of files of {FILE_OCTETS >> 10} KiB, a data connection each, by 16 clients; "
        "each resumes the session of its control connection where the server lets it.",
        "small", {"path": "/small", "files": SMALL_FILES, "connections": 16}, operations_per_s, "files/s",
        latency="latency_us", latency_of="a file"),
    tls("login", "Sessions", "Connect, AUTH TLS with a full handshake, USER, PASS, QUIT by 16 clients.",
        "login", {"connections": 16, "tls-resume": "no"}, operations_per_s, "sessions/s",
        latency="latency_us", latency_of="a session"),
    tls("login_resumed", "Sessions, resumed", "The same; each client resumes the TLS session that it had before.",
        "login", {"connections": 16}, operations_per_s, "sessions/s",
        latency="latency_us", latency_of="a session"),
    *map(scale, SCALE_SESSIONS),
]
