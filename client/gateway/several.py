"""DELETE and CONTAINS of several keys over a gateway: one request a key, one after the other.

Rule: what comes of them is shown as over Pyro; the first error ends it, and it is known what became
of each key. It knows no protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kvrmi.errors import KVError, UnknownOutcome

from ..exits import NOT_FOUND
from ..grammar.literal import typed
from ..grammar.making import Command
from ..shell.each import Done
from .exchange import Answer

__all__ = ["ended", "several", "shown_of"]


def several(name: str, keys: Sequence[str], ask: Callable[[Command], object]) -> Done:
    """Ask `name` of each key."""
    answers: dict[str, bool] = {}
    named = [*dict.fromkeys(keys)]
    for key in named:
        try:
            answers[key] = bool(ask(Command("store", name, (key,))))
        except KVError as error:
            in_doubt = isinstance(error, UnknownOutcome)
            doubtful, refused = ((key,), ()) if in_doubt else ((), (key,))
            return Done(answers, len(named), error, doubtful, refused)
    return Done(answers, len(named))


def shown_of(
    name: str, keys: Sequence[str], done: Done, write: Callable[[object], str]
) -> tuple[Answer, dict[str, object]]:
    """Put what was answered of all of these keys into words, and into fields for JSON."""
    status = NOT_FOUND if done.absent else 0
    fields: dict[str, object] = {"op": name}
    if name == "delete":
        note = f"not found: {', '.join(map(typed, done.absent))}" if done.absent else ""
        fields |= {"keys": list(done.answers), "deleted": done.there, "absent": done.absent}
        return Answer([f"OK {done.deleted}"], done.there, note, status), fields
    found = [done.answers[key] for key in keys]
    return Answer([*map(write, found)], found, "", status), fields | {
        "keys": list(keys),
        "value": found,
    }


def ended(name: str, done: Done) -> str:
    """Say how far it came before the error that ended it."""
    if name == "delete":
        return f"{done.deleted}: {done.ended}; CONTAINS of them shows which are left"
    return f"not all keys were looked for: {done.ended}; nothing was changed"
