"""The view where there is no terminal: one picture, or a line of JSON a second.

Rule: a program that reads gets numbers, not what they look like; null is what nobody knows.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

from rich.console import Console

from kvrmi.cluster.status import NO_QUORUM, SERVING

from ..exits import EXIT_STATUS
from ..tables import columns_of
from .drawing import drawn
from .happenings import Happening
from .view import Picture, Row
from .watched import Watched

__all__ = ["fields", "json_lines", "once"]

LOOKS = 2.0
"""Seconds of looks of which the first picture is made."""
FOUND = 5.0
"""Seconds in which a cluster is to be found."""
LINES = 24
"""Of the picture, at the least."""


def once(watched: Watched) -> int:
    """Print one picture; returns the exit status that HEALTH has."""
    _await_looks(watched)
    picture = watched.picture()
    columns = columns_of(sys.stdout)
    console = Console(width=columns, highlight=False)
    shown = drawn(picture, columns, LINES + len(picture.rows))
    last = max(number for number, line in enumerate(shown) if line)
    for line in shown[: last + 1]:
        line.rstrip()
        console.print(line, soft_wrap=True)
    return _status(picture)


def json_lines(watched: Watched, count: int | None) -> int:
    """Print a line a second, `count` in all or for ever, each with what happened since the last.

    Returns what `once` does, of the last line.
    """
    _await_looks(watched)
    seen: list[Happening] = []
    due = time.monotonic()
    while True:
        picture = watched.picture()
        news = [one for one in picture.happenings if one not in seen]
        seen = list(picture.happenings)
        print(json.dumps(fields(picture, news)), flush=True)
        count = None if count is None else count - 1
        if count == 0:
            return _status(picture)
        due += 1.0
        time.sleep(max(due - time.monotonic(), 0.0))


def fields(picture: Picture, news: Sequence[Happening]) -> dict[str, object]:
    """Make the object of a picture, and of what is new in it."""
    return {
        "time": round(picture.wall, 3),
        "cluster": picture.cluster or None,
        "engine": picture.engine or None,
        "health": picture.health,
        "leader": picture.leader,
        "up": picture.up,
        "needs": picture.needs,
        "led": picture.led,
        "quorum": picture.quorum,
        "writes_per_second": round(picture.curve.now(), 1),
        "trouble": picture.trouble or None,
        "replicas": [_replica(row) for row in picture.rows],
        "events": [{"time": round(one.at, 3), "text": one.text} for one in news],
    }


def _replica(row: Row) -> dict[str, object]:
    rates = row.rates
    return {
        "id": row.id,
        "state": row.state,
        "answers": row.answers,
        "reason": row.reason or None,
        "roles": {
            name: {"state": state, "incarnation": incarnation, "hangs": row.hangs.get(name)}
            for name, (state, incarnation) in row.roles.items()
        },
        "leader": row.leader,
        "ballot": row.ballot or None,
        "chosen": row.chosen,
        "applied": row.applied,
        "lag": row.lag,
        "cuts": [list(pair) for pair in row.cuts],
        "slow": [list(pair) for pair in row.slow],
        "requests_per_second": rates and round(rates.requests, 1),
        "writes_per_second": rates and round(rates.writes, 1),
        "errors_per_second": rates and round(rates.failed, 1),
        "p50_seconds": rates and rates.p50,
        "p99_seconds": rates and rates.p99,
        "messages_per_second": rates and {one: round(n, 1) for one, n in rates.sent.items()},
        "memory_bytes": row.memory,
        "cpu": rates and round(rates.cpu, 4),
    }


def _await_looks(watched: Watched) -> None:
    """Wait until there is a cluster, for some seconds at most, and until rates can be made."""
    deadline = time.monotonic() + FOUND
    while not watched.picture().rows and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(LOOKS)


def _status(picture: Picture) -> int:
    if picture.health == SERVING:
        return 0
    return EXIT_STATUS["NO_QUORUM" if picture.health == NO_QUORUM else "UNAVAILABLE"]
