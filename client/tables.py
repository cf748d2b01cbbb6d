"""Tables and paragraphs that fit where they are shown: 80 columns, or what the terminal has.

Rules: the columns that matter least are left out until the rest fits, and come back on a wider
terminal; lines break at words. It knows nothing of what is shown.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence
from typing import TextIO

from kvrmi.columns import padded, width

__all__ = ["columns_of", "table"]

_NARROWEST = 20
"""A narrower terminal breaks lines by itself."""
_GAP = "  "


def columns_of(out: TextIO) -> int:
    """Columns to fill: what COLUMNS says, else the terminal that `out` is, else 80."""
    columns = shutil.get_terminal_size().columns
    if "COLUMNS" not in os.environ:
        columns = 80
        with contextlib.suppress(OSError, ValueError):  # no terminal, no file
            columns = os.get_terminal_size(out.fileno()).columns
    return max(_NARROWEST, columns)


def table(
    out: TextIO,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    spare: Sequence[str] = (),
    colours: Mapping[str, str] | None = None,
) -> None:
    """Print rows under columns, as wide as they are; coloured on a terminal.

    spare: columns that may be left out, the least important first; colours: style of a cell.
    """
    from rich.console import Console
    from rich.text import Text

    lines = [list(columns), *(list(row) for row in rows)]
    shown = _fitting(lines, spare, columns_of(out))
    widths = [_width(lines, column) for column in shown]
    console = Console(file=out, highlight=False)
    for number, line in enumerate(lines):
        text = Text(style="bold" if number == 0 else "")
        for column, wide in zip(shown, widths, strict=True):
            style = (colours or {}).get(line[column], "") if number else ""
            text.append(padded(line[column], wide) + _GAP, style)
        text.rstrip()
        console.print(text, soft_wrap=True)


def _fitting(lines: Sequence[Sequence[str]], spare: Sequence[str], columns: int) -> list[int]:
    """Choose the columns that fit, by number."""
    shown = list(range(len(lines[0])))
    for name in spare:
        taken = sum(_width(lines, column) + len(_GAP) for column in shown) - len(_GAP)
        if taken <= columns:
            break
        shown.remove(lines[0].index(name))
    return shown


def _width(lines: Sequence[Sequence[str]], column: int) -> int:
    return max(width(line[column]) for line in lines)
