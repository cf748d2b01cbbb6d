"""What a check is, and what it finds.

Rules: a check is one small function that reads what was seen and asks nobody; all that it finds has
the severity of its row. The exit status follows from the severity alone.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from .seen import Seen

__all__ = ["Check", "Finding", "Result", "Severity", "Skipped", "examine", "status_of"]


class Severity(enum.IntEnum):
    """How much a finding matters; ascending."""

    NOTE = 0
    """Good to know; nothing has to be done."""
    WARNING = 1
    """It serves, or would: but less safely, or slower, than it should."""
    OUTAGE = 2
    """The cluster does not serve, or will soon stop."""
    DANGER = 3
    """Data are damaged, lost or different, or what keeps them right does not hold."""


_STATUS = {Severity.NOTE: 0, Severity.WARNING: 1, Severity.OUTAGE: 3, Severity.DANGER: 4}
"""3 as for no quorum, 4 as for a lost disk or an unknown outcome; 2 is wrong usage."""


class Skipped(Exception):
    """A check that could not be made; the text says why."""


class Finding(NamedTuple):
    """What was found, what it means, and what to type or do; one sentence each."""

    what: str
    means: str
    type: str


class Check(NamedTuple):
    """One row of the table; `look` raises Skipped where what it needs was not to be seen."""

    name: str
    looks_at: str
    severity: Severity
    look: Callable[[Seen], Iterable[Finding]]


class Result(NamedTuple):
    """What became of a check: its findings, or why it was not made."""

    check: Check
    findings: Sequence[Finding]
    skipped: str | None


def examine(checks: Sequence[Check], seen: Seen) -> list[Result]:
    """Make all checks."""
    return [_made(check, seen) for check in checks]


def _made(check: Check, seen: Seen) -> Result:
    try:
        return Result(check, tuple(check.look(seen)), None)
    except Skipped as why:
        return Result(check, (), str(why))
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # Replicas may be of any version: what one reports in another form ends no other check.
        return Result(check, (), f"a replica reports it in another form ({error!r})")


def status_of(results: Sequence[Result]) -> int:
    """Return the exit status: that of the worst finding."""
    found = (result.check.severity for result in results if result.findings)
    return _STATUS[max(found, default=Severity.NOTE)]
