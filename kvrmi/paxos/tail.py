"""What acceptors alone know beyond a learner's disk: for a recovery by force, and to look at.

Rules: a value is surely chosen only if it was accepted at the very ballot whose owner announced the
slot as chosen; else the one of the highest ballot is the best guess, as in phase 1, but without a
majority it is a guess. What follows one that is not sure is not sure either, and what follows a
missing slot is of no use: the state after it cannot be made. It decides nothing and votes nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ..state.log import Entry
from .ballot import Ballot
from .stable import State

__all__ = ["Tail", "Votes", "tail"]


class Votes(NamedTuple):
    """What one acceptor's disk holds."""

    state: State
    accepted: Mapping[int, tuple[Ballot, bytes]]


class Tail(NamedTuple):
    """Accepted values after a learner's last applied slot.

    The first `sure` of `entries` were chosen; the rest may have been, so an acknowledged write may
    be among them. Slots in `beyond` follow one that is missing.
    """

    entries: tuple[Entry, ...]
    sure: int
    beyond: tuple[int, ...]


def tail(votes: Sequence[Votes], applied: int) -> Tail:
    """Read what these acceptors of one cluster hold after slot `applied`."""
    entries: list[Entry] = []
    sure = 0
    for entry, is_sure in _following(votes, applied):
        sure += is_sure and sure == len(entries)
        entries.append(entry)
    end = applied + len(entries)
    beyond = {slot for one in votes for slot in one.accepted if slot > end}
    return Tail(tuple(entries), sure, tuple(sorted(beyond)))


def _following(votes: Sequence[Votes], applied: int) -> Iterator[tuple[Entry, bool]]:
    """Yield the values of the slots after `applied`, up to the first that nobody accepted."""
    slot = applied + 1
    while found := [one.accepted[slot] for one in votes if slot in one.accepted]:
        # At one ballot a slot has one value, so an announcement to one acceptor goes for all.
        announced = {one.state.chosen_at for one in votes if slot <= one.state.chosen}
        sure = [known for known in found if known[0] in announced]
        ballot, value = max(sure or found)
        yield Entry(slot, ballot, (), value), bool(sure)
        slot += 1
