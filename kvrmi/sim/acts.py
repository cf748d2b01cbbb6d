"""What somebody who watches a run does to it, in words: "1.6074 kill 2". There the run forks.

Rules: an act comes right after all that happened at its moment, and changes nothing before, so the
same seed and the same acts give the same run, and the run up to its last act is the one without it.
A message is named by its number in traces. When the faults have ended, acts are refused: what they
would leave behind, nobody mends. It knows no role but by the name that an act gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .replica import Replica
    from .world import World

__all__ = ["ACTS", "Act", "arrange", "read"]

MOST_SECONDS = 1e6


class Act(NamedTuple):
    """One: its moment in virtual seconds, what is done, and to whom."""

    at: float
    what: str
    given: tuple[str, ...]

    def __str__(self) -> str:
        """Spell it as it is read."""
        return " ".join([repr(self.at), self.what, *self.given])


def read(text: str) -> Act:
    """Read one; raises ValueError that says what is wrong."""
    words = text.split()
    moment, what, given = "".join(words[:1]), "".join(words[1:2]), words[2:]
    try:
        at = float(moment)
    except ValueError:
        at = math.nan
    if not 1 <= at <= MOST_SECONDS:
        raise ValueError(f"{text!r} does not begin with its moment: seconds from 1 on")
    if what not in ACTS:
        raise ValueError(f"{text!r} names no act; there are: {', '.join(ACTS)}")
    if len(given) != len(ACTS[what].takes) or not all(map(str.isalnum, given)):
        raise ValueError(f"{what} is written: SECONDS {what} {' '.join(ACTS[what].takes)}".rstrip())
    numbers = zip(ACTS[what].takes, given, strict=True)
    if not all(word == "ROLE" or it.isdecimal() for word, it in numbers):
        raise ValueError(f"{text!r}: replicas and messages are named by their numbers")
    return Act(at, what, tuple(given))


def arrange(world: World, acts: Iterable[Act], over: Callable[[], bool]) -> None:
    """Have the acts done in a world that has just begun; `over` answers whether faults have ended.

    Raises ValueError for one that names a replica or a role which is not there.
    """
    for act in acts:
        for word, given in zip(ACTS[act.what].takes, act.given, strict=True):
            _known(world, word, given)
        world.at(math.nextafter(act.at, math.inf), partial(_do, world, act, over))


def _known(world: World, word: str, given: str) -> None:
    if word == "REPLICA" and int(given) not in world.replicas:
        raise ValueError(f"there is no replica {given}; there are: {_listed(world.ids)}")
    if word == "ROLE" and given not in world.declared.daemons:
        raise ValueError(
            f"no role {given!r} can fail; there are: {_listed(world.declared.daemons)}"
        )


def _listed(names: Iterable[object]) -> str:
    return ", ".join(map(str, names))


def _do(world: World, act: Act, over: Callable[[], bool]) -> None:
    if over():
        world.trace("fault", f"too late, as all faults have ended: {act.what} {_listed(act.given)}")
        return
    world.trace("fault", f"by hand: {' '.join([act.what, *act.given])}")
    ACTS[act.what].do(world, act.given)


# --- what can be done -----------------------------------------------------------------------------


def _to_replica(do: Callable[[Replica], object]) -> Callable[[World, Sequence[str]], object]:
    return lambda world, given: do(world.replicas[int(given[0])])


def _to_role(do: Callable[[Replica, str], object]) -> Callable[[World, Sequence[str]], object]:
    return lambda world, given: do(world.replicas[int(given[0])], given[1])


def _fail(replica: Replica, role: str) -> None:
    if not replica.paused:
        replica.fail(role)


def _link(world: World, given: Sequence[str]) -> tuple[int, int]:
    return int(given[0]), int(given[1])


def _around(world: World, given: Sequence[str]) -> set[tuple[int, int]]:
    one = int(given[0])
    return {pair for other in world.ids if other != one for pair in ((one, other), (other, one))}


def _lose(world: World, given: Sequence[str]) -> None:
    world.network.doomed.add(int(given[0]))


class _Kind(NamedTuple):
    takes: tuple[str, ...]
    do: Callable[[World, Sequence[str]], object]
    about: str


ACTS = {
    "kill": _Kind(("REPLICA",), _to_replica(lambda it: it.crash()), "kill its process"),
    "start": _Kind(("REPLICA",), _to_replica(lambda it: it.start()), "start its process"),
    "stop": _Kind(("REPLICA",), _to_replica(lambda it: it.pause()), "stop its process"),
    "resume": _Kind(("REPLICA",), _to_replica(lambda it: it.resume()), "let it go on"),
    "fail": _Kind(("REPLICA", "ROLE"), _to_role(_fail), "take one role down"),
    "restart": _Kind(("REPLICA", "ROLE"), _to_role(lambda it, role: it.restart(role)), "and up"),
    "cut": _Kind(
        ("REPLICA", "REPLICA"),
        lambda world, given: world.network.cuts.add(_link(world, given)),
        "cut a link one way",
    ),
    "isolate": _Kind(
        ("REPLICA",),
        lambda world, given: world.network.cuts.update(_around(world, given)),
        "cut it off from everybody",
    ),
    "mend": _Kind((), lambda world, given: world.network.mend(), "mend all links"),
    "lose": _Kind(("MESSAGE",), _lose, "lose this message"),
}
"""By name."""
