"""What a script may expect of leaders, promises and logs, and how each is looked up.

Rule: a check looks and never touches; it answers whether it holds and what is the case instead.
A value "at 2" is what replica 2 has applied itself; ask with `get` for a linearizable answer.
"""

from __future__ import annotations

from collections.abc import Callable

from ...operations.commands import encode_question
from ...paxos.acceptor import Acceptor
from ...paxos.learner import Learner
from ...paxos.proposer import Proposer
from ..replica import Replica
from ..script_checks import ANSWERS, Check, Found, bound, shown
from ..script_stage import Stage
from .monitor import monitor
from .script_print import in_words

__all__ = ["CHECKS", "highest_round"]


def _leaders(stage: Stage) -> list[int]:
    """List those that have a lease, so that their no-op is applied: at most one."""
    return [me for me in stage.world.ids if _may_read(stage.replica(me))]


def _may_read(replica: Replica) -> bool:
    proposer = replica.role(Proposer)
    return proposer is not None and proposer.may_read(replica.clock())


def _said(numbers: list[int]) -> str:
    return f"{', '.join(map(str, numbers)) or 'nobody'} leads"


def _leads(stage: Stage, number: str) -> Found:
    stage.replica(int(number))
    leaders = _leaders(stage)
    return leaders == [int(number)], _said(leaders)


def _nobody_leads(stage: Stage) -> Found:
    leaders = _leaders(stage)
    return not leaders, _said(leaders)


def _somebody_leads(stage: Stage) -> Found:
    leaders = _leaders(stage)
    return bool(leaders), _said(leaders)


def _another_leads(stage: Stage, number: str) -> Found:
    leaders = _leaders(stage)
    return leaders not in ([], [int(number)]), _said(leaders)


def _value_at(stage: Stage, key: str, value: str, number: str) -> Found:
    learner = stage.replica(int(number)).role(Learner)
    if learner is None:
        return False, f"learner {number} is down"
    known = learner.read(encode_question("get", (key,))).value
    found = shown(known)
    return found == value, f"{key} = {found} at {number}"


def _slot_is(stage: Stage, slot: str, value: str) -> Found:
    chosen = monitor(stage.world).chosen.get(int(slot))
    found = "not chosen" if chosen is None else in_words(chosen)
    return found == value, f"slot {slot} is {found}"


def _applied(stage: Stage, number: str, slot: str) -> Found:
    learner = stage.replica(int(number)).role(Learner)
    applied = -1 if learner is None else learner.applied
    return applied >= int(slot), f"{number} applied {applied}"


def _restored(stage: Stage, number: str) -> Found:
    learner = stage.replica(int(number)).role(Learner)
    restored = None if learner is None else learner.restored
    return restored is not None, f"{number} took none since its learner started"


def _level(stage: Stage) -> Found:
    learners = {me: replica.role(Learner) for me, replica in stage.world.replicas.items()}
    applied = {me: learner.applied if learner else None for me, learner in learners.items()}
    return len(set(applied.values())) == 1, f"applied {applied}"


def _accepted(stage: Stage, number: str, slot: str) -> Found:
    acceptor = stage.replica(int(number)).role(Acceptor)
    if acceptor is None:
        return False, f"acceptor {number} is down"
    return int(slot) in acceptor.accepted, f"it accepted slots {sorted(acceptor.accepted)}"


def _promised(stage: Stage, number: str, round: str, owner: str) -> Found:
    acceptor = stage.replica(int(number)).role(Acceptor)
    if acceptor is None:
        return False, f"acceptor {number} is down"
    ballot = acceptor.state.promised
    return ballot == (int(round), int(owner)), f"{number} promised {ballot.round}.{ballot.replica}"


def highest_round(stage: Stage) -> int:
    """Return the highest round that any acceptor has promised."""
    acceptors = (replica.role(Acceptor) for replica in stage.world.replicas.values())
    return max((a.state.promised.round for a in acceptors if a is not None), default=0)


def _rounds(stage: Stage, most: str) -> Found:
    rose = highest_round(stage) - stage.marked
    return rose <= int(most), f"they rose by {rose}"


def _recovering(stage: Stage, number: str) -> Found:
    acceptor = stage.replica(int(number)).role(Acceptor)
    state = "down" if acceptor is None else "recovering" if acceptor.recovering else "a voter"
    return state == "recovering", f"{number} is {state}"


def _voter(stage: Stage, number: str) -> Found:
    _, found = _recovering(stage, number)
    return found.endswith("a voter"), found


def _refused(stage: Stage, number: str, why: str) -> Found:
    replica = stage.replica(int(number))
    return why in replica.refused, replica.refused or f"{number} was not refused"


CHECKS: dict[str, Callable[..., Check]] = {
    **ANSWERS,
    "R leads": bound(_leads),
    "nobody leads": bound(_nobody_leads),
    "somebody leads": bound(_somebody_leads),
    "another than R leads": bound(_another_leads),
    "KEY = VALUE at R": bound(_value_at),
    "slot N is COMMAND": bound(_slot_is),
    "R applied N": bound(_applied),
    "R took a snapshot": bound(_restored),
    "all level": bound(_level),
    "R accepted slot N": bound(_accepted),
    "R promised ROUND.REPLICA": bound(_promised),
    "ballots rose by at most N": bound(_rounds),
    "R is recovering": bound(_recovering),
    "R is a voter": bound(_voter),
    "R is refused: WHY": bound(_refused),
}
"""What makes the check of a condition's words."""
