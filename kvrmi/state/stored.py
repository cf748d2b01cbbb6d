"""What a learner stores beside the machine's own rows: the totals they must agree with, and voters.

Rules: every record begins with a format version; a record that cannot be read is Corrupt, never
guessed at. It converts and does not decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgpack
from msgspec.msgpack import encode

from ..operations.commands import Voter
from ..operations.vocabulary import Vocabulary
from ..storage.interface import Corrupt, Key, Packed, Put, PutAll, Readable, Tables
from .clienttable import TABLE as SESSIONS
from .history import TABLES as HISTORY_TABLES
from .log import TABLES as LOG_TABLES
from .machine import StateMachine

__all__ = [
    "MACHINE_TABLE",
    "Totals",
    "learner_tables",
    "pack_totals",
    "pack_vocabulary",
    "pack_voters",
    "snapshot_tables",
    "stored_totals",
    "stored_vocabulary",
    "stored_voters",
]

MACHINE_TABLE = "machine"
"""What is stored once for the whole state."""
_TOTALS, _VOTERS, _MADE = "state", "voters", "vocabulary"
_FORMAT = 1


class Totals(NamedTuple):
    """What the stored state must add up to."""

    revision: int
    digest: str
    keys: int


def snapshot_tables(machine: Tables) -> Tables:
    """Name the tables of a snapshot; a row's table is sent as its place in them."""
    return {**machine, SESSIONS: str, MACHINE_TABLE: str}


def learner_tables(machine: Tables) -> Tables:
    """Name all tables of a learner with such a machine."""
    return {**snapshot_tables(machine), **LOG_TABLES, **HISTORY_TABLES}


def pack_vocabulary(vocabulary: Vocabulary) -> Put:
    """Make the record that says in which version of which vocabulary the state was made."""
    return Put(MACHINE_TABLE, _MADE, encode((_FORMAT, vocabulary.name, vocabulary.version)))


def stored_vocabulary(disk: Readable) -> tuple[str, int] | None:
    """Read name and version; None where no command was applied, or by an older program.

    Raises Corrupt.
    """
    data = disk.read(MACHINE_TABLE, _MADE)
    if data is None:
        return None
    try:
        form, name, version = msgpack.unpackb(data)
        if (form, type(name), type(version)) != (_FORMAT, str, int):
            raise ValueError(f"format {form}")
    except (ValueError, TypeError) as error:
        raise Corrupt("the stored vocabulary is malformed") from error
    return name, version


def pack_totals(revision: int, digest: Callable[[], str], keys: int) -> PutAll:
    """Make the record that says what the rows must add up to; who writes it computes the digest."""

    def pack(_: object) -> tuple[Key, bytes]:
        return _TOTALS, encode((_FORMAT, revision, bytes.fromhex(digest()), keys))

    return PutAll(MACHINE_TABLE, Packed((_TOTALS,), pack))


def pack_voters(voters: Sequence[Voter]) -> Put:
    """Make the record of all voters."""
    return Put(MACHINE_TABLE, _VOTERS, encode((_FORMAT, tuple(voters))))


def stored_totals(disk: Readable, kind: type[StateMachine]) -> Totals:
    """Read the totals; unwritten ones are those of an empty machine. Raises Corrupt."""
    data = disk.read(MACHINE_TABLE, _TOTALS)
    if data is None:
        empty = kind()
        return Totals(0, empty.digest, empty.keys)
    try:
        form, revision, digest, keys = msgpack.unpackb(data)
        if form != _FORMAT:
            raise ValueError(f"format {form}")
        return Totals(revision, digest.hex(), keys)
    except (ValueError, TypeError, AttributeError) as error:
        raise Corrupt("the stored state is malformed") from error


def stored_voters(disk: Readable) -> tuple[Voter, ...]:
    """Read the voters' record; an unwritten one is empty. Raises Corrupt."""
    data = disk.read(MACHINE_TABLE, _VOTERS)
    if data is None:
        return ()
    try:
        form, voters = msgpack.unpackb(data)
        if form != _FORMAT:
            raise ValueError(f"format {form}")
        return tuple(Voter(*voter) for voter in voters)
    except (ValueError, TypeError) as error:
        raise Corrupt("the stored voters are malformed") from error
