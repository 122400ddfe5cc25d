"""bench/RESULTS.md: the headline tables and what is needed to judge them. And the short table for people who read no
more than the documentation, which is taken from the same run."""
import wording
from scenarios import COSTS, SCENARIOS
from summary import best_peer, failed_peers

SHORT_BEGIN = "<!-- written by make bench -->"
SHORT_END = "<!-- until here -->"


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
        "In brackets: how many times as good as the best FTP server that is not Millrace; none where one of these "
        "failed. Marks: " + "; ".join(f"{letter}: {meaning}" for letter, meaning in wording.MARKS.values()) + ".", "",
        *grid(results, measured, table, lambda scenario: scenario.unit, median),
        "", "## What it costs the server", "",
        *grid(results, [scenario for scenario in measured if scenario.cost], table,
              lambda scenario: COSTS[scenario.cost], cost),
        *latency(results, measured, table),
        *failures(results, measured, table),
        "", "## Versions", "",
        *[f"* {server['title']}: {server['version']}" for server in results["servers"]],
        "", "## Configuration of Millrace", "",
        "All that differs from the defaults; `build/bench/report.html` has those of the other servers as well.", "",
        *[f"```\n{server['config'].rstrip()}\n```" for server in results["servers"] if server["kind"] == "ours"][:1],
        ""]
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
        return f"failed in {figure.failed} of {figure.rounds}"
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


def failures(results, measured, table):
    rows = [f"* {scenario.title}, {server['title']}: {wording.failure(figure)}" for scenario in measured
            for server in results["servers"]
            if (figure := table[scenario.key].get(server["key"])) and (figure.failed or not figure.values)]
    if rows:
        yield from ["", "## Failures", "", *rows]


# ---- The short table ----

def put_short_table(document, results, table):
    """`document` with its short table written anew: what stands between SHORT_BEGIN and SHORT_END."""
    before, _, rest = document.partition(SHORT_BEGIN)
    _, found, after = rest.partition(SHORT_END)
    if not found:
        return document
    return f"{before}{SHORT_BEGIN}\n{chr(10).join(short_table(results, table))}\n{SHORT_END}{after}"


def short_table(results, table):
    kinds = {server["key"]: server["kind"] for server in results["servers"]}
    titles = {server["key"]: server["title"] for server in results["servers"]}
    single = [server["key"] for server in results["servers"] if server["kind"] != "peer"]
    yield (f"{results['started']}, commit {results['commit']}, medians of {results['rounds']} rounds of "
           f"{results['duration_s']:g} s:")
    yield ""
    yield ("| work | unit | " + " | ".join(titles[key] for key in single) + " | best other FTP server |")
    yield "|---|---|" + "---:|" * len(single) + "---|"
    for scenario in (scenario for scenario in SCENARIOS if scenario.key in table):
        row = table[scenario.key]
        cells = [plain(row.get(key), "median") for key in single]
        yield f"| {scenario.title} | {scenario.unit} | {' | '.join(cells)} | {peer_cell(scenario, row, kinds, titles)} |"
        if scenario.cost:
            cells = [plain(row.get(key), "cost") for key in single]
            yield f"|  | {COSTS[scenario.cost]} | {' | '.join(cells)} | {cheapest(row, kinds, titles)} |"


def plain(figure, what):
    if figure is None:
        return "–"
    if figure.failed or not figure.values:
        return "failed"
    return wording.number(getattr(figure, what))


def peer_cell(scenario, row, kinds, titles):
    peer = best_peer(scenario, row, kinds)
    failed = ", ".join(titles[key] for key in failed_peers(row, kinds))
    best = f"{wording.number(row[peer].median)} {titles[peer]}" if peer else "–"
    return f"{best} (failed: {failed})" if failed else best


def cheapest(row, kinds, titles):
    costs = [(figure.cost, titles[key]) for key, figure in row.items()
             if kinds[key] == "peer" and figure.cost is not None and not figure.failed]
    return "{} {}".format(wording.number(min(costs)[0]), min(costs)[1]) if costs else "–"
