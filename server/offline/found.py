"""What a stopped folder holds, of whatever engine: plain values, rows for a person, and the pairs.

It reads nothing; each engine's reader makes one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from kvrmi.operations.commands import summary
from kvrmi.operations.interface import Answer
from kvrmi.operations.vocabulary import Vocabulary

from ..folder import Identity

__all__ = ["Found", "Pairs", "Row", "closed", "commands_in", "state_rows"]

Row = tuple[str, str]
"""A name, and what a person reads of it."""


class Pairs(Protocol):
    """The last state that a folder gives."""

    @property
    def revision(self) -> int:
        """The revision that it ends with."""
        ...

    def read(self, question: bytes) -> Answer:
        """Answer a question."""
        ...


class Found(NamedTuple):
    """What an engine's reader makes of a folder.

    `parts`: by name, what its files hold, as plain values; `rows`: the same for a person. `pairs`:
    what can be taken out of it, or None; `doubts`: what is not sure of that, each a line.
    """

    identity: Identity | None
    parts: Mapping[str, Any]
    rows: tuple[Row, ...]
    pairs: Pairs | None
    doubts: tuple[str, ...]


def state_rows(state: Mapping[str, Any]) -> tuple[Row, ...]:
    """Show how far a state is, and what it amounts to."""
    return (
        ("revision", str(state["revision"])),
        ("keys", str(state["keys"])),
        ("digest", state["digest"][:12]),
    )


def closed(part: Mapping[str, Any]) -> str:
    """Say whether a file was closed by who had it open."""
    return "closed cleanly" if part["clean"] else "not closed cleanly"


def commands_in(commands: tuple[bytes, ...], of: Vocabulary) -> str:
    """Name commands in a few words."""
    return summary(commands, of).removeprefix(": ")
