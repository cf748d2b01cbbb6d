"""Scenarios played on Multi-Paxos: its stage, its client, and the words that are about leaders.

Rule: what any protocol has stands in kvrmi/sim/script.py and beside it.
"""

from __future__ import annotations

from functools import partial

from ...operations.commands import CommandId, encode_command, encode_question
from ...operations.interface import Answer, Request
from ...paxos.ballot import NO_BALLOT
from ...paxos.declaration import PAXOS
from ...paxos.front import Front
from ...paxos.messages import CampaignNow, Transfer
from ...paxos.submissions import Submission
from ...roles.contract import Effects
from ..hosting import Configured
from ..replica import Replica
from ..scenario import Scenario
from ..script import Language, Write
from ..script_stage import SEED, Stage, Steady
from ..script_steps import MakeStep, plain, steps
from ..seen import Onlooker, both
from .bugs import BUGS
from .parts import Parts, make_world
from .script_checks import CHECKS, highest_round
from .script_print import Printer

__all__ = ["LANGUAGE", "language"]


class _Asked:
    """One request at the front of a replica."""

    def __init__(
        self, at: Replica, op: str, args: tuple[object, ...], id: CommandId | None
    ) -> None:
        """Send it; with an `id` it may be sent again."""
        self._direct: Answer | None = None
        self._submission: Submission | None = None
        at.run(partial(at.act, "front", partial(self._submit, op, args, id)))

    def _submit(
        self, op: str, args: tuple[object, ...], id: CommandId | None, front: Front, now: float
    ) -> Effects:
        if op == "get":
            request = Request(True, encode_question(op, args))
            self._direct = front.read(now, request.payload)
            if self._direct is not None:
                return Effects()
        else:
            request = Request(False, encode_command(op, args, id or front.next_id()))
        self._submission, effects = front.submit(now, request, repeatable=id is not None)
        return effects

    @property
    def answer(self) -> Answer | None:
        """What it was answered; None while it waits."""
        return self._direct or (self._submission.answer if self._submission else None)


def _stage(
    scenario: Scenario, write: Write, onlooker: Onlooker | None, parts: Parts | None = None
) -> Stage:
    printer = Printer(write)
    world = make_world(
        SEED,
        scenario.replicas,
        parts=parts,
        configured=lambda _: Configured(scenario.keep),
        drift=0.0,
        draws=Steady,
        onlooker=both(printer, onlooker),
    )
    return Stage(world, printer, _Asked)


def _mark(stage: Stage) -> None:
    stage.marked = highest_round(stage)


def _campaign(stage: Stage, number: str) -> None:
    stage.replica(int(number)).deliver("proposer", CampaignNow(NO_BALLOT))


def _transfer(stage: Stage, one: str, other: str) -> None:
    """Have an operator ask a leader to hand over."""
    stage.replica(int(one)).deliver("proposer", Transfer(stage.replica(int(other)).me))


_STEPS: dict[str, MakeStep] = {
    **steps(PAXOS, CHECKS),
    "mark ballots": plain(_mark),
    "let R campaign": plain(_campaign),
    "transfer from R to R": plain(_transfer),
}

LANGUAGE = Language(_stage, _STEPS, BUGS)
"""What Multi-Paxos makes of scenarios."""


def language() -> Language:
    """Give it: a function comes into processes of their own by its name, its words could not."""
    return LANGUAGE
