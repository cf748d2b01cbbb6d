"""Judges a whole history: each class of keys by the quickest path that can decide it.

Zones decide classes of gets and puts alone. Of others, the store's own order may vouch for them
(witness); else the search decides. Before keys that belong together are searched as one, each is
judged by itself: what is wrong there is wrong altogether, and is found much sooner.
Rule: out of time or room means undecided, never ok.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from . import zones
from .history import FAIL, OK, UNKNOWN, Operation
from .model import keys_of
from .partition import Class, partition, project, restrict
from .placing import Revisions
from .reduce import no_pages, reduced
from .search import Found, search
from .witness import testify

__all__ = ["Verdict", "check"]

_LOOKS = 50
"""Looks at the clock that a first search of several keys has at least; many operations add some."""
_EXPLAINED = 3
"""Classes whose violation is explained; the rest is only counted."""


class Verdict(NamedTuple):
    """What came of a check."""

    verdict: str
    """`ok`, `violation` or `undecided`."""
    operations: int
    outcomes: dict[str, int]
    """How many operations were ok, fail and unknown."""
    classes: dict[str, int]
    """How many classes of keys each path judged: zones, witness, search."""
    explanation: list[str]
    """Lines that show what is wrong, or what could not be decided."""
    seconds: float


def check(
    history: Iterable[Operation],
    limit_seconds: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
) -> Verdict:
    """Return whether a history is linearizable, every key being absent at its beginning.

    limit_seconds: when to give up, by `clock`; then the verdict is undecided, unless a violation
    was found before.
    """
    began = clock()
    operations = list(history)
    counts = Counter(operation.outcome for operation in operations)
    bad = [[finding] for finding in no_pages(operations)]
    operations = reduced(operations)
    revisions = Revisions(operations)
    paths: Counter[str] = Counter()
    open_questions: list[list[str]] = []
    for group in partition(operations):
        path, found = _judge(group, revisions, lambda: clock() - began > limit_seconds)
        paths[path] += 1
        if found.linearizable is None:
            open_questions.append([_title(group), *found.explanation])
        elif not found.linearizable:
            bad.append([_title(group), *found.explanation])
    return Verdict(
        "violation" if bad else "undecided" if open_questions else "ok",
        len(operations),
        {outcome: counts[outcome] for outcome in (OK, FAIL, UNKNOWN)},
        {path: paths[path] for path in ("zones", "witness", "search")},
        _explained(bad or open_questions),
        clock() - began,
    )


def _judge(group: Class, revisions: Revisions, late: Callable[[], bool]) -> tuple[str, Found]:
    if zones.fits(group):
        wrong = zones.judge(group)
        return "zones", Found(not wrong, wrong)
    testimony = testify(group, revisions)
    if testimony.holds:
        return "witness", Found(True, [])
    if len(group.keys) > 1:
        return "search", _judge_joined(group, testimony.suspect, late)
    return "search", search(group, late)


def _judge_joined(group: Class, suspect: Operation | None, late: Callable[[], bool]) -> Found:
    """Judge keys that belong together; what is wrong for some of them is wrong for all."""
    for part in project(group):
        found = _judge_alone(part, late)
        if found.linearizable is False:
            return Found(False, [f"{_title(part)} alone:", *found.explanation])
    looks = iter(range(_LOOKS + len(group.operations) // 128))
    found = search(group, lambda: late() or next(looks, None) is None)
    suspect = suspect or found.stuck
    if suspect is not None and found.linearizable is None:
        # With the other keys out of the way there may be few enough orders to try them all.
        part = restrict(group, set(keys_of(suspect)))
        less = search(part, late)
        if less.linearizable is False:
            return Found(False, [f"{_title(part)} alone:", *less.explanation])
        found = search(group, late)
    return found


def _judge_alone(part: Class, late: Callable[[], bool]) -> Found:
    if zones.fits(part):
        wrong = zones.judge(part)
        return Found(not wrong, wrong)
    return search(part, late)


def _title(group: Class) -> str:
    names = ", ".join(map(repr, group.keys[:3]))
    more = f" and {len(group.keys) - 3} more" if len(group.keys) > 3 else ""
    return f"key {names}{more}"


def _explained(findings: list[list[str]]) -> list[str]:
    reported = [line for finding in findings[:_EXPLAINED] for line in finding]
    if len(findings) > _EXPLAINED:
        reported.append(f"and {len(findings) - _EXPLAINED} more")
    return reported
