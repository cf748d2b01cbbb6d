"""Draws a picture: the lines that a terminal of so many columns and lines shows.

Rules: every picture has the same places, so that the eye finds them; what does not fit is cut, the
strip and the list of what happened first. It reads no clock and prints nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import groupby

from rich.text import Text

from kvrmi.cluster.status import NOBODY, SERVING
from kvrmi.columns import wrapped

from ..render import escaped
from .columns import table
from .happenings import Happening
from .strip import Column
from .view import Picture

__all__ = ["drawn"]

_AXIS = 7
"""Columns at the left of the strip: its scale."""
_FINE = 240
"""Columns from which the strip shows half seconds."""
_PARTS = " ▁▂▃▄▅▆▇█"
_ABOVE = "░"
"""A second's mean, above its slowest quarter."""
_UNKNOWN = "·"
_STYLES = {_ABOVE: "yellow", _UNKNOWN: "dim"}
"""Of the strip's signs; others are cyan."""
_TALLEST = 8


def drawn(
    picture: Picture,
    columns: int,
    lines: int,
    *,
    selected: int | None = None,
    aside: Sequence[str] = (),
    foot: Sequence[Text] = (),
) -> list[Text]:
    """Draw it in at most so many lines; `aside` takes the place of strip and happenings.

    selected: the replica that keys act on. foot: what stands below everything.
    """
    above = [_head(picture, columns)]
    above += table(picture.rows, selected, columns) if picture.rows else []
    free = max(lines - len(above) - len(foot), 0)
    if picture.trouble:
        aside = ("", *wrapped(escaped(picture.trouble), max(columns, 20)).splitlines())
    middle = [Text(line) for line in aside] if aside else _middle(picture, columns, free)
    middle = [*middle[:free], *[Text()] * (free - len(middle))]
    shown = [_harmless(line) for line in [*above, *middle, *foot][:lines]]
    for line in shown:
        line.no_wrap = True
        line.truncate(columns, overflow="ellipsis")
    return shown


def _harmless(line: Text) -> Text:
    """Write what a terminal would obey as escapes: some of it comes from replicas."""
    return line if line.plain.isprintable() else Text(escaped(line.plain), "red")


def _head(picture: Picture, columns: int) -> Text:
    clock = time.strftime("%H:%M:%S", time.localtime(picture.wall))
    text = Text.assemble((picture.cluster or "kvrmi", "bold"), "  ", *_health(picture))
    text.truncate(max(columns - len(clock) - 2, 0), overflow="ellipsis", pad=True)
    return text.append(f"  {clock}")


def _health(picture: Picture) -> Sequence[tuple[str, str] | str]:
    if picture.trouble:
        return [("no cluster is found", "bold red")]
    found = f"{picture.up} of {len(picture.rows)} up"
    if picture.health == NOBODY:
        return [("nobody answers", "bold red")]
    if picture.health != SERVING:
        if picture.quorum and picture.leader is None:
            return [("no leader yet", "bold red"), f": an election runs, {found}"]
        lack = "there is no leader" if picture.up >= picture.needs else f"{picture.needs} needed"
        return [("NO QUORUM", "bold red"), f": {found}, {picture.partly or lack}"]
    then = f" (next: {picture.successor})" if picture.successor else ""
    leads = f"replica {picture.leader} leads{then}, " if picture.leader else ""
    some = f", {picture.partly}" if picture.partly else ""
    return [("serving", "bold green"), f": {leads}{found}{some}  {picture.engine}"]


def _middle(picture: Picture, columns: int, free: int) -> list[Text]:
    height = min(free // 4 + 1, _TALLEST, free - 3)
    strip = _strip(picture, columns, height) if height > 0 else []
    room = free - len(strip) - 1
    if room < 1:
        return strip
    return [*strip, Text("events", "bold"), *map(_told, picture.happenings[-room:])]


def _told(one: Happening) -> Text:
    clock = time.strftime("%H:%M:%S", time.localtime(one.at))
    tenth = int(one.at * 10) % 10
    return Text.assemble((f"{clock}.{tenth}  ", "dim"), (one.text, "red" if one.urgent else ""))


# --- the strip ------------------------------------------------------------------------------------


def _strip(picture: Picture, columns: int, height: int) -> list[Text]:
    count = max(columns - _AXIS, 1)
    seconds = 0.5 if count >= _FINE else 1.0
    found = picture.curve.columns(count, seconds)
    most = max((one.mean or 0.0 for one in found), default=0.0)
    title = f"  {picture.curve.now():.0f} now, {most:.0f} at most in {count * seconds:.0f} s"
    legend = f"x one ends, 1-9 leads, {_ABOVE} not all the time"
    head = Text.assemble(("writes/s", "bold"), title)
    if head.cell_len + len(legend) + 2 <= columns:
        head.append(legend.rjust(columns - head.cell_len), "dim")
    bars = [_bars(found, most, height, row) for row in reversed(range(height))]
    bars[0] = Text(f"{most:.0f}".rjust(_AXIS - 1) + " ", "dim") + bars[0]
    rest = [Text(" " * _AXIS) + bar for bar in bars[1:]]
    return [head, bars[0], *rest, _marks(picture, found, seconds)]


def _bars(found: Sequence[Column], most: float, height: int, row: int) -> Text:
    """One line of the strip, 0 the lowest."""
    scale = height / most if most else 0.0
    signs = (_sign(one, scale, row) for one in found)
    return Text.assemble(
        *(
            ("".join(same), style)
            for style, same in groupby(signs, lambda s: _STYLES.get(s, "cyan"))
        )
    )


def _sign(one: Column, scale: float, row: int) -> str:
    if one.mean is None:
        return _UNKNOWN if row == 0 else " "
    solid = round((one.least * scale - row) * 8)
    if solid > 0:
        return _PARTS[min(solid, 8)]
    above = one.mean * scale - row
    return _ABOVE if above >= 0.5 or (row == 0 and above > 0) else " "


def _marks(picture: Picture, found: Sequence[Column], seconds: float) -> Text:
    """Below the strip: when who led began to, and when a replica ended."""
    signs = [" "] * len(found)
    if found:
        begin = found[0].begins + picture.wall - picture.at
        for one in (one for one in picture.happenings if one.mark):
            place = int((one.at - begin) // seconds)
            while 0 <= place < len(signs) and signs[place] not in (" ", one.mark):
                place += 1  # the next free place: both happened
            if 0 <= place < len(signs):
                signs[place] = one.mark
    return Text(" " * _AXIS + "".join(signs), "bold")
