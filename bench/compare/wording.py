"""Figures as text, the same for the page and for RESULTS.md."""

MARKS = {
    "client": ("c", "the client was the limit: the server could have done more"),
    "noisy": ("n", "somebody else used more than a tenth of a core in each round"),
}


def number(value):
    """Three digits that count: 0.0123, 1.23, 12.3, 123, 1,234."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 99.95:
        return f"{value:,.0f}"
    if size >= 9.995:
        return f"{value:.1f}"
    if size >= 0.9995:
        return f"{value:.2f}"
    return f"{value:#.3g}" if size >= 0.001 else f"{value:.1e}"


def ratio(value):
    return "–" if value is None else f"{value:.2f}"


def spread(figure):
    return f"{number(figure.low)} to {number(figure.high)}"


def marks(figure):
    """[(letter, meaning)]"""
    found = []
    if figure.client_limit:
        found.append(MARKS["client"])
    if figure.noisy:
        found.append(MARKS["noisy"])
    return found


def milliseconds(us):
    return "–" if us is None else number(us / 1000)


def failure(figure):
    return f"failed in {figure.failed} of {figure.rounds}: {figure.failure}"


def duration(seconds):
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} s"


def method(results):
    """How it was measured, in sentences."""
    return (f"{results['rounds']} rounds; in each, every scenario meets every server once, in random order (seed "
            f"{results['seed']}), each time a server that was started for it, for {results['warmup_s']:g} s and then "
            f"{results['duration_s']:g} s that count. Figures are medians over the rounds, with minimum and maximum; a "
            "ratio is the median of the ratios round by round, and above 1 is better. Rounds in which "
            "somebody else used more than a tenth of a core count only where there is no quieter one. The server has "
            "one core, the client another. All servers are held to the same: anonymous, no log, no limits, the same "
            "files in memory. "
            "The client is build/millrace-bench, on download dropping what comes in the kernel; "
            "for HTTP it is bench/compare/fetch.cpp, which does the same. The bare sendfile loop "
            "(bench/compare/limit.cpp) has canned replies, a process a session, and no checks: what is physically "
            "possible with this client.")
