"""The steps that a script is made of: how each is written, and what it does.

Rule: one word, one meaning; a step that cannot be done raises Wrong and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from ...paxos.ballot import NO_BALLOT
from ...paxos.declaration import PAXOS
from ...paxos.messages import CampaignNow, Transfer
from ..replica import Replica
from ..scenario import Wrong
from ..vocabulary import STEPS, found, listed, operation, ways
from .script_checks import find_check, reported
from .script_stage import Stage

__all__ = ["MAKERS", "Step", "find_step"]

Step: TypeAlias = Callable[[Stage], None]

WITHIN = 10.0
"""Seconds that `until` waits when the script does not say how long."""

NAMES = {kind.__name__ for kind in PAXOS.messages}
"""What one replica may send another."""


# --- time and expectations ------------------------------------------------------------------------


def _run(stage: Stage, seconds: str) -> None:
    stage.run(float(seconds))


def _while(seconds: str, text: str) -> Step:
    check = find_check(text)

    def step(stage: Stage) -> None:
        if stage.run(float(seconds), lambda: not check(stage)[0]):
            raise Wrong(f"expected all the time: {text}; but {check(stage)[1]}")

    return step


def _until(text: str, within: str | None) -> Step:
    check = find_check(text)
    seconds = float(within) if within else WITHIN

    def step(stage: Stage) -> None:
        if not stage.run(seconds, lambda: check(stage)[0]):
            raise Wrong(f"waited {seconds:g} s for: {text}; but {check(stage)[1]}")

    return step


def _expect(text: str) -> Step:
    check = find_check(text)

    def step(stage: Stage) -> None:
        holds, found = check(stage)
        if not holds:
            raise Wrong(f"expected: {text}; but {found}")

    return step


def _mark(stage: Stage) -> None:
    stage.marked = stage.highest_round


# --- the client -----------------------------------------------------------------------------------


def _request(ask: str | None, client: str | None, number: str, words: str, at: str) -> Step:
    op, args = operation(words)
    id = (client, int(number)) if client else None

    def step(stage: Stage) -> None:
        stage.ask(stage.replica(int(at)), op, args, id)
        if not ask:
            stage.wait()
            stage.printer.say(stage.world.now, f"client gets {reported(stage.answer)}")

    return step


def _fill(stage: Stage, count: str, at: str) -> None:
    """Write so many keys, one after the other, and report only that."""
    replica, printer = stage.replica(int(at)), stage.printer
    printer.muted = True
    for key in range(1, int(count) + 1):
        stage.ask(replica, "put", (f"k{key}", f"v{key}"), None)
        stage.wait()
        if stage.answer is None or stage.answer.code != "OK":
            raise Wrong(f"put k{key}: {reported(stage.answer)}")
    printer.muted = False
    printer.say(stage.world.now, f"{count} writes were acknowledged, one after the other")


# --- the network ----------------------------------------------------------------------------------


def _pairs(stage: Stage, links: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Replace 0, all, by each replica."""
    ids = stage.world.ids
    pairs: set[tuple[int, int]] = set()
    for one, other in links:
        for number in (one, other):
            if number:
                stage.replica(number)
        pairs |= {
            (a, b) for a in ((one,) if one else ids) for b in ((other,) if other else ids) if a != b
        }
    return pairs


def _cut(text: str) -> Step:
    pairs = ways(text)
    return lambda stage: stage.cuts.update(_pairs(stage, pairs))


def _mend(stage: Stage) -> None:
    stage.mend()


def _star(stage: Stage, hub: str) -> None:
    """Everybody hears one replica, and nobody hears anybody else."""
    centre = stage.replica(int(hub)).me
    stage.cuts |= {way for way in _pairs(stage, [(0, 0)]) if centre not in way}


def _chain(stage: Stage) -> None:
    """Each hears the one before and the one after it."""
    stage.cuts |= {(a, b) for a, b in _pairs(stage, [(0, 0)]) if abs(a - b) > 1}


def _drop(kind: str, text: str) -> Step:
    pairs = _message(kind, text)
    return lambda stage: stage.dropped.update((kind, *way) for way in _pairs(stage, pairs))


def _hold(kind: str, text: str) -> Step:
    pairs = _message(kind, text)
    return lambda stage: stage.held.update((kind, *way) for way in _pairs(stage, pairs))


