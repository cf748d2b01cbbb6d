"""The folder of a server of two-phase commit: its store, who votes as far as it knows, its doubts.

Rule: what is prepared here and not decided is not in the store: it was acknowledged to nobody as
long as this server was a member. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import to_builtins

from kvrmi.operations.vocabulary import Vocabulary
from kvrmi.storage.frozen import FrozenFile
from kvrmi.twophase.book import Book, Prepared
from kvrmi.twophase.committed import Committed
from kvrmi.twophase.messages import Tid
from kvrmi.twophase.standing import ROW, Standing
from kvrmi.twophase.views import founding

from ..folder import Identity
from .files import Files, identity
from .found import Found, Row, closed, commands_in, state_rows

__all__ = ["read"]


class _Taken(NamedTuple):
    identity: Identity
    standing: Standing
    state: Committed
    book: Book
    clean: bool


def read(files: Files) -> Found:
    """Read its one file. Raises FolderRefused."""

    def take(file: FrozenFile) -> _Taken:
        mine = identity(file)
        lost = mine.disk if mine.recovering else ""
        first = founding(sorted(mine.members))
        standing = Standing.load(mine.replica, file.read(*ROW), first, lost, mine.recovering)
        state = Committed.load(file, files.kind.declared.machine)
        return _Taken(mine, standing, state, Book.load(file), file.clean)

    taken = files.part("participant.db", take)
    if taken is None:
        return Found(None, {"participant": None, "prepared": []}, (), None, ())
    of = files.kind.vocabulary
    prepared = [_prepared(tid, one, of) for tid, one in sorted(taken.book.prepared.items())]
    parts = {"participant": _participant(taken), "prepared": prepared}
    return Found(taken.identity, parts, tuple(_rows(parts)), taken.state, tuple(_doubts(parts)))


def _participant(taken: _Taken) -> dict[str, Any]:
    state, standing = taken.state, taken.standing
    return {
        "clean": taken.clean,
        "whole": standing.votes,
        "view": to_builtins(standing.view),
        "applied": state.applied,
        "revision": state.revision,
        "keys": state.machine.keys,
        "digest": state.machine.digest,
        "sessions": len(state.clients),
        "decided": len(taken.book.outcomes),
    }


def _prepared(tid: Tid, one: Prepared, of: Vocabulary) -> dict[str, Any]:
    summary = commands_in((one.command,), of)
    return {"manager": tid.manager, "number": tid.number, "view": one.view, "summary": summary}


def _rows(parts: Mapping[str, Any]) -> Iterator[Row]:
    mine = parts["participant"]
    number, members = mine["view"]
    yield "participant", f"{mine['applied']} transactions carried out, {closed(mine)}"
    ids = ", ".join(str(member[0]) for member in members) or "not known yet"
    yield (
        "view",
        f"{number}, of {ids}{'' if mine['whole'] else '; this server does not vote in it'}",
    )
    yield from state_rows(mine)
    yield "sessions", str(mine["sessions"])
    for one in parts["prepared"]:
        yield "in doubt", f"{_named(one)}; export leaves it out"


def _doubts(parts: Mapping[str, Any]) -> Iterator[str]:
    if not parts["participant"]["whole"]:
        yield (
            "this server did not vote when it stopped, so others may have writes that it lacks: "
            "take another server's folder if there is one"
        )
    for one in parts["prepared"]:
        yield f"not included, as nothing here says whether it was committed: {_named(one)}"


def _named(one: Mapping[str, Any]) -> str:
    return f"{one['summary']} (asked for by replica {one['manager']})"
