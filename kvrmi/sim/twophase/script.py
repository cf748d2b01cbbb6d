"""Scenarios played on two-phase commit: its stage, its client, and what may be expected.

Rule: what any protocol has stands in kvrmi/sim/script.py and beside it; here nobody leads.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from ...operations.commands import CommandId, encode_command, encode_question
from ...operations.interface import Answer, Request
from ...roles.contract import Effects
from ...twophase.declaration import declare
from ...twophase.manager import Manager
from ...twophase.participant import Participant
from ...twophase.submissions import Submission
from ..replica import Replica
from ..scenario import Scenario
from ..script import Language, Write
from ..script_checks import ANSWERS, Check, Found, bound, shown
from ..script_stage import SEED, Stage, Steady
from ..script_steps import steps
from ..seen import Acted, Happened, Onlooker, Seen, both
from ..world import World
from .bugs import BUGS
from .parts import Parts, make_world

__all__ = ["LANGUAGE", "language"]

_BEGAN = 1.0
"""Virtual time at which every world begins; scenarios count from there."""
_NUMBERS = re.compile(r" (?:id|round|transactions?|view|first|resumed)=[^\s:]+")
"""Of events' lines: there is one transaction at a time, and these are for programs."""


class _Asked:
    """One request at the manager of a replica."""

    def __init__(
        self, at: Replica, op: str, args: tuple[object, ...], id: CommandId | None
    ) -> None:
        """Send it; with an `id` it may be sent again."""
        self._submission: Submission | None = None
        at.run(partial(at.act, "manager", partial(self._submit, op, args, id)))

    def _submit(
        self, op: str, args: tuple[object, ...], id: CommandId | None, manager: Manager, now: float
    ) -> Effects:
        reads = op == "get"
        payload = (
            encode_question(op, args)
            if reads
            else encode_command(op, args, id or manager.next_id())
        )
        self._submission = manager.submission(now, Request(reads, payload))
        return manager.take(now, (self._submission,))

    @property
    def answer(self) -> Answer | None:
        """What it was answered; None while it waits."""
        return self._submission.answer if self._submission else None


class _Printer:
    """Prints the events of managers and participants, and what befalls processes."""

    def __init__(self, write: Write) -> None:
        self.muted = True
        self._write = write
        self._reported: set[str] = set()

    def __call__(self, seen: Seen) -> None:
        if isinstance(seen, Acted):
            text = _NUMBERS.sub("", seen.event.text)
            self.say(seen.at, f"{seen.event.role} {seen.replica}: {text}")
        elif isinstance(seen, Happened) and isinstance(seen.who, int):
            called = "replica" if seen.what == "process" else seen.what
            self.say(seen.at, f"{called} {seen.who} {seen.text.partition(';')[0]}")

    def say(self, now: float, what: str) -> None:
        if not self.muted:
            self._write(f"{now - _BEGAN:9.3f}  {what}")

    def say_once(self, now: float, what: str) -> None:
        if what not in self._reported:
            self._reported.add(what)
            self.say(now, what)

    def step(self) -> None:
        self._reported.clear()

    def look(self, world: World) -> None:
        """Nothing but records is worth a line."""


def _stage(
    scenario: Scenario, write: Write, onlooker: Onlooker | None, parts: Parts | None = None
) -> Stage:
    printer = _Printer(write)
    world = make_world(
        SEED, scenario.replicas, parts or Parts(), both(printer, onlooker), drift=0.0, draws=Steady
    )
    return Stage(world, printer, _Asked)


def _participant(stage: Stage, number: int) -> Participant | None:
    return stage.replica(number).role(Participant)


def _value_at(stage: Stage, key: str, value: str, number: str) -> Found:
    it = _participant(stage, int(number))
    if it is None:
        return False, f"participant {number} is down"
    found = shown(it.state.read(encode_question("get", (key,))).value)
    return found == value, f"{key} = {found} at {number}"


def _level(stage: Stage) -> Found:
    roles = {me: _participant(stage, me) for me in stage.world.ids}
    held = {me: None if it is None else it.state.machine.digest for me, it in roles.items()}
    applied = {me: None if it is None else it.state.applied for me, it in roles.items()}
    return len(set(held.values())) == 1, f"applied {applied}"


def _prepared(stage: Stage, number: int) -> int:
    it = _participant(stage, number)
    return len(it.book.prepared) if it is not None else 0


def _in_doubt(stage: Stage, number: str) -> Found:
    prepared = _prepared(stage, int(number))
    return prepared > 0, f"{prepared or 'nothing'} is prepared at {number}"


def _nobody_in_doubt(stage: Stage) -> Found:
    doubting = [me for me in stage.world.ids if _prepared(stage, me)]
    return not doubting, f"something is prepared at {doubting}"


_CHECKS: dict[str, Callable[..., Check]] = {
    **ANSWERS,
    "KEY = VALUE at R": bound(_value_at),
    "all level": bound(_level),
    "R is in doubt": bound(_in_doubt),
    "nobody is in doubt": bound(_nobody_in_doubt),
}

LANGUAGE = Language(_stage, steps(declare(Parts()), _CHECKS), BUGS)
"""What two-phase commit makes of scenarios."""


def language() -> Language:
    """Give it: a function comes into processes of their own by its name, its words could not."""
    return LANGUAGE
