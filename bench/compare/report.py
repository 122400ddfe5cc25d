#!/usr/bin/env python3
"""The report as one page without scripts: tables, plots, machine, versions, configurations.

Run by itself it makes build/bench/report.html again from build/bench/results.json.
"""
import html
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import markdown
import plots
import wording
from scenarios import COSTS, GROUPS, SCENARIOS
from summary import PERCENTILES, best_peer, summarise

STYLE = Path(__file__).with_name("page.css")


def write(results, page_file, markdown_file=None, document=None):
    """`document`: a file that holds the short table, which is written anew."""
    table = summarise(results)
    page_file.write_text(page(results, table))
    if markdown_file:
        markdown_file.write_text(markdown.text(results, table))
    if document:
        document.write_text(markdown.put_short_table(document.read_text(), results, table))


def page(results, table):
    measured = [scenario for scenario in SCENARIOS if scenario.key in table]
    return "\n".join([
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>FTP servers compared, {escape(results['started'])}</title>",
        f"<style>{STYLE.read_text()}</style></head><body>",
        opening(results),
        headline(results, table, measured),
        costs(results, table, measured),
        *(line_over_sessions(results, key, table, measured) for key, group in GROUPS.items() if group.line),
        *(section(results, scenario, table[scenario.key]) for scenario in measured),
        failures(results, table, measured),
        closing(results),
        "</body></html>", ""])


def escape(text):
    return html.escape(str(text))


# ---- The beginning ----

def opening(results):
    lines = ["<h1>Millrace and other servers, on the same work</h1>",
             f"<p>{escape(results['started'])}, commit {escape(results['commit'])}, "
             f"{len(results['cells'])} measurements in {wording.duration(results['took_s'])}.</p>"]
    notes = list(results["notes"])
    if not results["complete"]:
        notes.append(f"The run was interrupted after {len(results['cells'])} of {results['cells_planned']} cells.")
    if not plots.available():
        notes.append("No plots: gnuplot is not installed.")
    notes += [f"Left out: {title}: {why}" for title, why in results["left_out"].items()]
    if notes:
        lines.append('<div class="notes">' + "".join(f"<p>{escape(note)}</p>" for note in notes) + "</div>")
    lines.append(f"<p>{escape(wording.method(results))}</p>")
    return "\n".join(lines)


def headline(results, table, measured):
    """Scenarios down, servers across."""
    rows = []
    for scenario in measured:
        cells = [headline_cell(scenario, table[scenario.key], server, results) for server in results["servers"]]
        rows.append(f"<tr><th>{link(scenario)}<small>{escape(scenario.unit)}<br>"
                    f"{'more' if scenario.higher_is_better else 'less'} is better</small></th>{''.join(cells)}</tr>")
    return (f"<h2>All at a glance</h2><p>Large: the median. Small: how many times as good as the best FTP server "
            f"that is not Millrace; then how near to the limit, where there is one.</p>"
            f"{legend()}{wide(results, rows)}")


def headline_cell(scenario, row, server, results):
    figure = row.get(server["key"])
    if figure is None:
        return f'<td title="{escape(server["cannot"].get(scenario.key, "not measured"))}">–</td>'
    if figure.failed or not figure.values:
        return f'<td class="failed"><a href="#failures">failed</a> in {figure.failed} of {figure.rounds}</td>'
    below = []
    if figure.to_peer is not None:
        below.append(f"× {wording.ratio(figure.to_peer)}")
    if figure.to_limit is not None:
        below.append(f"{wording.ratio(figure.to_limit)} of limit")
    best = ' class="best"' if server["key"] == best_of_ftp(scenario, row, results) else ""
    return (f"<td{best}>{wording.number(figure.median)}{marks(figure)}"
            f"{''.join(f'<small>{text}</small>' for text in below)}</td>")


def best_of_ftp(scenario, row, results):
    kinds = {server["key"]: "peer" if server["kind"] in ("ours", "peer") else "" for server in results["servers"]}
    return best_peer(scenario, row, kinds)


