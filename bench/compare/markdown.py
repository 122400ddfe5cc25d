"""bench/RESULTS.md: the headline tables and what is needed to judge them."""
import wording
from scenarios import COSTS, SCENARIOS


def text(results, table):
    measured = [scenario for scenario in SCENARIOS if scenario.key in table]
    machine = dict(results["machine"])
    lines = [
        "# Benchmark results", "",
        "Written by `make bench`; `build/bench/report.html` has plots, spreads, percentiles and configurations.", "",
        f"{results['started']}, commit {results['commit']}. {machine['CPU']}; cores: {machine['Cores']}; "
        f"{machine['Memory']}; {machine['Kernel']}; {machine['Network']}, {machine['Congestion control']}; files on "
        f"{machine['Files']}.", "",
        *[f"* {note}" for note in results["notes"]],
        *[f"* Left out: {title}: {why}" for title, why in results["left_out"].items()],
        "", wording.method(results), "",
        "## Medians", "",
        "In brackets: how many times as good as the best FTP server that is not Millrace. Marks: "
        + "; ".join(f"{letter}: {meaning}" for letter, meaning in wording.MARKS.values()) + ".", "",
        *grid(results, measured, table, lambda scenario: scenario.unit, median),
        "", "## What it costs the server", "",
        *grid(results, [scenario for scenario in measured if scenario.cost], table,
              lambda scenario: COSTS[scenario.cost], cost),
        *latency(results, measured, table),
        "", "## Versions", "",
        *[f"* {server['title']}: {server['version']}" for server in results["servers"]], ""]
    return "\n".join(lines)


def grid(results, scenarios, table, unit, cell):
    servers = results["servers"]
    yield "| scenario | unit | " + " | ".join(server["title"] for server in servers) + " |"
    yield "|---|---|" + "---:|" * len(servers)
    for scenario in scenarios:
        cells = [cell(table[scenario.key].get(server["key"])) for server in servers]
        yield f"| {scenario.title} | {unit(scenario)} | " + " | ".join(cells) + " |"


def median(figure):
    if figure is None:
        return "–"
    if figure.failed or not figure.values:
        return "failed"
    marks = "".join(f" {letter}" for letter, _ in wording.marks(figure))
    beside = f" ({wording.ratio(figure.to_peer)})" if figure.to_peer is not None else ""
    return wording.number(figure.median) + beside + marks


def cost(figure):
    return wording.number(figure.cost) if figure and not figure.failed else "–"


def latency(results, measured, table):
    rows = []
    for scenario in measured:
        for server in results["servers"]:
            figure = table[scenario.key].get(server["key"])
            if figure and figure.latency_us and not figure.failed:
                times = [wording.milliseconds(figure.latency_us[name]) for name in ("p50", "p99", "p99_9")]
                rows.append(f"| {scenario.latency_of} | {server['title']} | {' | '.join(times)} |")
    if rows:
        yield from ["", "## Latency, ms", "", "| of | server | p50 | p99 | p99.9 |", "|---|---|---:|---:|---:|", *rows]
