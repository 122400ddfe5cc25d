"""One cell: one server, one scenario, one round. Starts both sides, pinned, and returns what came of it.

A cell is {"scenario", "server", "round", "failure", "value", "foreign", "result"}: `failure` is None or what went
wrong, `foreign` the share of a core that somebody else used meanwhile, `result` the generator's JSON.
"""
import json
import os
import subprocess
import time

import processes
from place import ADDRESS, OUTPUT, REPOSITORY
from running import Running

GENERATOR = REPOSITORY / "build/millrace-bench"
FETCH = OUTPUT / "fetch"
BESIDE_S = 0.8  # start and end of a server, connecting
LOOK_S = 0.5
SHARE_MAX = 1.1  # of the server's one core
LIMIT_S = 60  # a cell may take so much longer than planned


def measure(place, scenario, server, round_number, warmup_s, duration_s):
    cell = {"scenario": scenario.key, "server": server.key, "round": round_number, "failure": None, "value": None,
            "foreign": None, "result": None}
    try:
        place.empty_uploads()
        if scenario.cold:
            place.drop_cached()
        with Running(server, place, scenario) as running, place.read_limit(running.pids(), scenario.read_bps):
            cell["result"], cell["foreign"] = run_client(place, scenario, server, running,
                                                         scenario.times(warmup_s, duration_s))
        cell["failure"] = failure_of(scenario, cell["result"])
        if cell["failure"] is None:
            cell["value"] = scenario.value(cell["result"])
    except (OSError, RuntimeError, KeyError, TypeError, ZeroDivisionError) as error:
        cell["failure"] = f"{type(error).__name__}: {error}" if not isinstance(error, RuntimeError) else str(error)
    return cell


def run_client(place, scenario, server, running, times):
    """The generator's result, and the share of foreign work."""
    over_http = server.kind == "http"
    json_file = server.directory() / "result.json"
    command = fetch_command(place, scenario, times) if over_http else generator_command(
        place, scenario, server, running, times, json_file)
    idle_pss_kib = processes.pss_kib(running.pids())
    server_s, busy_s, begun = processes.cpu_s(running.pids()), processes.machine_busy_s(), time.monotonic()
    ours_s = os.times()
    memory = Peak(running) if scenario.watch_memory else None
    code, output = run_bounded(place, command, sum(times) + scenario.beside_s + LIMIT_S, memory)
    took_s = time.monotonic() - begun
    ended_s = os.times()
    server_s = processes.cpu_s(running.pids()) - server_s
    ours = sum(ended_s[:4]) - sum(ours_s[:4])  # this program's and that of the client, which has ended
    foreign = max(0.0, processes.machine_busy_s() - busy_s - server_s - ours) / took_s
    if over_http:
        result = json.loads(output) if output.startswith("{") else None
    else:
        result = json.loads(json_file.read_text()) if json_file.exists() else None
    if result is None:
        raise RuntimeError(f"the client ended with {code}: {last_words(output)}")
    if over_http:
        result["server"] = cost(server_s, result)
    forget_impossible_cost(result)
    result["exit_code"], result["idle_pss_kib"] = code, idle_pss_kib
    if memory:
        result["peak_pss_kib"] = memory.pss_kib
    return result, foreign


class Peak:
    """The most memory that was seen, for a server's sessions may have ended when the client has."""

    def __init__(self, running):
        self.running, self.pss_kib = running, 0

    def look(self):
        self.pss_kib = max(self.pss_kib, processes.pss_kib(self.running.pids()))


def run_bounded(place, command, limit_s, watcher=None):
    """The client's exit code and words. The watcher looks every half second."""
    limit = time.monotonic() + limit_s
    client = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True,
                              preexec_fn=lambda: os.sched_setaffinity(0, place.client_cpus))
    try:
        while time.monotonic() < limit:
            try:
                output, _ = client.communicate(timeout=LOOK_S if watcher else max(0.1, limit - time.monotonic()))
                return client.returncode, output
            except subprocess.TimeoutExpired:
                if watcher:
                    watcher.look()
        raise RuntimeError(f"the client did not end within {limit_s:.0f} s")
    finally:
        if client.poll() is None:
            client.kill()
            client.communicate()


def generator_command(place, scenario, server, running, times, json_file):
    warmup_s, duration_s = times
    user, password = server.users.get(scenario.verb, ("anonymous", "bench@"))
    options = scenario.options | {
        "server": f"{ADDRESS}:{place.port}", "user": user, "password": password, "warmup": warmup_s,
        "duration": duration_s, "workers": len(place.client_cpus), "server-pid": running.process.pid,
        "json": json_file}
    if scenario.plan:
        options["plan"] = server.directory() / "plan.toml"
        options["plan"].write_text(scenario.plan)
    return [GENERATOR, scenario.verb, *(word for key, value in options.items() for word in (f"--{key}", value))]


def fetch_command(place, scenario, times):
    path, connections, depth, files = scenario.http
    return [FETCH, f"{ADDRESS}:{place.port}", path, connections, depth, sum(times), files]


def cost(server_s, result):
    """As millrace-bench reports it, for the client that cannot."""
    return {"cpu_s": server_s,
            "cpu_s_per_gb": server_s / result["octets"] * 1e9 if result["octets"] else None,
            "cpu_us_per_operation": server_s / result["operations"] * 1e6 if result["operations"] else None}


def forget_impossible_cost(result):
    """Of processes that end while one looks, what they used can be counted twice or not at all."""
    server = result["server"]
    if not 0 < server["cpu_s"] / result["duration_s"] <= SHARE_MAX:
        server.update(dict.fromkeys(("cpu_s", "cpu_s_per_gb", "cpu_us_per_operation")))


def failure_of(scenario, result):
    """What the client says went wrong, or None."""
    if result["exit_code"] != 0 or result["errors"]:
        kinds = [f"{name} ({kind['count']}): {kind['example']}" for name, kind in result["error_kinds"].items()]
        return "; ".join(kinds) or f"the client ended with {result['exit_code']}"
    if scenario.cost == "cpu_s_per_gb" and not result["octets"]:
        return f"nothing was transferred within {result['duration_s']:.1f} s"
    if scenario.cost == "cpu_us_per_operation" and not result["operations"]:
        return f"not one operation ended within {result['duration_s']:.1f} s"
    return None


def last_words(output):
    return " / ".join(output.strip().splitlines()[-3:]) or "no word"
