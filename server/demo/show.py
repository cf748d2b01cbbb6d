"""How the demo looks: headings, sentences, one table, a strip of writes, a live line.

Rules: the same words on a terminal and in a pipe; colours and the live line only on a terminal
that wants them. It knows nothing of clusters.
"""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.box import ASCII, ROUNDED
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.status import Status
from rich.table import Table
from rich.text import Text

WIDTH = 80
"""Columns where there is no terminal."""
WIDEST = 100
"""Columns of a paragraph, however wide the terminal is."""
PLAIN_EVERY = 2.0
"""Seconds between two progress lines where there is no live line."""
_BARS = " ▁▂▃▄▅▆▇█"
_ASCII_BARS = " ..::|||#"


class Show:
    """Where the demo is shown."""

    def __init__(self, *, plain: bool, out: TextIO | None = None) -> None:
        """plain: lines only; so is any output that is not a terminal."""
        out = out or sys.stdout
        self._terminal = out.isatty()
        self.live = self._terminal and not plain and "NO_COLOR" not in os.environ
        self._unicode = (out.encoding or "").lower().replace("-", "") == "utf8"
        self._console = Console(
            file=out,
            highlight=False,
            no_color=not self.live,
            force_terminal=self.live,
            width=None if self._terminal else WIDTH,
            legacy_windows=False,
        )
        self._status: Status | None = None
        self._said_at: float | None = None

    def title(self, text: str, words: str) -> None:
        """Say what this is."""
        self._console.print(f"\n[bold]{escape(text)}[/]")
        self._paragraph(words, 0)

    def act(self, number: int, title: str, words: str) -> None:
        """Begin a new part of the story, and say what to look for in it."""
        self._console.print(f"\n[bold cyan]{number}. {escape(title)}[/]")
        self._paragraph(words, 3)
        self._console.print()

    def say(self, text: str, style: str = "") -> None:
        """Add one line to the story."""
        self._line(f"   {text}", 7, style)

    def moment(self, seconds: float, text: str, style: str = "") -> None:
        """Add one line on what happened at a moment of the load."""
        self._line(f"   {seconds:6.2f} s  {text}", 13, style)

    def check(self, passed: bool, text: str) -> None:
        """Show one check and how it went."""
        mark, colour = ("ok", "green") if passed else ("FAILED", "bold red")
        self._line(f"   {mark:>6}  {text}", 11, {mark: colour})

    def verdict(self, passed: bool, words: str) -> None:
        """Say how it all ended."""
        mark, colour = ("PASSED", "green") if passed else ("FAILED", "red")
        self._console.print()
        self._line(f"{mark}  {words}", 8, {mark: f"bold {colour}"})
        self._console.print()

    def _line(self, text: str, indent: int, style: str | Mapping[str, str]) -> None:
        """Print a line; on a terminal that it does not fit, broken at words, then indented.

        style: of the line, or of the first place of a word in it.
        """
        if self._terminal:
            rest = " " * indent
            width = self._console.width
            text = textwrap.fill(text, width, subsequent_indent=rest, break_on_hyphens=False)
        line = Text(text.rstrip(), style if isinstance(style, str) else "")
        for word, colour in style.items() if isinstance(style, Mapping) else ():
            start = text.index(word)
            line.stylize(colour, start, start + len(word))
        self._console.print(line, soft_wrap=True)

    def table(
        self, headings: Sequence[str], rows: Sequence[Sequence[str]], spare: str = ""
    ) -> None:
        """Show a table, without the column `spare` where it would be too wide."""
        columns = list(zip(headings, *rows, strict=True))
        width = sum(max(map(len, column)) + 3 for column in columns) + 4
        if width > self._console.width:
            columns = [column for column in columns if column[0] != spare]
        table = Table(box=ROUNDED if self.live and self._unicode else ASCII, header_style="bold")
        for heading, *_ in columns:
            table.add_column(heading, no_wrap=True)
        for row in zip(*(cells for _, *cells in columns), strict=True):
            table.add_row(*(escape(cell) for cell in row))
        self._console.print(Padding(table, (0, 0, 0, 3), expand=False))

    def strip(self, counts: Sequence[int], marks: Mapping[int, str], caption: str) -> None:
        """Show a row of bars, as high as the counts, marks under some, and what they mean."""
        bars = _BARS if self._unicode else _ASCII_BARS
        top = max(counts, default=0) or 1
        line = "".join(bars[-(-count * (len(bars) - 1) // top)] for count in counts)
        self._console.print(f"   |{line}|", style="green", soft_wrap=True)
        signs = "".join(marks.get(column, " ") for column in range(len(counts)))
        self.say(f" {signs}", "bold red")
        self.say(f" {caption}")

    def _paragraph(self, words: str, indent: int) -> None:
        margin = " " * indent
        width = min(WIDEST, self._console.width)
        lines = textwrap.wrap(words, width, initial_indent=margin, subsequent_indent=margin)
        self._console.print(escape("\n".join(lines)), style="dim" if self.live else None)

    @contextmanager
    def progress(self) -> Iterator[None]:
        """Show how far the load is: while it lasts, `tick` returns it."""
        self._said_at = time.monotonic()
        try:
            if self.live:
                with self._console.status("") as self._status:
                    yield
            else:
                yield
        finally:
            self._status, self._said_at = None, None

    def tick(self, seconds: float, text: str) -> None:
        """Show the present state: live on a terminal, as a line now and then elsewhere."""
        if self._status is not None:
            self._status.update(f"{seconds:6.1f} s  {escape(text)}")
        elif self._said_at is not None and time.monotonic() - self._said_at >= PLAIN_EVERY:
            self._said_at = time.monotonic()
            self.moment(seconds, text)
