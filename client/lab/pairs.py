"""Runs to look at side by side: one rule differs, and the same goes wrong in both.

Rule: both runs of a pair have the same seed and the same faults, or the same acts; what differs is
named in the title. tests/client/lab/test_pairs.py checks that each shows what it says.
"""

from __future__ import annotations

from typing import NamedTuple

from .runs import NoSuchRun, Request

__all__ = ["PAIRS", "Pair", "pair"]


class Pair(NamedTuple):
    """Two runs; `about` is what to look for."""

    title: str
    about: str
    one: Request
    other: Request


_STOPPED = ("1.515727778842688 stop 1", "5.6 resume 1")
"""Replica 1 is a manager between its two phases then, and a leader."""

PAIRS = {
    "blocking": Pair(
        "two-phase commit and Paxos: the one who decides stops",
        "Replica 1 stops at 1.516 s, and goes on at 5.600 s. In two-phase commit it had asked for "
        "votes on T1.11. The others vote YES; from then on only replica 1 may decide, and the keys "
        "stay locked until it is back. It decides ABORT: the last YES came while it stood still. "
        "In Paxos a majority promises replica 2 a higher ballot, and writes go on.",
        Request("2pc", seed=64, profile="calm", steps=1800, only=(0,), acts=_STOPPED),
        Request(seed=64, profile="calm", steps=4500, only=(0,), acts=_STOPPED),
    ),
    "amnesia": Pair(
        "a disk is lost: the naive rule and ours",
        "Replica 3 loses its disk. By the naive rule it votes again as soon as it has copied what "
        "others know. By ours it votes again only when the log itself says that its lost self "
        "counts no more.",
        Request(seed=5, profile="network", bug="naive-amnesia-rule"),
        Request(seed=5, profile="network"),
    ),
    "margin": Pair(
        "a lease without a margin, and ours",
        "Clocks differ in rate. A leader that relies on the whole of its lease may answer reads "
        "alone when a majority already follows another. Ours stops a margin earlier.",
        Request(seed=89, profile="lease", bug="lease-without-margin"),
        Request(seed=89, profile="lease"),
    ),
}
"""By name."""


def pair(name: str) -> tuple[Request, Request]:
    """Return the runs of a pair; raises NoSuchRun that lists them."""
    if name not in PAIRS:
        raise NoSuchRun(f"there is no pair {name!r}; there are: {', '.join(PAIRS)}")
    return PAIRS[name].one, PAIRS[name].other