def _message(kind: str, text: str) -> list[tuple[int, int]]:
    if kind not in NAMES:
        raise Wrong(f"no such message between replicas: {kind}")
    return ways(text)


def _deliver(stage: Stage) -> None:
    stage.deliver()


# --- processes, roles, disks ----------------------------------------------------------------------


def _each(action: Callable[[Replica], object], *, every: str) -> Step:
    """Do something with the replicas named, in order."""

    def step(stage: Stage) -> None:
        for replica in [stage.replica(one) for one in listed(every, stage.world.ids)]:
            action(replica)

    return step


def _kill(every: str) -> Step:
    return _each(Replica.crash, every=every)


def _start(every: str) -> Step:
    return _each(Replica.start, every=every)


def _pause(every: str) -> Step:
    return _each(Replica.pause, every=every)


def _resume(every: str) -> Step:
    return _each(Replica.resume, every=every)


def _fail(role: str, every: str) -> Step:
    name = _role(role)
    return _each(lambda replica: replica.fail(name), every=every)


def _restart(role: str, every: str) -> Step:
    name = _role(role)
    return _each(lambda replica: replica.restart(name), every=every)


def _role(word: str) -> str:
    if word not in PAXOS.daemons:
        raise Wrong(f"no such role: {word}")
    return word


def _lose_disk(every: str) -> Step:
    return _each(lambda replica: replica.lose_disk(all_of_them=True), every=every)


def _hang_disk(every: str) -> Step:
    def hang(replica: Replica) -> None:
        for disk in replica.disks.values():
            disk.hang()

    return _each(hang, every=every)


def _stall(name: str, every: str, seconds: str) -> Step:
    role = _role(name)
    return _each(lambda replica: replica.writes.stall(role, float(seconds)), every=every)


def _keep_copy(every: str) -> Step:
    def copy(replica: Replica) -> None:
        for disk in replica.disks.values():
            disk.keep_copy()

    return _each(copy, every=every)


def _put_copy_back(every: str) -> Step:
    def put_back(replica: Replica) -> None:
        if replica.up or not all(disk.put_copy_back() for disk in replica.disks.values()):
            raise Wrong(f"replica {replica.me} is up, or has no copy")

    return _each(put_back, every=every)


# --- leadership -----------------------------------------------------------------------------------


def _campaign(stage: Stage, number: str) -> None:
    stage.replica(int(number)).deliver("proposer", CampaignNow(NO_BALLOT))


def _transfer(stage: Stage, one: str, other: str) -> None:
    """Have an operator ask a leader to hand over."""
    stage.replica(int(one)).deliver("proposer", Transfer(stage.replica(int(other)).me))


def _plain(action: Callable[..., None]) -> Callable[..., Step]:
    """Make a step of a function that takes the stage and then the words."""

    def make(*words: str) -> Step:
        return lambda stage: action(stage, *words)

    return make


MAKERS: dict[str, Callable[..., Step]] = {
    "run SECONDS": _plain(_run),
    "run SECONDS while CONDITION": _while,
    "until CONDITION [within SECONDS]": _until,
    "expect CONDITION": _expect,
    "mark ballots": _plain(_mark),
    "[ask] [as CLIENT N] put|get|delete|cas .. at R": _request,
    "fill COUNT at R": _plain(_fill),
    "cut LINKS": _cut,
    "mend": _plain(_mend),
    "star R": _plain(_star),
    "chain": _plain(_chain),
    "drop MESSAGE LINKS": _drop,
    "hold MESSAGE LINKS": _hold,
    "deliver": _plain(_deliver),
    "kill R, ..": _kill,
    "start R, ..": _start,
    "pause R, ..": _pause,
    "resume R, ..": _resume,
    "fail ROLE R, ..": _fail,
    "restart ROLE R, ..": _restart,
    "lose disk R": _lose_disk,
    "hang disk R": _hang_disk,
    "stall ROLE R, .. for SECONDS": _stall,
    "keep copy R": _keep_copy,
    "put copy back R": _put_copy_back,
    "let R campaign": _plain(_campaign),
    "transfer from R to R": _plain(_transfer),
}
"""What makes the step of its words."""


def find_step(text: str) -> Step:
    """Understand one line; raises Wrong if it is no step."""
    return found(text, STEPS, MAKERS)
