"""Which fault comes when: drawn from a seed, before anything is started.

Rule: the same seed, replicas and mix give the same plan, on any machine. Kinds come out of a bag
that is filled anew when it is empty, so that each has its share in a short run too.
It does not know whether a fault can be carried out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import takewhile
from typing import NamedTuple

from kvrmi.cluster.chaos import ALL, Range

from .faults import SHAPES, Aim, Fault, Kind

__all__ = ["WHOLE", "Mix", "Step", "draw", "drawn"]

PAUSE: Range = (3.0, 5.0)
"""Seconds between two faults."""
FILES = ("acceptor", "learner", "all")
DATABASES = ("acceptor", "learner")
_ROLES = ("acceptor", "learner", "proposer")


class Mix(NamedTuple):
    """What goes wrong, and how often."""

    only: str = ALL
    """One of kvrmi.cluster.chaos.GROUPS."""
    every: Range = PAUSE
    """Between two faults."""
    back_after: Range | None = None
    """Until what was failed is brought back; None: a time that suits the fault, a killed process
    as soon as the coordinator starts it again."""
    amnesia: bool = False
    """Whether disks are lost, too."""
    launcher: bool = False
    """Whether the coordinator and the name server are killed, too."""


WHOLE = Mix(amnesia=True, launcher=True)
"""Whatever can be done to a cluster of one's own."""


class Step(NamedTuple):
    """A fault and when it comes, in seconds after the beginning."""

    at: float
    fault: Fault


Make = Callable[[random.Random, tuple[int, ...]], Fault]


def draw(seed: int, ids: Sequence[int], seconds: float, mix: Mix = WHOLE) -> tuple[Step, ...]:
    """Draw the faults of a run of so many seconds."""
    return tuple(takewhile(lambda step: step.at < seconds, drawn(seed, ids, mix)))


def drawn(seed: int, ids: Sequence[int], mix: Mix = WHOLE) -> Iterator[Step]:
    """Draw one fault after the other, without end."""
    draws = random.Random(f"nemesis {seed}")
    full = [make for make, share, group in _SHARES if _has(mix, group) for _ in range(share)]
    bag: list[Make] = []
    at = 1.0
    while True:
        if not bag:
            bag = list(full)
            draws.shuffle(bag)
        order = tuple(draws.sample(list(ids), len(ids)))
        fault = bag.pop()(draws, order)
        if mix.back_after is not None and fault.kind in _BROUGHT_BACK:
            fault = fault._replace(lasting=draws.uniform(*mix.back_after))
        yield Step(at, fault)
        at += draws.uniform(*mix.every)


def _has(mix: Mix, group: str) -> bool:
    if group in _BESIDES:
        return mix.amnesia if group == _LOST else mix.launcher
    return group == mix.only or (mix.only == ALL and group != "acceptors")


def _kill_leader(draws: random.Random, order: tuple[int, ...]) -> Fault:
    return Fault(Kind.KILL, Aim.LEADER, 1, order)


def _kill_one(draws: random.Random, order: tuple[int, ...]) -> Fault:
    return Fault(Kind.KILL, Aim.ANY, 1, order)


def _kill_two(draws: random.Random, order: tuple[int, ...]) -> Fault:
    return Fault(Kind.KILL, draws.choice((Aim.LEADER, Aim.ANY)), 2, order)


def _kill_all(draws: random.Random, order: tuple[int, ...]) -> Fault:
    return Fault(Kind.KILL_ALL, Aim.ANY, len(order), order)


def _stop_leader(draws: random.Random, order: tuple[int, ...]) -> Fault:
    return Fault(Kind.STOP, Aim.LEADER, 1, order, draws.uniform(0.2, 5.0))


def _stop_followers(draws: random.Random, order: tuple[int, ...]) -> Fault:
    return Fault(Kind.STOP, Aim.FOLLOWER, draws.choice((1, 2)), order, draws.uniform(0.2, 5.0))


def _fail_role(roles: Sequence[str], draws: random.Random, order: tuple[int, ...]) -> Fault:
    aim = draws.choice((Aim.LEADER, Aim.ANY))
    lasting = draws.uniform(0.2, 3.0)
    return Fault(Kind.ROLE, aim, draws.choice((1, 1, 2)), order, lasting, draws.choice(roles))


def _hang_disk(draws: random.Random, order: tuple[int, ...]) -> Fault:
    aim = draws.choice((Aim.LEADER, Aim.LEADER, Aim.ANY))
    return Fault(Kind.HANG, aim, draws.choice((1, 1, 2)), order, draws.uniform(1.0, 6.0))


def _cut(shape: str, draws: random.Random, order: tuple[int, ...]) -> Fault:
    aim = draws.choice((Aim.LEADER, Aim.LEADER, Aim.ANY))
    lasting = draws.uniform(1.0, 5.0)
    side = draws.choice(("both", "sender", "receiver"))
    return Fault(Kind.CUT, aim, len(order), order, lasting, shape, side)


def _lose(kind: Kind, files: str, draws: random.Random, order: tuple[int, ...]) -> Fault:
    aim = draws.choice((Aim.LEADER, Aim.ANY))
    return Fault(kind, aim, draws.choice((1, 1, 2)), order, 0.0, files)


def _kill_coordinator(draws: random.Random, order: tuple[int, ...]) -> Fault:
    return Fault(Kind.COORDINATOR, Aim.ANY, 0, order, draws.uniform(0.2, 3.0))


def _kill_names(draws: random.Random, order: tuple[int, ...]) -> Fault:
    return Fault(Kind.NAMES, Aim.ANY, 0, order)


_LOST, _LAUNCHER, _DISKS = "lost disks", "launcher", "disks"
_BESIDES = (_LOST, _LAUNCHER)
"""Groups that come with any other, where the mix has them."""
_BROUGHT_BACK = (Kind.KILL, Kind.KILL_ALL, Kind.STOP, Kind.ROLE, Kind.CUT, Kind.HANG)

_SHARES: tuple[tuple[Make, int, str], ...] = (
    (_kill_leader, 7, "processes"),
    (_kill_one, 3, "processes"),
    (_kill_two, 6, "processes"),
    (_kill_all, 1, "processes"),
    (_stop_leader, 2, "processes"),
    (_stop_followers, 1, "processes"),
    (partial(_fail_role, _ROLES), 2, "roles"),
    (partial(_fail_role, ("acceptor",)), 1, "acceptors"),
    (_hang_disk, 2, _DISKS),
    *((partial(_cut, shape), 1, "links") for shape in SHAPES),
    *((partial(_lose, Kind.WIPE, files), 1, _LOST) for files in FILES),
    *((partial(_lose, Kind.DAMAGE, database), 1, _LOST) for database in DATABASES),
    (_kill_coordinator, 1, _LAUNCHER),
    (_kill_names, 1, _LAUNCHER),
)
"""What a full bag holds: of all 38 faults with 32 or more kills of replicas."""
