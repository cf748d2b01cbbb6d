"""The folder of one process: the store's file, and what its writer kept beyond that.

Rule: the writer's batches are durable, so they belong to the state; where they do not follow what
the store's file ends with, that is damage, and nothing is taken out. It decides nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kvrmi.operations.vocabulary import Vocabulary
from kvrmi.single.store import NO_BALLOT
from kvrmi.single.writer import BATCHES
from kvrmi.state.log import Entry, unpack_batch
from kvrmi.state.replicated import Replicated
from kvrmi.storage.frozen import FrozenFile

from ..folder import Identity
from .files import Files, identity
from .found import Found, Row, closed, commands_in, state_rows

__all__ = ["read"]


class _Written(NamedTuple):
    identity: Identity
    batches: tuple[Entry, ...]
    clean: bool


class _Stored(NamedTuple):
    state: Replicated
    clean: bool


def read(files: Files) -> Found:
    """Read both files. Raises FolderRefused."""
    written = files.part("writer.db", _written)
    stored = _stored(files, fresh=written is not None and written.identity.founding)
    parts: dict[str, Any] = {"writer": None, "store": None, "beyond": [], "recovered": None}
    if written is not None:
        parts["writer"] = {"clean": written.clean, "batches": len(written.batches)}
    if stored is not None:
        parts["store"] = {"clean": stored.clean, **_state(stored.state)}
    beyond = _beyond(files, written, stored)
    if stored is not None and beyond is not None:
        for entry in beyond:
            stored.state.append(entry)
        parts["beyond"] = [_entry(entry, files.kind.vocabulary) for entry in beyond]
        parts["recovered"] = _state(stored.state)
    return Found(
        None if written is None else written.identity,
        parts,
        tuple(_rows(parts)),
        stored.state if stored is not None and beyond is not None else None,
        (),
    )


def _written(file: FrozenFile) -> _Written:
    entries = (Entry(int(slot), NO_BALLOT, (), value) for slot, value in file.scan(BATCHES))
    return _Written(identity(file), tuple(entries), file.clean)


def _stored(files: Files, *, fresh: bool) -> _Stored | None:
    """Read the store's file; a `fresh` folder, in which nothing has run, has none yet."""
    if fresh and not files.has("store.db"):
        return _Stored(Replicated(files.kind.declared.machine), True)

    def take(file: FrozenFile) -> _Stored:
        return _Stored(Replicated.load(file, files.kind.declared.machine), file.clean)

    return files.part("store.db", take)


def _beyond(
    files: Files, written: _Written | None, stored: _Stored | None
) -> Sequence[Entry] | None:
    """List what the writer has and the store's file lacks; None where one does not follow."""
    if written is None or stored is None:
        return ()
    applied = stored.state.applied
    beyond = [entry for entry in written.batches if entry.slot > applied]
    if beyond and beyond[0].slot != applied + 1:
        files.damage.append(
            f"store.db ends with batch {applied}, and once had batch {beyond[0].slot - 1}: it is "
            "an older copy, or a new one"
        )
        return None
    return beyond


def _state(state: Replicated) -> dict[str, Any]:
    names = ("applied", "revision", "keys", "digest")
    return {name: getattr(state, name) for name in names}


def _entry(entry: Entry, of: Vocabulary) -> dict[str, Any]:
    commands = unpack_batch(entry.value)
    return {"slot": entry.slot, "commands": len(commands), "summary": commands_in(commands, of)}


def _rows(parts: Mapping[str, Any]) -> Iterator[Row]:
    if parts["writer"] is not None:
        kept = parts["writer"]["batches"]
        yield "writer", f"{kept} batch{'es' * (kept != 1)} kept, {closed(parts['writer'])}"
    if parts["store"] is not None:
        yield "store", f"batch {parts['store']['applied']} applied, {closed(parts['store'])}"
        yield from state_rows(parts["store"])
    for entry in parts["beyond"]:
        yield "beyond", f"batch {entry['slot']}, which export includes: {entry['summary']}"
    if parts["beyond"]:
        yield "with these", f"batch {parts['recovered']['applied']} applied"
        yield from state_rows(parts["recovered"])
