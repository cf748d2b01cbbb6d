"""What one kind of store can be asked: all its operations, and the version that they make.

Rules: nothing is asked of a vocabulary that it does not list, and an opcode or a name means one
thing in it. Replicas of another vocabulary, or another version of it, do not connect with each
other: they would make different states of one log. It knows neither bytes nor machines.
"""

from __future__ import annotations

from .arguments import internal
from .definition import Definition, define
from .past import PAST

__all__ = ["VOTER", "Vocabulary"]

VOTER = define(
    "voter",
    4,
    (internal("replica", int), internal("epoch", int), internal("disk", str)),
    "the epoch in which the replica votes again",
    of_clients=False,
)
"""Carried out by what replicates a machine, of whatever vocabulary."""
_REPLICATION = (VOTER, *PAST)


class Vocabulary:
    """The operations that a state machine carries out, and those of its replication.

    `machine` has the former, in the order in which they are listed for people; clients may ask for
    those that are `of_clients`. The sets have names of what clients may ask for.
    """

    def __init__(self, name: str, machine: tuple[Definition, ...]) -> None:
        """Raise ValueError if two operations have the same name or opcode."""
        self.name = name
        self.machine = machine
        entries = (*machine, *_REPLICATION)
        self.by_name = {one.name: one for one in entries}
        self.by_opcode = {one.opcode: one for one in entries}
        if not len(self.by_name) == len(self.by_opcode) == len(entries):
            raise ValueError(f"two operations of {name} have the same name or opcode")
        self.clients = {one.name: one for one in entries if one.of_clients}
        self.reads = frozenset(name for name, one in self.clients.items() if one.reads)
        self.writes = frozenset(self.clients) - self.reads
        self.numbered = frozenset(name for name, one in self.clients.items() if one.numbered)
        self.version = max(one.version for one in entries)

    @property
    def signature(self) -> str:
        """What replicas compare before they connect."""
        return f"{self.name}/{self.version}"
