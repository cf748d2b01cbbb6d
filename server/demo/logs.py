"""Excerpts from the replicas' logs: a decision, a failure, a change of leaders, a round of votes.

Rule: log lines are shown as they stand in the files, in the order of their times; none is made
up. It reads files and nothing else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

TAIL = 8 << 20
"""Bytes of a log that are looked through, from its end."""
_COMMIT = re.compile(r"\[learner\] commit slot=(\d+) commands=[1-9]").search
_VOTE = re.compile(r"\[participant\] VOTE ACK manager=(\d+) round=(\d+)\b").search
_LEADS = re.compile(r"\[proposer\] (leads|campaign) ")


class Line(NamedTuple):
    """One line of a replica's log."""

    time: str
    replica: int
    text: str


def newest_slot(logs: Mapping[int, Path]) -> int | None:
    """Find the newest slot whose decision is in most logs; None if it is in none.

    Under load the replicas write only some decisions out.
    """
    holders: Counter[int] = Counter()
    for path in logs.values():
        holders.update({int(found[1]) for _, text in _lines(path) if (found := _COMMIT(text))})
    return max(holders, key=lambda slot: (holders[slot], slot), default=None)


def of_slot(logs: Mapping[int, Path], slot: int) -> list[Line]:
    """Collect every line on one slot, of all replicas, by time."""
    return _matching(logs, re.compile(rf"\bslot={slot}\b"))


def newest_round(logs: Mapping[int, Path]) -> tuple[int, int] | None:
    """Find the newest round of votes that is in most logs: its manager and number."""
    holders: Counter[tuple[int, int]] = Counter()
    for path in logs.values():
        found = (_VOTE(text) for _, text in _lines(path))
        holders.update({(int(one[1]), int(one[2])) for one in found if one})
    return max(holders, key=lambda one: (holders[one], one[1]), default=None)


def of_round(logs: Mapping[int, Path], manager: int, round: int) -> list[Line]:
    """Collect every line on one round of a manager's, of all replicas, by time."""
    own = re.compile(rf"\[manager\] .*\b(round|transactions)={round}\b")
    others = re.compile(rf"\[participant\] .*\bmanager={manager} (round|transaction)={round}\b")
    lines = _matching({manager: logs[manager]}, own) + _matching(logs, others)
    return sorted(lines, key=lambda line: line[:2])


def of_failure(logs: Mapping[int, Path], replica: int, role: str) -> list[Line]:
    """Collect the lines on failures and restarts of one role, by time."""
    marks = re.compile(rf"\[{role}\] (WARNING )?(FAILED|RESTARTED)\b")
    return _matching({replica: logs[replica]}, marks)


def of_succession(logs: Mapping[int, Path], former: int, successor: int) -> list[Line]:
    """Collect how one leader followed another, from the successor's log: five lines at most."""
    lines = _matching({successor: logs[successor]}, _LEADS)
    ends = [at for at, line in enumerate(lines) if f"leads no more replica={former} " in line.text]
    return lines[max(0, ends[-1] - 2) : ends[-1] + 3] if ends else []


def _matching(logs: Mapping[int, Path], pattern: re.Pattern[str]) -> list[Line]:
    found = [
        Line(stamp, replica, text)
        for replica, path in logs.items()
        for stamp, text in _lines(path)
        if pattern.search(text)
    ]
    return sorted(found, key=lambda line: line[:2])


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Time of day and text of each line; lines without a time are left out."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL))
            for raw in file:
                parts = raw.decode(errors="replace").rstrip().split(" ", 2)
                if len(parts) == 3:
                    yield parts[1], parts[2]
    except OSError:
        return
