"""The comparison as one page of HTML that needs nothing besides itself: tables and charts in SVG.

Rules: all text is escaped; a colour never says anything alone; it reads in the light and in the
dark. It computes no figure: what it draws stands in the tables too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import chain

from .results import BACK, Found, Moment, Rate, Second

__all__ = ["page"]

_WIDTH = 720
_BAR = 18
_LEFT = 150
_AXIS = 90
"""Where the seconds begin, and the room for the scale."""
_HIGH = 90

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #5b6470; --paper: #fff; --line: #d5dae0;
  --write: #b3541e; --read: #2a6fb0; --error: #8a1c6b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --dim: #a2abb6; --paper: #16191d;
  --line: #39414a; --write: #f0975a; --read: #78b4ec; --error: #e58ac8; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; } p, figcaption { color: var(--dim); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .5rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
figure { margin: 1.5rem 0; } svg { width: 100%; height: auto; display: block; }
text { fill: var(--ink); font: 12px system-ui, sans-serif; } .dim { fill: var(--dim); }
.put { fill: var(--write); } .get { fill: var(--read); }
.writes { stroke: var(--write); } .reads { stroke: var(--read); }
polyline { fill: none; stroke-width: 2; } .error { fill: var(--error); }
.mark, .axis { stroke: var(--line); }
"""


def page(found: Sequence[Found], about: str) -> str:
    """Make the page; `about` says in a line on what it was measured."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'>",
        f"<title>kvrmi: engines compared</title><style>{_STYLE}</style>",
        f"<h1>Engines compared</h1><p>{escape(about)}</p>",
        "<h2>Throughput</h2><p>Calls a second, closed-loop clients at the server in charge.</p>",
        *(_bars(found, op, name) for op, name in (("put", "PUT"), ("get", "GET"))),
        _table(*_rates(found)),
        "<h2>What a write costs</h2><p>Messages between the servers, and writes that reached a "
        "disk, for each acknowledged PUT; clients that write together share both."
        f"{_uncounted(found)}</p>",
        _table(*_costs(found)),
        "<h2>When servers die</h2><p>Answers in each second, writes and reads each on a scale of "
        "their own; a square marks a second in which calls were refused or not answered.</p>",
        *map(_timeline, found),
    ]
    return "\n".join(parts) + "\n"


def _rates(found: Sequence[Found]) -> tuple[list[str], list[list[str]]]:
    head = ["engine", "operation", "clients", "calls/s", "p50 ms", "p99 ms", "errors"]
    rows = [[one.engine, rate.op.upper(), *_figures(rate)] for one in found for rate in one.rates]
    return head, rows


def _figures(rate: Rate) -> list[str]:
    latencies = f"{rate.p50_ms:.2f}", f"{rate.p99_ms:.2f}"
    return [str(rate.clients), f"{rate.per_second:,.0f}", *latencies, str(rate.errors)]


def _costs(found: Sequence[Found]) -> tuple[list[str], list[list[str]]]:
    rows = [
        [one.engine, str(cost.clients), f"{cost.messages:.2f}", f"{cost.syncs:.2f}"]
        for one in found
        for cost in one.costs
    ]
    return ["engine", "clients", "messages/PUT", "disk writes/PUT"], rows


def _uncounted(found: Sequence[Found]) -> str:
    names = [one.engine for one in found if one.rates and not one.costs]
    return f" Gateways do not know what it costs behind them: {escape(', '.join(names))}." * bool(
        names
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return "<table>" + line(head, "th") + "".join(line(row, "td") for row in rows) + "</table>"


def _bars(found: Sequence[Found], op: str, name: str) -> str:
    """Draw one bar for each engine and number of clients."""
    bars = [
        (f"{one.engine}, {rate.clients} client{'s' * (rate.clients > 1)}", rate.per_second)
        for one in found
        for rate in one.rates
        if rate.op == op
    ]
    most = max((value for _, value in bars), default=0) or 1
    height = len(bars) * (_BAR + 6)
    return _figure(
        name,
        height,
        (
            f"<text x={_LEFT - 8} y={y + 13} text-anchor=end>{escape(label)}</text>"
            f"<rect class={op} x={_LEFT} y={y} height={_BAR} width={_scaled(value, most)} />"
            f"<text x={_LEFT + _scaled(value, most) + 6} y={y + 13}>{value:,.0f}</text>"
            for y, (label, value) in zip(range(0, height, _BAR + 6), bars, strict=True)
        ),
    )


def _scaled(value: float, most: float) -> int:
    return max(1, round((_WIDTH - _LEFT - 70) * value / most))


def _timeline(found: Found) -> str:
    """Draw writes and reads over the seconds, with what was done to the servers."""
    count = len(found.seconds)
    if not count:
        return ""
    servers = f"{found.replicas} server{'s' * (found.replicas > 1)}"
    shapes = chain(
        _marks(found.moments, count),
        _curve("writes", [one.writes for one in found.seconds], 20),
        _curve("reads", [one.reads for one in found.seconds], 40 + _HIGH),
        _failures(found.seconds),
    )
    caption = f"{found.engine}, {servers}" if not found.note else f"{found.engine}: {found.note}"
    return _figure(caption, 2 * _HIGH + 60, shapes)


def _x(at: float, seconds: int) -> float:
    return round(_AXIS + at * (_WIDTH - _AXIS - 10) / seconds, 1)


def _marks(moments: Sequence[Moment], seconds: int) -> Iterator[str]:
    """Draw a line down through both curves for each thing that was done."""
    for moment in moments:
        at = _x(moment.at, seconds)
        y = 12 if moment.text != BACK else 2 * _HIGH + 56
        yield f"<line class=mark x1={at} x2={at} y1=16 y2={2 * _HIGH + 44} />"
        yield f"<text class=dim x={at} y={y}>{escape(moment.text)}</text>"


def _curve(name: str, values: Sequence[int], top: int) -> Iterator[str]:
    """Draw answers a second, on a scale of their own."""
    most, floor = max(values) or 1, top + _HIGH
    points = " ".join(
        f"{_x(number + 0.5, len(values))},{floor - _HIGH * value / most:.1f}"
        for number, value in enumerate(values)
    )
    yield f"<polyline class={name} points='{points}' />"
    yield f"<line class=axis x1={_AXIS} x2={_WIDTH - 10} y1={floor} y2={floor} />"
    yield f"<text x={_AXIS - 6} y={top + 10} text-anchor=end>{most:,}</text>"
    yield f"<text class=dim x={_AXIS - 6} y={top + _HIGH // 2} text-anchor=end>{name}/s</text>"
    yield f"<text x={_AXIS - 6} y={floor} text-anchor=end>0</text>"


def _failures(seconds: Sequence[Second]) -> Iterator[str]:
    """Draw a square under the writes for each second in which a call was not answered."""
    for number, one in enumerate(seconds):
        if one.errors:
            x = _x(number + 0.5, len(seconds)) - 4
            yield f"<rect class=error x={x:.1f} y={26 + _HIGH} width=8 height=8 />"


def _figure(caption: str, height: float, shapes: Iterable[str]) -> str:
    return (
        f"<figure><figcaption>{escape(caption)}</figcaption>"
        f"<svg viewBox='0 0 {_WIDTH} {height}' role=img aria-label='{escape(caption)}'>"
        f"{''.join(shapes)}</svg></figure>"
    )
