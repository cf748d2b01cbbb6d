"""What replicas wrote before there was a table of operations, byte for byte: it is still read."""

from __future__ import annotations

from kvrmi.operations.commands import Voter, encode_command, encode_question
from kvrmi.operations.interface import Answer
from kvrmi.operations.table import KEY_VALUE
from kvrmi.state.history import TABLES as HISTORY_TABLES
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.replicated import Replicated
from kvrmi.state.snapshot import SnapshotSink, SnapshotSource
from kvrmi.state.stored import (
    MACHINE_TABLE,
    learner_tables,
    pack_vocabulary,
    stored_vocabulary,
)
from kvrmi.storage.memory import Disk, MemoryStorage

TABLES = learner_tables(KeyValues.tables)
DIGEST = "4b14ba7c1f1c4bcf0159506058ae8b6579d32b1db5f1e7b699e55d8a0d856405"
CHAIN = "f3a664fc5dab0521da489509a6a4be4d7d483ed5db5f3b708b6be131db6e3af0"
DISK: Disk = {
    "rows": {
        "k": b"\x01bw",
        "a": b"\x01s\xc3\xa9",
        "b": b"\x01b\x00",
    },
    "sessions": {
        "c": (
            b"\x93\x01\x02\x92\x95\x01\xc4\x10Q\xda\x9dgO\xb4\xa7\xe6\xfa8\x9f\xe7"
            b"\xab=\xc6\xfe\xa2OK\x01\x01\x95\x02\xc4\x10N\x9c\xd2ep\xe9,"
            b"HOc\x960\x96 \x0c\x81\xa2OK\x04\x04"
        ),
    },
    "machine": {
        "voters": b"\x92\x01\x91\x93\x02\x02\xa4disk",
        "state": (
            b"\x94\x01\x04\xc4 K\x14\xba|\x1f\x1cK\xcf\x01YP`X\xae\x8b"
            b"ey\xd3+\x1d\xb5\xf1\xe7\xb6\x99\xe5]\x8a\r\x85d\x05\x03"
        ),
    },
    "log": {
        1: (
            b"\x96\x01\x03\x01\x92\x01\x02\x02\xc4*\x01\x92\xc4\x0c\x01\x00\x04\x92\xa1c"
            b"\x01\x92\xa1k\xa1v\xc4\x18\x01\x03\r\x93\x01\xc4\x0812345"
            b"678\x01\x93\xa1k\xa1v\xc4\x01w"
        ),
        2: (
            b"\x96\x01\x03\x01\x92\x01\x02\x03\xc44\x01\x92\xc4\x18\x01\x04\r\x93\x01\xc4"
            b"\x0812345678\x02\x93\x02\x02\xa4disk\xc4\x16"
            b"\x01\x01\r\x93\x01\xc4\x0812345678\x03\x91\xa4go"
            b"ne"
        ),
        3: b"\x96\x01\x03\x01\x92\x01\x02\x03\xc4\x02\x01\x90",
        4: (
            b"\x96\x01\x03\x01\x92\x01\x02\x04\xc4\x19\x01\x91\xc4\x15\x01\x02\x04\x92\xa1c"
            b"\x02\x91\x92\x92\xa1a\xa2\xc3\xa9\x92\xa1b\xc4\x01\x00"
        ),
    },
    "anchor": {
        "first": (
            b"\x93\x01\x00\xc4 \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
            b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
        ),
        "last": (
            b"\x93\x01\x04\xc4 \xf3\xa6d\xfc]\xab\x05!\xdaH\x95\t\xa6\xa4\xbe"
            b"M}H>\xd5\xdb_;p\x8bk\xe11\xdbn:\xf0"
        ),
    },
}
"""A learner's storage: puts, a cas, a delete, a voter, a no-op; a session's two answers."""
PAGE = (
    b"\x01X\x1dZ\xa4\x93\x00\x95\x04\x04\xc4 \xf3\xa6d\xfc]\xab\x05!"
    b"\xdaH\x95\t\xa6\xa4\xbeM}H>\xd5\xdb_;p\x8bk\xe11"
    b"\xdbn:\xf0\xd9@4b14ba7c1f1c4b"
    b"cf0159506058ae8b6579"
    b"d32b1db5f1e7b699e55d"
    b"8a0d856405\x03\x96\x93\x00\xa1a\xc4\x04\x01s"
    b"\xc3\xa9\x93\x00\xa1b\xc4\x03\x01b\x00\x93\x00\xa1k\xc4\x03\x01bw"
    b"\x93\x01\xa1c\xc46\x93\x01\x02\x92\x95\x01\xc4\x10Q\xda\x9dgO\xb4"
    b"\xa7\xe6\xfa8\x9f\xe7\xab=\xc6\xfe\xa2OK\x01\x01\x95\x02\xc4\x10N"
    b"\x9c\xd2ep\xe9,HOc\x960\x96 \x0c\x81\xa2OK\x04\x04"
    b"\x93\x02\xa5state\xc4&\x94\x01\x04\xc4 K\x14\xba|\x1f"
    b"\x1cK\xcf\x01YP`X\xae\x8bey\xd3+\x1d\xb5\xf1\xe7\xb6\x99"
    b"\xe5]\x8a\r\x85d\x05\x03\x93\x02\xa6voters\xc4\x0b\x92"
    b"\x01\x91\x93\x02\x02\xa4disk"
)
"""The one page of its snapshot."""


def stored() -> MemoryStorage:
    return MemoryStorage(TABLES, {table: dict(rows) for table, rows in DISK.items()})


def check(state: Replicated) -> None:
    assert (state.applied, state.revision, state.keys) == (4, 4, 3)
    assert (state.digest, state.log.hash.hex()) == (DIGEST, CHAIN)
    assert state.voters == (Voter(2, 2, "disk"),)
    pairs = [["a", "é"], ["b", b"\0"], ["k", b"w"]]
    assert state.read(encode_question("scan", ("", None, 10))) == Answer("OK", pairs, 4)
    again = encode_command("put", ("k", "v"), ("c", 1))
    assert state.apply(again) == Answer("OK", 1, 1), "the session came along"


def test_a_learners_disk() -> None:
    check(Replicated.load(stored(), KeyValues))


def test_its_log_replayed_writes_the_same_disk() -> None:
    entries = Replicated.load(stored(), KeyValues).log.page(1)
    state, storage = Replicated(KeyValues), MemoryStorage(TABLES)
    for entry in entries:
        state.append(entry)
    storage.write(state.take_records())
    since = {MACHINE_TABLE: {"vocabulary": pack_vocabulary(KEY_VALUE).value}}
    for table in TABLES.keys() - HISTORY_TABLES.keys():  # which there were not
        assert dict(storage.scan(table)) == DISK[table] | since.get(table, {})
    check(state)


def test_it_says_not_yet_which_program_made_it() -> None:
    assert stored_vocabulary(stored()) is None


def test_a_page_of_a_snapshot() -> None:
    assert SnapshotSource(stored().snapshot(), KeyValues).page(0) == (PAGE, True)
    sink = SnapshotSink()
    sink.add(PAGE, True, Replicated(KeyValues))
    check(sink.load())
