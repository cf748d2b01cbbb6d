"""Whether a cluster serves: HEALTH, for people, scripts and containers.

Rule: it serves when a leader, if it needs one, and enough voters are up; whatever else it is, is an
error with the code that the same cluster's clients would get.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kvrmi.cluster.status import NO_QUORUM, NOBODY, SERVING, partly
from kvrmi.errors import ConnectionFailed, KVError, from_code

from .admin import Done

__all__ = ["await_serving", "code_of"]

_AGAIN = 0.2
"""Seconds between two looks."""
_CODES = {SERVING: "", NO_QUORUM: "NO_QUORUM", NOBODY: "UNAVAILABLE"}


def code_of(status: Mapping[str, Any]) -> str:
    """Code of the error that the status amounts to; empty if the cluster serves."""
    return _CODES[status["health"]]


def await_serving(look: Callable[[], Mapping[str, Any]], seconds: float) -> Done:
    """Look until the cluster serves, for `seconds` at most and once at least.

    Raises NoQuorum or ConnectionFailed as it stands then, and what `look` raises.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return _judged(look())
        except KVError as error:
            left = deadline - time.monotonic()
            if left <= 0 or not _may_pass(error):
                raise
        time.sleep(min(_AGAIN, left))


def _may_pass(error: KVError) -> bool:
    """Whether a later look may end otherwise: also where there is no cluster file yet."""
    cause = error.__cause__ and error.__cause__.__cause__
    return error.code in _CODES.values() or isinstance(cause, FileNotFoundError)


def _judged(status: Mapping[str, Any]) -> Done:
    entries, leader, quorum = status["replicas"], status["leader"], status["quorum"]
    up = sum(entry["state"] == "up" for entry in entries)
    found = f"{up} of {len(entries)} replicas up"
    code = code_of(status)
    if not code:
        fields = {"op": "health", "health": SERVING, "leader": leader, "up": up, "quorum": quorum}
        leads = f"replica {leader} leads, " if leader else ""
        some = partly(entries, len(entries))
        cut = f"; {some}" if some else ""
        return Done(f"serving: {leads}{found}{cut}{_behind(entries)}", fields)
    if code == "UNAVAILABLE":
        raise ConnectionFailed(f"none of {len(entries)} replicas answers")
    lack = "there is no leader" if up >= quorum else f"{quorum} are needed"
    lack = partly(entries, len(entries)) or lack
    raise from_code(code, f"not serving: {found}{_behind(entries) or f', {lack}'}")


def _behind(entries: Sequence[Mapping[str, Any]]) -> str:
    """Say how it is what gateways pass requests on to; empty where there are none."""
    found = [entry["behind"] for entry in entries if entry.get("behind")]
    best = max(found, key=lambda one: one["serves"], default=None)
    return "" if best is None else f"; {best['text']}"
