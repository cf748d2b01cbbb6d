"""The table of replicas: its columns, what stands in them, which a narrow terminal leaves out.

Rules: 80 columns hold all that is asked of a replica while something fails; wider terminals get
more. A column keeps its width from picture to picture, so that numbers do not jump. It knows no
cluster: rows come ready.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.text import Text

from .view import Row

__all__ = ["table"]

_STYLES = {"up": "green", "recovering": "yellow", "starting": "yellow", "held": "yellow"}
"""Of a state; others are red."""
_LAGS = 100
"""Slots from which a lag stands out: some are always on their way."""


class _Column(NamedTuple):
    """A column: its head, its least width, what stands in it and in which style."""

    name: str
    width: int
    cell: Callable[[Row], Text]
    left: bool = False


def table(rows: Sequence[Row], selected: int | None, columns: int) -> list[Text]:
    """Write the head and a line for each replica; those that do not answer say why."""
    shown = _fitting(rows, columns)
    head = Text(style="bold")
    for column, width in shown:
        head.append(_padded(Text(column.name), width, left=column.left))
        head.append(" ")
    return [head, *(_line(row, shown, row.id == selected) for row in rows)]


def _line(row: Row, shown: Sequence[tuple[_Column, int]], selected: bool) -> Text:
    line = _id(row, selected)
    line.append(" ")
    if not row.answers:
        why = f" ({row.reason})" if row.reason else ""
        line.append(f"{row.state}{why}", _STYLES.get(row.state, "red"))
        return line
    for column, width in shown[1:]:
        line.append(_padded(column.cell(row), width, left=column.left))
        line.append(" ")
    return line


def _id(row: Row, selected: bool) -> Text:
    style = ("bold " if row.leads else "") + ("reverse" if selected else "")
    return Text(f"{'>' if selected else ''}{row.id}".rjust(2), style.strip())


def _fitting(rows: Sequence[Row], columns: int) -> list[tuple[_Column, int]]:
    """Choose the columns that fit, each with its width."""
    answering = [row for row in rows if row.answers]
    sized = [
        (column, max(column.width, *(column.cell(row).cell_len for row in answering), 0))
        for column in _ALL
    ]
    for name in _SPARE:
        if sum(width + 1 for _, width in sized) - 1 <= columns:
            break
        sized = [one for one in sized if one[0].name != name]
    return sized


def _padded(text: Text, width: int, *, left: bool) -> Text:
    room = max(width - text.cell_len, 0)
    if left:
        text.pad_right(room)
    else:
        text.pad_left(room)
    return text


# --- cells ----------------------------------------------------------------------------------------


def _state(row: Row) -> Text:
    return Text(row.state, _STYLES.get(row.state, "red"))


def _roles(row: Row) -> Text:
    """Write each role by its first letter and its incarnation; one that is not up has a sign."""
    text = Text()
    for name, (state, incarnation) in row.roles.items():
        up = state == "up"
        text.append(" " if text else "")
        text.append(f"{name[0].upper()}{incarnation if up else '-'}", "" if up else "bold red")
    return text


def _lead(row: Row) -> Text:
    return Text("-" if row.leader is None else str(row.leader), "bold green" if row.leads else "")


def _lag(row: Row) -> Text:
    return Text(_count(row.lag), "yellow" if (row.lag or 0) >= _LAGS else "")


def _cuts(row: Row) -> Text:
    """Write the peers at the other ends: 3 cut both ways, >3 to it alone, <3 from it alone."""
    id, pairs = row.id, set(row.cuts)
    ends = sorted({*(b for a, b in pairs if a == id), *(a for a, b in pairs if b == id)})
    signs = {(True, True): "", (True, False): ">", (False, True): "<"}
    cuts = (f"{signs[(id, end) in pairs, (end, id) in pairs]}{end}" for end in ends)
    return Text(",".join(cuts) or "-", "bold red" if ends else "")


def _plain(write: Callable[[Row], str]) -> Callable[[Row], Text]:
    return lambda row: Text(write(row))


def _count(number: float | None) -> str:
    """Write a number in at most seven columns."""
    if number is None:
        return "-"
    if number < 10_000_000:
        return str(round(number))
    return f"{number / 1e6:.2f}M"


def _milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    ms = seconds * 1000
    return f"{ms:.2f}" if ms < 10 else f"{ms:.1f}" if ms < 100 else f"{ms:.0f}"


def _megabytes(bytes: int | None) -> str:
    return "-" if bytes is None else f"{bytes / 1e6:.0f}M"


def _rate(name: str) -> Callable[[Row], str]:
    return lambda row: "-" if row.rates is None else _count(getattr(row.rates, name))


def _time(name: str) -> Callable[[Row], str]:
    return lambda row: "-" if row.rates is None else _milliseconds(getattr(row.rates, name))


def _cpu(row: Row) -> str:
    return "-" if row.rates is None else f"{row.rates.cpu:.0%}"


_ALL = (
    _Column("id", 2, lambda row: _id(row, selected=False)),
    _Column("state", 5, _state, left=True),
    _Column("roles", 8, _roles, left=True),
    _Column("lead", 4, _lead),
    _Column("ballot", 6, _plain(lambda row: row.ballot or "-")),
    _Column("chosen", 7, _plain(lambda row: _count(row.chosen))),
    _Column("applied", 7, _plain(lambda row: _count(row.applied))),
    _Column("lag", 4, _lag),
    _Column("cuts", 4, _cuts),
    _Column("ops/s", 6, _plain(_rate("requests"))),
    _Column("writes/s", 8, _plain(_rate("writes"))),
    _Column("errors/s", 8, _plain(_rate("failed"))),
    _Column("p50ms", 5, _plain(_time("p50"))),
    _Column("p99ms", 5, _plain(_time("p99"))),
    _Column("sync99", 6, _plain(_time("sync_p99"))),
    _Column("mem", 4, _plain(lambda row: _megabytes(row.memory))),
    _Column("cpu", 4, _plain(_cpu)),
    _Column("keys", 7, _plain(lambda row: _count(row.keys))),
    _Column("clients", 7, _plain(lambda row: _count(row.clients))),
)
_SPARE = (
    "clients", "keys", "sync99", "errors/s", "writes/s", "cpu",
    "chosen", "lead", "ballot", "mem", "p50ms",
)  # fmt: skip
"""What a narrow terminal does without, the first first; 80 columns have all from `chosen` on."""
