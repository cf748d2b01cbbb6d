"""What the store answers about the past, in words: changes of keys, what became of requests.

It prints nothing and asks nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .grammar.literal import typed

__all__ = ["DOUBT", "outcome", "outcome_status", "row"]

DOUBT = 4
"""Exit status where nobody knows whether a request takes effect, or did."""
_NO = 1


def row(found: Sequence[Any], write: Callable[[object], str]) -> str:
    """Write a change: revision, value, slot, whose request it was."""
    revision, value, slot, client, sequence = found
    held = "(not there)" if value is None else write(value)
    if not slot:
        return f"revision {revision}{' or before' * bool(revision)}  {held}"
    who = f", {typed(str(client))} {sequence}" if client is not None else ""
    return f"revision {revision}  {held}  (slot {slot}{who})"


def outcome(client: str, sequence: int, answer: Sequence[Any]) -> str:
    """Say what became of a request, and what to do where that is open."""
    state, revision, value = answer
    match state:
        case "applied":
            answered = "" if value == revision else f", answered {_plain(value)}"
            return f"applied at revision {revision}{answered}"
        case "never":
            return "not applied, and never will be"
        case "forgotten":
            return "whether it was applied is no longer known; it never will be from now on"
    settle = f"OUTCOME {typed(client)} {sequence} --settle"
    return f"open: not applied so far, and may still be; {settle} sees to it that it never is"


def outcome_status(state: str) -> int:
    """Return the exit status: 0 applied, 1 never, 4 where that is open or forgotten."""
    return {"applied": 0, "never": _NO}.get(state, DOUBT)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
