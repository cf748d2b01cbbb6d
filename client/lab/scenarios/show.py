"""How a scenario looks on a terminal: its prose, its steps, what happened, its question.

Rules: 80 columns, or what the terminal has; without a terminal the same words, without colours, and
nothing is waited for. It plays nothing.
"""

from __future__ import annotations

import re
import sys
from typing import TextIO

from rich.console import Console
from rich.text import Text

from kvrmi.columns import wrapped
from kvrmi.sim.scenario import Scenario

from ...tables import columns_of

__all__ = ["Show"]

_SEEN = re.compile(r" *\d+\.\d{3}  ")
"""How a line begins that says what happened: with its seconds."""
_UNDER = " " * 9


class Show:
    """Writes to one stream."""

    def __init__(self, out: TextIO, scenario: Scenario) -> None:
        """Look at how wide it is."""
        self._console = Console(file=out, highlight=False)
        self._width = columns_of(out)
        self._scenario = scenario
        self._steps = {line.text for line in scenario.lines if line.is_step}
        self._prose: list[str] = []

    def begin(self, form: str) -> None:
        """Show what it is, what it teaches, where it is played."""
        about = self._scenario
        self._print(about.title, "bold")
        self._print(about.teaches)
        self._print(f"{about.replicas} replicas, {about.protocol}, {form}", "dim")

    def line(self, text: str) -> None:
        """Show a line of the scenario, or of what happened."""
        if text.startswith("#"):
            self._prose.append(text.removeprefix("#").strip())
            return
        if self._prose:
            self._print("")
            self._print(" ".join(self._prose), "italic")
            self._prose = []
        if text in self._steps:
            self._print(text, "bold cyan", "> ", "  ")
        elif _SEEN.match(text):
            self._print(text.strip(), "dim", "  ", _UNDER)

    def end(self, wrong: str) -> None:
        """Say how it went; then ask the question, and answer it once a reader has thought."""
        scenario = self._scenario
        self._print("")
        if wrong:
            self._print(f"not as expected: {wrong}", "bold red")
            return
        self._print("All went as expected.", "bold green")
        if scenario.question:
            self._print("")
            self._print(scenario.question, "bold", "Question: ", " " * 10)
            self._pause()
            self._print(scenario.answer, "", "Answer:   ", " " * 10)

    def _pause(self) -> None:
        if self._console.is_terminal and sys.stdin.isatty():
            self._print("(Enter shows the answer)", "dim")
            sys.stdin.readline()

    def _print(self, text: str, style: str = "", first: str = "", rest: str = "") -> None:
        broken = wrapped(text, self._width, first, rest)
        self._console.print(Text(broken, style), soft_wrap=True)
