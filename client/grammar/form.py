"""A command as people meet it: how it is written, what it does, an example with its answer.

Rule: it says all that is said of a command, and knows none.
"""

from __future__ import annotations

from typing import NamedTuple

from .making import MakeCommand
from .pattern import Pattern

__all__ = ["Form", "form"]


class Form(NamedTuple):
    """One command, and all that is said of it.

    example: a line and its answer on a terminal; those of keys and values make one story, in the
    order of the table. more: what HELP of this command adds. also: its other names.
    """

    pattern: Pattern
    help: str
    make: MakeCommand
    example: tuple[str, str]
    more: str
    also: tuple[str, ...]

    @property
    def usage(self) -> str:
        """How it is written; ways of writing it are separated by " | "."""
        return self.pattern.usage

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called, the usual name first."""
        return self.usage.split()[0], *self.also


def form(
    usage: str,
    help: str,
    make: MakeCommand,
    *example: str,
    more: str = "",
    also: tuple[str, ...] = (),
    several: str = "",
) -> Form:
    """Make a command; `example`: a line, and the lines of its answer."""
    line, *answer = example
    return Form(Pattern(usage, several), help, make, (line, "\n".join(answer)), more, also)
