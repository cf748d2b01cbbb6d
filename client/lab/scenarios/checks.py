"""The conditions of scenarios on processes: how each is looked up in a running cluster.

Rules: a check looks and never touches; it answers whether it holds and what is the case instead.
What a replica does not report of itself (single slots and promises) is missing here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TypeAlias

from kvrmi.errors import KVError
from kvrmi.operations.interface import Answer
from kvrmi.sim.vocabulary import CONDITIONS, found

from ...nemesis.subject import all_up
from .stage import Stage

__all__ = ["Check", "find_check", "highest_round", "reported"]

Found: TypeAlias = tuple[bool, str]
Check: TypeAlias = Callable[[Stage], Found]


def _leads(wanted: Callable[[int | None], bool]) -> Callable[[Stage], Found]:
    def check(stage: Stage) -> Found:
        leader = stage.status()["leader"]
        return wanted(leader), f"{leader or 'nobody'} leads"

    return check


def _replica_leads(number: str) -> Check:
    return _leads(lambda leader: leader == int(number))


def _another_leads(number: str) -> Check:
    return _leads(lambda leader: leader not in (None, int(number)))


def _value_at(stage: Stage, key: str, value: str, number: str) -> Found:
    answer = stage.call(int(number), "get", (key, "local"))
    if answer is None or answer.code != "OK":
        return False, f"replica {number} does not answer"
    shown = _shown(answer.value)
    return shown == value, f"{key} = {shown} at {number}"


def _level(stage: Stage) -> Found:
    entries = stage.status()["replicas"]
    held = {(entry["applied"], entry["digest"]) for entry in entries}
    applied = {entry["id"]: entry["applied"] for entry in entries}
    return len(held) == 1 and None not in next(iter(held)), f"applied {applied}"


def _took_snapshot(stage: Stage, number: str) -> Found:
    with contextlib.suppress(KVError):
        events = stage.subject.ask(int(number), "events")["events"]
        if any(one["event"] == "snapshot" and "installed" in one["text"] for one in events):
            return True, f"{number} took one"
    return False, f"{number} took none since its process started"


def highest_round(stage: Stage) -> int:
    """Return the highest round of any ballot that a replica reports."""
    ballots = (entry["ballot"] for entry in stage.status()["replicas"])
    return max((ballot[0] for ballot in ballots if ballot), default=0)


def _rounds(stage: Stage, most: str) -> Found:
    rose = highest_round(stage) - stage.marked
    return rose <= int(most), f"they rose by {rose}"


def _recovering(stage: Stage, number: str) -> Found:
    state = stage.entry(int(number))["state"]
    return state == "recovering", f"{number} is {state}"


def _voter(stage: Stage, number: str) -> Found:
    entry = stage.entry(int(number))
    return all_up(entry), f"{number} is {entry['state']}"


def _in_doubt(stage: Stage, number: str) -> Found:
    prepared = stage.entry(int(number)).get("prepared")
    return bool(prepared), f"{prepared or 'nothing'} is prepared at {number}"


def _nobody_in_doubt(stage: Stage) -> Found:
    doubting = [one["id"] for one in stage.status()["replicas"] if one.get("prepared") != 0]
    return not doubting, f"something is prepared at {doubting}, or they do not answer"


def _answered(stage: Stage) -> Found:
    return stage.answered(), reported(stage.answer)


def _code(stage: Stage, codes: str) -> Found:
    code = "none" if stage.answer is None else stage.answer.code
    return stage.answered() and code in codes.split(" or "), reported(stage.answer)


def _value(stage: Stage, value: str) -> Found:
    answer = stage.answer
    return answer is not None and _shown(answer.value) == value, reported(answer)


def reported(answer: Answer | None) -> str:
    """Describe an answer, or that there is none."""
    return "nothing" if answer is None else f"{answer.code}: {_shown(answer.value)}"


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


def _plain(check: Callable[..., Found]) -> Callable[..., Check]:
    """Make what takes a condition's words, and makes its check of a stage."""
    return lambda *words: lambda stage: check(stage, *words)


CHECK_OF: dict[str, Callable[..., Check]] = {
    "R leads": _replica_leads,
    "nobody leads": lambda: _leads(lambda leader: leader is None),
    "somebody leads": lambda: _leads(lambda leader: leader is not None),
    "another than R leads": _another_leads,
    "KEY = VALUE at R": _plain(_value_at),
    "R took a snapshot": _plain(_took_snapshot),
    "all level": _plain(_level),
    "ballots rose by at most N": _plain(_rounds),
    "R is recovering": _plain(_recovering),
    "R is a voter": _plain(_voter),
    "R is in doubt": _plain(_in_doubt),
    "nobody is in doubt": _plain(_nobody_in_doubt),
    "answered": _plain(_answered),
    "answer CODE [or CODE]": _plain(_code),
    "value VALUE": _plain(_value),
}
"""What makes the check of a condition's words."""


def find_check(text: str) -> Check:
    """Understand an expectation; raises Wrong if processes cannot be asked for it."""
    return found(text, CONDITIONS, CHECK_OF)
