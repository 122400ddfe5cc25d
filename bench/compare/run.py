#!/usr/bin/env python3
"""make bench: Millrace and its peers on the same work, in interleaved rounds, and the report.

In each round every scenario meets every server that can do it, in random order; each cell has a server that was
started for it. Writes build/bench/results.json and build/bench/report.html, and bench/RESULTS.md when everything
was measured.
"""
import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone

sys.dont_write_bytecode = True

import machine
import measure
import report
from place import OUTPUT, REPOSITORY, Place
from scenarios import GROUPS, SCENARIOS
from servers import SERVERS, git

ROUNDS = 7
DURATION_S = 2.0
WARMUP_S = 0.5
FAILURES_MAX = 2  # then the later rounds leave this cell out
RESULTS_MD = REPOSITORY / "bench/RESULTS.md"
DOCUMENT = REPOSITORY / "README.md"  # holds the short table


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="",
                        help="some of: " + ",".join([*GROUPS, *(row.key for row in SCENARIOS)]))
    parser.add_argument("--servers", default="", help="some of: " + ",".join(row.key for row in SERVERS))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--duration", type=float, default=DURATION_S, help="seconds of a cell")
    parser.add_argument("--warmup", type=float, default=WARMUP_S)
    parser.add_argument("--seed", type=int, default=None, help="of the order; default: a new one, printed")
    parser.add_argument("--congestion", default="reno", help="congestion control, where the network is our own")
    parser.add_argument("--tree", default=None, help="directory for the files, instead of a tmpfs")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and its length, no more")
    arguments = parser.parse_args()
    usual = [row for row in SCENARIOS if not row.group or GROUPS[row.group].by_default]
    arguments.scenarios = pick(parser, "scenario", SCENARIOS, arguments.scenario) or usual
    arguments.server_rows = pick(parser, "server", SERVERS, arguments.servers) or SERVERS
    arguments.everything = not (arguments.scenario or arguments.servers)
    if arguments.seed is None:
        arguments.seed = random.randrange(1_000_000)
    return arguments


def pick(parser, what, rows, wanted):
    """The rows of the keys; a group's key takes all of its rows."""
    keys = [key for key in wanted.split(",") if key]
    names = [(row.key, getattr(row, "group", "")) for row in rows]
    for key in keys:
        if not any(key in row for row in names):
            parser.error(f"there is no {what} {key}; there are {', '.join(row.key for row in rows)}")
    return [row for row, name in zip(rows, names) if any(key in name for key in keys)]


# ---- The plan ----

def make_plan(arguments, servers):
    """[(round, scenario, server)] in the order in which it is run."""
    order = random.Random(arguments.seed)
    plan = []
    for number in range(1, arguments.rounds + 1):
        for scenario in arguments.scenarios:
            if number > scenario.rounds_max:
                continue
            able = [server for server in servers if scenario.key not in server.cannot]
            order.shuffle(able)
            plan += [(number, scenario, server) for server in able]
    return plan


def plan_s(plan, arguments):
    return sum(sum(scenario.times(arguments.warmup, arguments.duration)) + measure.BESIDE_S + scenario.beside_s
               for _, scenario, _ in plan)


def print_plan(plan, servers, left_out, arguments):
    print(f"{len(plan)} cells: {len(arguments.scenarios)} scenarios, {len(servers)} servers, {arguments.rounds} rounds "
          f"of {arguments.warmup:g} + {arguments.duration:g} s, order of seed {arguments.seed}: "
          f"about {plan_s(plan, arguments) / 60:.0f} minutes")
    for title, why in left_out.items():
        print(f"left out: {title}: {why}")


# ---- The rounds ----

def run_plan(plan, place, arguments, cells):
    failures = {}
    for position, (number, scenario, server) in enumerate(plan, 1):
        if failures.get((scenario.key, server.key), 0) >= FAILURES_MAX:
            continue
        cell = measure.measure(place, scenario, server, number, arguments.warmup, arguments.duration)
        cells.append(cell)
        if cell["failure"]:
            failures[scenario.key, server.key] = failures.get((scenario.key, server.key), 0) + 1
        print(f"{position:4}/{len(plan)}  round {number}  {scenario.key:17} {server.title:18} "
              f"{describe(cell, scenario)}", flush=True)


def describe(cell, scenario):
    if cell["failure"]:
        return f"FAILED: {cell['failure'][:200]}"
    text = f"{cell['value']:12,.2f} {scenario.unit}"
    cost = cell["result"]["server"].get(scenario.cost)
    if cost is not None:
        text += f"   CPU {cost:.3f} s/GB" if scenario.cost == "cpu_s_per_gb" else f"   CPU {cost:.1f} µs"
    return text + f"   (foreign {100 * cell['foreign']:.0f} %)" * (cell["foreign"] > 0.1)


def describe_run(arguments, place, servers, left_out, plan):
    secured = sorted({scenario.tls for scenario in arguments.scenarios})
    return {
        "started": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": git("describe", "--always", "--dirty"),
        "everything": arguments.everything,
        "complete": False,
        "rounds": arguments.rounds, "duration_s": arguments.duration, "warmup_s": arguments.warmup,
        "seed": arguments.seed, "cells_planned": len(plan), "planned_s": plan_s(plan, arguments),
        "big_octets": place.big_octets, "machine": machine.facts(place), "notes": place.notes, "left_out": left_out,
        "servers": [{"key": server.key, "title": server.title, "kind": server.kind, "version": server.version(),
                     "config": "\n".join(server.describe(place, tls) for tls in secured if tls <= server.has_tls),
                     "cannot": server.cannot} for server in servers],
        "cells": [],
    }


def build_helpers():
    """The limit and the HTTP client: a file each."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name in ("limit", "fetch"):
        source, program = REPOSITORY / f"bench/compare/{name}.cpp", OUTPUT / name
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            subprocess.run([os.environ.get("CXX", "g++"), "-std=c++23", "-O2", "-Wall", "-Wextra", "-pthread",
                            "-D_GNU_SOURCE", "-o", program, source], check=True)


def write(results):
    (OUTPUT / "results.json").write_text(json.dumps(results, indent=1))
    whole = results["everything"] and results["complete"]
    report.write(results, OUTPUT / "report.html", *((RESULTS_MD, DOCUMENT) if whole else ()))


def main():
    arguments = read_arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that servers are ended
    build_helpers()
    place = Place(arguments.congestion, arguments.tree)
    os.sched_setaffinity(0, place.client_cpus)
    left_out = {row.title: why for row in arguments.server_rows if (why := row.left_out(place))}
    servers = [row for row in arguments.server_rows if row.title not in left_out]
    plan = make_plan(arguments, servers)
    print_plan(plan, servers, left_out, arguments)
    for note in place.notes:
        print(note)
    if arguments.dry_run:
        return 0
    if not measure.GENERATOR.exists():
        print("build/millrace-bench is missing: make build/millrace-bench", file=sys.stderr)
        return 1
    interrupted = False
    try:
        place.fill()
        results = describe_run(arguments, place, servers, left_out, plan)
        begun = time.monotonic()
        try:
            run_plan(plan, place, arguments, results["cells"])
            results["complete"] = True
        except KeyboardInterrupt:
            interrupted = True
        results["took_s"] = time.monotonic() - begun
    finally:
        place.remove()
    write(results)
    print(f"{results['took_s'] / 60:.1f} minutes. {(OUTPUT / 'report.html').relative_to(REPOSITORY)}")
    ours = {server.key for server in servers if server.kind == "ours"}
    failed = [cell for cell in results["cells"] if cell["failure"] and cell["server"] in ours]
    return 130 if interrupted else 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
