"""The steps that a script is made of: how each is played, whatever the protocol.

Rule: one word, one meaning (vocabulary.py); a step that cannot be done raises Wrong and changes
nothing. What only one protocol knows (ballots, who leads) stands in its own folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeAlias

from ..roles.declaration import Declaration
from .replica import Replica
from .scenario import Wrong
from .script_checks import Check, reported
from .script_stage import Stage
from .vocabulary import ALL, CONDITIONS, found, listed, operation, ways

__all__ = ["MakeStep", "Step", "plain", "steps"]

Step: TypeAlias = Callable[[Stage], None]
MakeStep: TypeAlias = Callable[..., Step]
"""Makes a step of its words."""

WITHIN = 10.0
"""Seconds that `until` waits when the script does not say how long."""


# --- time and expectations ------------------------------------------------------------------------


def _run(stage: Stage, seconds: str) -> None:
    stage.run(float(seconds))


def _while(find: Callable[[str], Check], seconds: str, text: str) -> Step:
    check = find(text)

    def step(stage: Stage) -> None:
        if stage.run(float(seconds), lambda: not check(stage)[0]):
            raise Wrong(f"expected all the time: {text}; but {check(stage)[1]}")

    return step


def _until(find: Callable[[str], Check], text: str, within: str | None) -> Step:
    check = find(text)
    seconds = float(within) if within else WITHIN

    def step(stage: Stage) -> None:
        if not stage.run(seconds, lambda: check(stage)[0]):
            raise Wrong(f"waited {seconds:g} s for: {text}; but {check(stage)[1]}")

    return step


def _expect(find: Callable[[str], Check], text: str) -> Step:
    check = find(text)

    def step(stage: Stage) -> None:
        holds, found = check(stage)
        if not holds:
            raise Wrong(f"expected: {text}; but {found}")

    return step


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
    """Replace ALL by each replica."""
    pairs: set[tuple[int, int]] = set()
    for ends in links:
        one, other = (stage.world.ids if end == ALL else (stage.replica(end).me,) for end in ends)
        pairs |= {(a, b) for a in one for b in other if a != b}
    return pairs


def _cut(text: str) -> Step:
    pairs = ways(text)
    return lambda stage: stage.cuts.update(_pairs(stage, pairs))


def _star(stage: Stage, hub: str) -> None:
    """Everybody hears one replica, and nobody hears anybody else."""
    centre = stage.replica(int(hub)).me
    stage.cuts |= {way for way in _pairs(stage, [(ALL, ALL)]) if centre not in way}


def _chain(stage: Stage) -> None:
    """Each hears the one before and the one after it."""
    stage.cuts |= {(a, b) for a, b in _pairs(stage, [(ALL, ALL)]) if abs(a - b) > 1}


def _drop(declared: Declaration, kind: str, text: str) -> Step:
    pairs = _message(declared, kind, text)
    return lambda stage: stage.dropped.update((kind, *way) for way in _pairs(stage, pairs))


def _hold(declared: Declaration, kind: str, text: str) -> Step:
    pairs = _message(declared, kind, text)
    return lambda stage: stage.held.update((kind, *way) for way in _pairs(stage, pairs))


def _message(declared: Declaration, kind: str, text: str) -> list[tuple[int, int]]:
    if kind not in {message.__name__ for message in declared.messages}:
        raise Wrong(f"no such message between replicas: {kind}")
    return ways(text)


# --- processes, roles, disks ----------------------------------------------------------------------


def _each(action: Callable[[Replica], object]) -> MakeStep:
    """Make what does something with the replicas named, in order."""

    def make(every: str) -> Step:
        def step(stage: Stage) -> None:
            for replica in [stage.replica(one) for one in listed(every, stage.world.ids)]:
                action(replica)

        return step

    return make


def _with_role(declared: Declaration, action: Callable[..., object]) -> MakeStep:
    """Make what does something with a role of the replicas named, and with more words."""

    def make(role: str, every: str, *more: str) -> Step:
        if role not in declared.daemons:
            raise Wrong(f"no such role: {role}")
        return _each(lambda replica: action(replica, role, *more))(every)

    return make


def _fail(replica: Replica, role: str) -> None:
    replica.fail(role)


def _restart(replica: Replica, role: str) -> None:
    replica.restart(role)


def _stall(replica: Replica, role: str, seconds: str) -> None:
    replica.writes.stall(role, float(seconds))


def _lose_disk(replica: Replica) -> None:
    replica.lose_disk(all_of_them=True)


def _hang_disk(replica: Replica) -> None:
    for disk in replica.disks.values():
        disk.hang()


def _mend_disk(replica: Replica) -> None:
    for disk in replica.disks.values():
        disk.well()


def _keep_copy(replica: Replica) -> None:
    for disk in replica.disks.values():
        disk.keep_copy()


def _put_copy_back(replica: Replica) -> None:
    if replica.up or not all(disk.put_copy_back() for disk in replica.disks.values()):
        raise Wrong(f"replica {replica.me} is up, or has no copy")


def plain(action: Callable[..., None]) -> MakeStep:
    """Make a step of a function that takes the stage and then the words."""

    def make(*words: str) -> Step:
        return lambda stage: action(stage, *words)

    return make


def steps(declared: Declaration, checks: Mapping[str, Callable[..., Check]]) -> dict[str, MakeStep]:
    """Give what makes the step of its words, for all steps that every protocol has.

    checks: what makes the check of a condition's words, of those that this protocol has.
    """

    def find(text: str) -> Check:
        return found(text, CONDITIONS, checks)

    role = partial(_with_role, declared)
    return {
        "run SECONDS": plain(_run),
        "run SECONDS while CONDITION": partial(_while, find),
        "until CONDITION [within SECONDS]": partial(_until, find),
        "expect CONDITION": partial(_expect, find),
        "[ask] [as CLIENT N] put|get|delete|cas .. at R": _request,
        "fill COUNT at R": plain(_fill),
        "cut LINKS": _cut,
        "mend": plain(Stage.mend),
        "star R": plain(_star),
        "chain": plain(_chain),
        "drop MESSAGE LINKS": partial(_drop, declared),
        "hold MESSAGE LINKS": partial(_hold, declared),
        "deliver": plain(Stage.deliver),
        "kill R, ..": _each(Replica.crash),
        "start R, ..": _each(Replica.start),
        "pause R, ..": _each(Replica.pause),
        "resume R, ..": _each(Replica.resume),
        "fail ROLE R, ..": role(_fail),
        "restart ROLE R, ..": role(_restart),
        "lose disk R": _each(_lose_disk),
        "hang disk R": _each(_hang_disk),
        "stall ROLE R, .. for SECONDS": role(_stall),
        "mend disk R": _each(_mend_disk),
        "keep copy R": _each(_keep_copy),
        "put copy back R": _each(_put_copy_back),
    }
