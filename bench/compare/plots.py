"""Plots as SVG text for inlining, by gnuplot. Colours become CSS variables, so that a page can be dark.

Knows titles, numbers and colours; knows nothing of scenarios and servers.
"""
import math
import re
import shutil
import subprocess

WIDTH = 480
CURVES_HEIGHT = 300
ROW_HEIGHT, TOP, BOTTOM = 26, 8, 60
TICS_MAX = 5

# What gnuplot is told, and what the page makes of it.
COLOURS = {"ink": (1, 2, 3), "faint": (1, 2, 4), "ours": (1, 2, 5), "peer": (1, 2, 6), "http": (1, 2, 7),
           "limit": (1, 2, 8)}
HEX = {name: "#%02x%02x%02x" % colour for name, colour in COLOURS.items()}
PERCENTILE_POINTS = {"p50": 5, "p90": 9, "p99": 7, "p99.9": 13}  # gnuplot's point types, filled:
CURVE_POINTS = (5, 7, 9, 13, 4, 6, 8, 12)  # one a curve, for curves of one kind have one colour
PERCENTILE_KEY = "■ p50   ▲ p90   ● p99   ◆ p99.9"


def available():
    return shutil.which("gnuplot") is not None


def bars(name, rows, axis):
    """Horizontal bars with whiskers. rows: [(title, colour, median, low, high, label)]; no median: a label alone."""
    most = max([row[4] for row in rows if row[2] is not None], default=1) or 1
    lines = []
    for index, (title, colour, median, low, high, label) in enumerate(rows):
        values = f"{median:.9g} {low:.9g} {high:.9g}" if median is not None else "0 0 0"
        lines.append(f"{index} {values} {int(HEX[colour][1:], 16)} {quote(title)} {quote(label)}")
    return draw(name, len(rows), axis, lines, [
        f"set xrange [0:{1.3 * most:.9g}]",
        f"set xtics nomirror scale 0.5 textcolor rgb '{HEX['ink']}' ({tics(1.3 * most)})",
        "plot $rows using 2:1:(0):2:($1-0.32):($1+0.32):5:ytic(6) with boxxyerror fillstyle solid noborder "
        "linecolor rgb variable notitle, "
        "$rows using ($4 > 0 ? $2 : NaN):1:3:4 with xerrorbars linecolor rgb '%s' linewidth 1.2 pointtype 0 notitle, "
        "$rows using 4:1:7 with labels left offset character 0.6,0 textcolor rgb '%s' notitle"
        % (HEX["ink"], HEX["ink"])])


def percentiles(name, rows, axis):
    """Points on a logarithmic axis. rows: [(title, colour, {percentile: value})]"""
    lines, values = [], []
    for index, (title, colour, points) in enumerate(rows):
        numbers = [points.get(point) for point in PERCENTILE_POINTS]
        values += [number for number in numbers if number]
        lines.append(f"{index} {' '.join(f'{number:.9g}' if number else 'NaN' for number in numbers)} "
                     f"{int(HEX[colour][1:], 16)} {quote(title)}")
    if not values:
        return ""
    columns = list(enumerate(PERCENTILE_POINTS.items(), 2))
    first, last = columns[0][0], columns[-1][0]
    plots = [f"$rows using {first}:1:{first}:{last}:6:ytic(7) with xerrorbars linecolor rgb variable linewidth 1 "
             "pointtype 0 notitle"]
    plots += [f"$rows using {column}:1 with points pointtype {shape} pointsize 0.8 "
              f"linecolor rgb '{HEX['ink']}' notitle" for column, (_, shape) in columns]
    return draw(name, len(rows), axis, lines, [
        "set logscale x",
        f"set xrange [{min(values) / 1.6:.9g}:{max(values) * 1.6:.9g}]",
        "set format x '%g'",
        "set xtics nomirror scale 0.5 textcolor rgb '%s'" % HEX["ink"],
        "plot " + ", ".join(plots)])


