"""From cells to figures: medians, spread, ratios, marks. Pure functions; knows nothing of files and pages."""
import statistics
from dataclasses import dataclass, field

from scenarios import SCENARIOS

FOREIGN_MAX = 0.10  # of a core: a round with more foreign work counts only where there is no quieter one
PERCENTILES = {"p50": "p50", "p90": "p90", "p99": "p99", "p99_9": "p99.9", "max": "max"}


@dataclass
class Figure:
    """What the rounds of one server in one scenario came to."""
    values: dict = field(default_factory=dict)  # {round: value}, of the rounds that count
    rounds: int = 0
    failed: int = 0
    failure: str = ""
    noisy: bool = False  # no round was quiet
    client_limit: bool = False
    cost: float | None = None
    cost_spread: tuple = ()
    latency_us: dict = field(default_factory=dict)
    to_peer: float | None = None  # above 1: better than the best peer
    to_limit: float | None = None

    @property
    def median(self):
        return statistics.median(self.values.values()) if self.values else None

    @property
    def low(self):
        return min(self.values.values())

    @property
    def high(self):
        return max(self.values.values())


def summarise(results):
    """{scenario: {server: Figure}} for all that was measured."""
    table = {}
    for scenario in SCENARIOS:
        row = {}
        for server in results["servers"]:
            cells = [cell for cell in results["cells"]
                     if (cell["scenario"], cell["server"]) == (scenario.key, server["key"])]
            if cells:
                row[server["key"]] = make_figure(scenario, cells)
        if row:
            add_ratios(scenario, row, results["servers"])
            table[scenario.key] = row
    return table


def make_figure(scenario, cells):
    good = [cell for cell in cells if cell["failure"] is None]
    quiet = [cell for cell in good if cell["foreign"] <= FOREIGN_MAX]
    failures = [cell["failure"] for cell in cells if cell["failure"] is not None]
    figure = Figure(rounds=len(cells), failed=len(failures), failure=failures[0] if failures else "")
    figure.noisy = bool(good) and not quiet
    counted = quiet or good
    figure.values = {cell["round"]: cell["value"] for cell in counted}
    results = [cell["result"] for cell in counted]
    if not results:
        return figure
    figure.client_limit = sum(bool(result["client"]["limit"]) for result in results) * 2 > len(results)
    costs = [cost for result in results if (cost := result["server"].get(scenario.cost)) is not None]
    if costs:
        figure.cost, figure.cost_spread = statistics.median(costs), (min(costs), max(costs))
    if scenario.latency:
        figure.latency_us = {name: median_of((result.get(scenario.latency) or {}).get(name) for result in results)
                             for name in PERCENTILES}
    return figure


def median_of(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def add_ratios(scenario, row, servers):
    kinds = {server["key"]: server["kind"] for server in servers}
    # Where a peer failed, the best of the others is no measure: the row shows the failure and no ratio to a peer.
    peer = None if failed_peers(row, kinds) else best_peer(scenario, row, kinds)
    for key, figure in row.items():
        if peer:
            figure.to_peer = ratio(scenario, figure, row[peer])
        if "limit" in row and key != "limit":
            figure.to_limit = ratio(scenario, figure, row["limit"])


def best_peer(scenario, row, kinds):
    """Of the FTP servers that are not ours and did not fail."""
    peers = [key for key, figure in row.items() if kinds[key] == "peer" and figure.values and not figure.failed]
    best = max if scenario.higher_is_better else min
    return best(peers, key=lambda key: row[key].median) if peers else None


def failed_peers(row, kinds):
    """The FTP servers that are not ours and failed in some round."""
    return [key for key, figure in row.items() if kinds[key] == "peer" and (figure.failed or not figure.values)]


def ratio(scenario, figure, other):
    """The median of the ratios in each round, for what a noisy minute does to both cancels out."""
    if figure.failed or other.failed or not figure.values or not other.values:
        return None
    both = [(figure.values[number], other.values[number]) for number in figure.values if number in other.values]
    pairs = [pair for pair in both or [(figure.median, other.median)] if all(pair)]
    if not pairs:
        return None
    return statistics.median(one / two if scenario.higher_is_better else two / one for one, two in pairs)
