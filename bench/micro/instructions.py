#!/usr/bin/env python3
"""Counts the instructions of each row of bench/micro by callgrind and compares them with instructions.txt.

Times are noisy on a shared machine, instructions are not: a count over 10 % above the stored one fails.
With --update the file is written anew. Knows the file and callgrind; must not know what is counted.
"""
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / "build/millrace-micro"
STORED = REPOSITORY / "bench/micro/instructions.txt"
DUMPS = REPOSITORY / "build/micro"
TOLERANCE = 0.10
# glibc chooses memchr and memcpy by the processor: without these features it takes what every x86-64 has.
PLAIN_PROCESSOR = ("glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-AVX_Fast_Unaligned_Load,-BMI1,-BMI2,"
                   "-ERMS,-FSRM,-SSSE3,-SSE4_1,-SSE4_2")


def compiler():
    """What counts depend on beside the source: other compilers make other instructions."""
    words = os.environ.get("CXX", "g++").split()
    version = subprocess.run([*words, "--version"], check=True, capture_output=True, text=True).stdout
    return f"{version.splitlines()[0]}, {platform.machine()}"


def run_callgrind():
    """Name -> (instructions a unit, unit)."""
    shutil.rmtree(DUMPS, ignore_errors=True)
    DUMPS.mkdir(parents=True)
    done = subprocess.run(["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={DUMPS}/out", PROGRAM,
                           "--count"], stdout=subprocess.PIPE, text=True,
                          # An environment of its own: its size would move the stack.
                          env={"PATH": os.environ["PATH"], "GLIBC_TUNABLES": PLAIN_PROCESSOR})
    if done.returncode != 0:
        sys.exit(f"instructions: {PROGRAM.name} under callgrind ended with {done.returncode}")
    totals = dict(read_dump(path) for path in DUMPS.glob("out.*"))
    rows = (line.split() for line in done.stdout.splitlines())
    return {name: (round(totals[name] / int(units), 1), unit) for name, unit, units in rows}


def read_dump(path):
    text = path.read_text()
    name = re.search(r"^desc: Trigger: Client Request: (\S+)$", text, re.MULTILINE)
    total = re.search(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)
    return name and name[1], int(total[1])


def read_stored():
    """The first line's compiler, and name -> instructions a unit."""
    first, *lines = STORED.read_text().splitlines()
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    return first.removeprefix("# "), {name: float(count) for name, count, *_ in rows}


def write_stored(counts):
    lines = [f"# {compiler()}", "# Instructions of bench/micro's work, by callgrind. Written by make instructions-update."]
    lines += [f"{name:18} {count:9.1f} a {unit}" for name, (count, unit) in counts.items()]
    STORED.write_text("\n".join(lines) + "\n")
    print(f"instructions: wrote {len(counts)} counts to {STORED.relative_to(REPOSITORY)}")


def compare(counts, stored):
    """Prints a line each; the names that fail."""
    failed = []
    for name, (count, unit) in counts.items():
        if name not in stored:
            failed.append(name)
            print(f"{name:18} {count:9.1f} a {unit:8} is not stored")
            continue
        change = count / stored[name] - 1
        remark = ""
        if change > TOLERANCE:
            failed.append(name)
            remark = f"  FAILED: {stored[name]:.1f} is stored, {TOLERANCE:.0%} more is allowed"
        elif change < -TOLERANCE:
            remark = f"  can be lowered from {stored[name]:.1f}"
        print(f"{name:18} {count:9.1f} a {unit:8} {change:+7.1%}{remark}")
    for name in stored.keys() - counts.keys():
        failed.append(name)
        print(f"{name:18} is stored and no longer counted")
    return failed


def main():
    if sys.argv[1:] == ["--update"]:
        return write_stored(run_callgrind())
    made_by, stored = read_stored()
    if made_by != compiler():
        print(f"instructions: NOT COMPARED. Stored are those of {made_by}; here is {compiler()}")
        return None
    failed = compare(run_callgrind(), stored)
    if failed:
        sys.exit(f"instructions: {len(failed)} failed: {', '.join(sorted(failed))}. Meant so? make instructions-update")
    print(f"instructions: {len(stored)} counts are within {TOLERANCE:.0%} of what is stored")
    return None


if __name__ == "__main__":
    main()