def curves(name, rows, x_axis, y_axis):
    """Lines on two logarithmic axes. rows: [(title, colour, [(x, y)])]"""
    lines, drawn = [], []
    for index, (title, colour, points) in enumerate(rows):
        lines += [f"$curve{index} << END", *(f"{x:.9g} {y:.9g}" for x, y in points), "END"]
        drawn.append(f"$curve{index} with linespoints linecolor rgb '{HEX[colour]}' linewidth 1.5 "
                     f"pointtype {CURVE_POINTS[index % len(CURVE_POINTS)]} pointsize 0.9 title {quote(title)}")
    xs, ys = zip(*(point for _, _, points in rows for point in points))
    return render(name, CURVES_HEIGHT, [
        *lines,
        "set lmargin at screen 0.14",
        "set rmargin at screen 0.62",
        f"set bmargin at screen {BOTTOM / CURVES_HEIGHT:.4f}",
        f"set tmargin at screen {1 - 2 * TOP / CURVES_HEIGHT:.4f}",
        "set logscale xy",
        f"set xrange [{min(xs) / 1.3:.9g}:{max(xs) * 1.3:.9g}]",
        f"set yrange [{min(ys) / 1.6:.9g}:{max(ys) * 1.6:.9g}]",
        f"set border 3 linecolor rgb '{HEX['faint']}'",
        "set xtics nomirror scale 0.5 textcolor rgb '%s' (%s)" % (
            HEX["ink"], ", ".join(f'"{x:,g}" {x:g}' for x in sorted(set(xs)))),
        f"set ytics nomirror scale 0.5 format '%g' textcolor rgb '{HEX['ink']}'",
        f"set grid ytics linecolor rgb '{HEX['faint']}' linewidth 0.5",
        f"set key at screen 0.65, screen 0.95 left top vertical Left reverse samplen 1.5 textcolor rgb '{HEX['ink']}'",
        f"set xlabel {quote(x_axis)} textcolor rgb '{HEX['ink']}'",
        f"set ylabel {quote(y_axis)} offset character 0.5,0 textcolor rgb '{HEX['ink']}'",
        "plot " + ", ".join(drawn)])


def tics(most):
    """From 0, at round numbers, few enough that they do not meet."""
    step = 10 ** math.floor(math.log10(most))
    step = next(step * part for part in (0.1, 0.2, 0.25, 0.5, 1, 2, 5) if most / (step * part) <= TICS_MAX)
    return ", ".join(f'"{step * index:,.10g}" {step * index:.9g}' for index in range(int(most / step) + 1))


def draw(name, count, axis, lines, commands):
    height = count * ROW_HEIGHT + TOP + BOTTOM
    return render(name, height, [
        "$rows << END", *lines, "END",
        "set lmargin at screen 0.30",
        "set rmargin at screen 0.97",
        f"set bmargin at screen {BOTTOM / height:.4f}",
        f"set tmargin at screen {1 - TOP / height:.4f}",
        f"set yrange [{count - 0.5}:-0.5]",
        f"set border 1 linecolor rgb '{HEX['faint']}'",
        "set ytics scale 0 nomirror textcolor rgb '%s'" % HEX["ink"],
        f"set grid xtics linecolor rgb '{HEX['faint']}' linewidth 0.5",
        f"set xlabel {quote(axis)} textcolor rgb '{HEX['ink']}'",
        *commands])


def render(name, height, commands):
    script = "\n".join(["set encoding utf8", f"set terminal svg size {WIDTH},{height} dynamic font 'sans-serif,13'",
                        *commands, ""])
    ended = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True, timeout=60)
    if ended.returncode != 0 or "</svg>" not in ended.stdout:
        raise RuntimeError(f"gnuplot: {ended.stderr.strip()[:500]}")
    return for_inlining(name, ended.stdout)


def quote(text):
    return '"' + text.replace("\\", "").replace('"', "'").replace("_", "\\\\_") + '"'


def for_inlining(name, svg):
    svg = svg[svg.index("<svg"):]
    svg = re.sub(r"<title>.*?</title>\s*|<desc>.*?</desc>\s*|<filter.*?</filter>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\b(id=['\"]|href=['\"]#)", rf"\1{name}-", svg)  # ids are one name space on a page
    svg = re.sub(r"\bcolor=\"black\"", 'color="currentColor"', svg)
    for colour, (red, green, blue) in COLOURS.items():
        svg = re.sub(rf"rgb\(\s*{red},\s*{green},\s*{blue}\)|{HEX[colour]}", f"var(--{colour})", svg)
    return svg