def costs(results, table, measured):
    rows = []
    for scenario in measured:
        if not scenario.cost:
            continue
        cells = [f"<td>{wording.number(figure.cost) if figure and not figure.failed else '–'}</td>"
                 for figure in (table[scenario.key].get(server["key"]) for server in results["servers"])]
        rows.append(f"<tr><th>{link(scenario)}<small>{escape(unit_of_cost(scenario))}</small></th>"
                    f"{''.join(cells)}</tr>")
    if not rows:
        return ""
    return ("<h2>What it costs the server</h2><p>CPU time of the server's processes, user and system together. It "
            f"survives noise better than rates do, and says what is left for other work.</p>{wide(results, rows)}")


def unit_of_cost(scenario):
    return COSTS[scenario.cost].removeprefix("server CPU, ")


def wide(results, rows):
    heads = "".join(f"<th>{escape(server['title'])}</th>" for server in results["servers"])
    return (f'<div class="wide"><table class="headline"><thead><tr><th></th>{heads}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table></div>")


def link(scenario):
    return f'<a href="#{scenario.key}">{escape(scenario.title)}</a>'


def marks(figure):
    return "".join(f'<sup title="{escape(meaning)}">{letter}</sup>' for letter, meaning in wording.marks(figure))


def legend():
    return ('<p class="quiet"><small>'
            + "; ".join(f"<sup>{letter}</sup> {escape(meaning)}" for letter, meaning in wording.MARKS.values())
            + "</small></p>")


# ---- One scenario ----

def section(results, scenario, row):
    servers = [server for server in results["servers"] if server["key"] in row]
    without = [f"{server['title']} {server['cannot'][scenario.key]}" for server in results["servers"]
               if server["key"] not in row and server["kind"] in ("ours", "peer") and scenario.key in server["cannot"]]
    lines = [f'<h2 id="{scenario.key}">{escape(scenario.title)}</h2><p>{escape(scenario.what)} '
             f"{escape('; '.join(without) + '.' if without else '')}</p>"]
    drawn = drawings(scenario, row, servers)
    if drawn:
        lines.append(f'<div class="plots">{"".join(drawn)}</div>')
    lines.append(figures_table(scenario, row, servers))
    if any(figure.latency_us for figure in row.values()):
        lines.append(latency_table(scenario, row, servers))
    return "\n".join(lines)


def line_over_sessions(results, key, table, measured):
    """The rows of a group as one plot, a line a server."""
    rows = [scenario for scenario in measured if scenario.group == key]
    curves = []
    for server in results["servers"]:
        points = [(scenario.sessions, figure.median) for scenario in rows
                  if (figure := table[scenario.key].get(server["key"])) and figure.values and not figure.failed]
        if points:
            curves.append((server["title"], server["kind"], points))
    if not curves or not plots.available():
        return ""
    return (f"<h2>{escape(GROUPS[key].line)}</h2><p>{escape(rows[-1].what)} A point for each number of sessions; both "
            "axes are logarithmic, and less is better.</p>"
            '<div class="plots"><figure>'
            f"{plots.curves(key, curves, 'sessions', rows[0].unit)}"
            "</figure></div>")


def drawings(scenario, row, servers):
    if not plots.available():
        return []
    better = "more is better" if scenario.higher_is_better else "less is better"
    drawn = [plots.bars(f"{scenario.key}-bars", [bar(server, row[server["key"]]) for server in servers],
                        f"{scenario.unit} ({better})")]
    costing = [server for server in servers if row[server["key"]].cost is not None and not row[server["key"]].failed]
    if costing:
        drawn.append(plots.bars(f"{scenario.key}-cost", [cost_bar(server, row[server["key"]]) for server in costing],
                                f"{COSTS[scenario.cost]} (less is better)"))
    waiting = [server for server in servers if row[server["key"]].latency_us and not row[server["key"]].failed]
    if waiting:
        drawn.append(f"<figcaption>{plots.PERCENTILE_KEY}</figcaption>" + plots.percentiles(f"{scenario.key}-latency", [
            (server["title"], server["kind"], {PERCENTILES[name]: us / 1000 for name, us
                                               in row[server["key"]].latency_us.items() if us is not None})
            for server in waiting], f"ms for {scenario.latency_of}, logarithmic (less is better)"))
    return [f"<figure>{one}</figure>" for one in drawn if one]


def bar(server, figure):
    if figure.failed or not figure.values:
        return (server["title"], server["kind"], None, 0, 0, "failed")
    return (server["title"], server["kind"], figure.median, figure.low, figure.high, wording.number(figure.median))


def cost_bar(server, figure):
    return (server["title"], server["kind"], figure.cost, *figure.cost_spread, wording.number(figure.cost))


def figures_table(scenario, row, servers):
    cost = f"<th>{escape(COSTS[scenario.cost])}</th>" if scenario.cost else ""
    lines = [f"<tr><th>server</th><th>{escape(scenario.unit)}</th><th>min to max</th><th>of best peer</th>"
             f"<th>of limit</th>{cost}</tr>"]
    for server in servers:
        figure = row[server["key"]]
        head = f'<tr class="{server["kind"]}"><th>{escape(server["title"])}</th>'
        if figure.failed or not figure.values:
            kept = f" (the other rounds: {wording.number(figure.median)})" if figure.values else ""
            lines.append(f'{head}<td class="failed" colspan="{5 if cost else 4}">{escape(wording.failure(figure))}'
                         f"{escape(kept)}</td></tr>")
            continue
        lines.append(f"{head}<td>{wording.number(figure.median)}{marks(figure)}</td><td>{wording.spread(figure)}</td>"
                     f"<td>{wording.ratio(figure.to_peer)}</td><td>{wording.ratio(figure.to_limit)}</td>"
                     + (f"<td>{wording.number(figure.cost)}</td>" if cost else "") + "</tr>")
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def latency_table(scenario, row, servers):
    lines = [f"<tr><th>ms for {escape(scenario.latency_of)}</th>"
             + "".join(f"<th>{name}</th>" for name in PERCENTILES.values()) + "</tr>"]
    for server in servers:
        figure = row[server["key"]]
        if figure.latency_us and not figure.failed:
            lines.append(f'<tr class="{server["kind"]}"><th>{escape(server["title"])}</th>'
                         + "".join(f"<td>{wording.milliseconds(figure.latency_us[name])}</td>" for name in PERCENTILES)
                         + "</tr>")
    return f'<div class="wide"><table>{"".join(lines)}</table></div>' if len(lines) > 1 else ""


# ---- The end ----

def failures(results, table, measured):
    titles = {server["key"]: server["title"] for server in results["servers"]}
    lines = [f"<tr><th>{escape(titles[key])}</th><td>{link(scenario)}: {escape(wording.failure(figure))}</td></tr>"
             for scenario in measured for key, figure in table[scenario.key].items() if figure.failed]
    if not lines:
        return ""
    return f'<h2 id="failures" class="bad">Failures</h2><table class="facts">{"".join(lines)}</table>'


def closing(results):
    facts = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in results["machine"])
    versions = "".join(f"<tr><th>{escape(server['title'])}</th><td>{escape(server['version'])}</td></tr>"
                       for server in results["servers"])
    configs = "".join(f"<details><summary>{escape(server['title'])}</summary><pre>{escape(server['config'])}</pre>"
                      "</details>" for server in results["servers"])
    return (f'<h2>Machine</h2><table class="facts">{facts}</table>'
            f'<h2>Versions</h2><table class="facts">{versions}</table>'
            f"<h2>Configurations</h2><p>As generated for this run; beneath each its command line.</p>{configs}"
            f"<h2>Again</h2><pre>make bench                          # everything\n"
            f"make bench SCENARIO=list ROUNDS=3   # one\n</pre>")


if __name__ == "__main__":
    from place import OUTPUT
    write(json.loads((OUTPUT / "results.json").read_text()), OUTPUT / "report.html")
