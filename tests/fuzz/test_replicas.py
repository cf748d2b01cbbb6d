"""What comes from other replicas, from their snapshots, and from the disk."""

from __future__ import annotations

import contextlib
from typing import Any
from zlib import crc32

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.operations.commands import (
    command_id,
    decode_command,
    decode_question,
    encode_command,
    encode_question,
)
from kvrmi.operations.interface import Answer
from kvrmi.paxos.declaration import PAXOS
from kvrmi.paxos.stable import State
from kvrmi.roles.codec import Codec, Malformed
from kvrmi.roles.invariants import InvariantBroken
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.log import Entry, Log, pack_batch, unpack_batch
from kvrmi.state.replicated import Replicated
from kvrmi.state.rows import ROWS, unpack_row
from kvrmi.state.snapshot import SnapshotSink, SnapshotSource
from kvrmi.state.stored import learner_tables
from kvrmi.storage.interface import Corrupt
from kvrmi.storage.memory import MemoryStorage
from tests.roles.test_codec import senders, types_of, wire

from .strategies import FUZZ, bytes_like, mutated

CODEC = Codec(PAXOS)

TABLES = learner_tables(KeyValues.tables)

encoded = st.builds(CODEC.encode, senders, wire)
packed = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.binary(max_size=6),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.integers(0, 9) | st.binary(max_size=2), inner, max_size=2),
    max_leaves=8,
).map(lambda tree: bytes(msgpack.packb(tree)))  # fmt: skip
ids = st.tuples(st.text("ab", min_size=1, max_size=3), st.integers(1, 99)) | st.tuples(
    st.integers(1, 5), st.binary(min_size=8, max_size=8), st.integers(0, 99)
)


@st.composite
def bent(draw: st.DrawFn, valid: bytes) -> bytes:
    """Draw a message of msgpack in which one part is of another type, or missing."""
    tree: Any = msgpack.unpackb(valid)
    here = tree
    while isinstance(here, list) and here:
        at = draw(st.integers(0, len(here) - 1))
        if not isinstance(here[at], list) or not here[at] or draw(st.booleans()):
            here[at] = draw(_PARTS)
            break
        here = here[at]
    return bytes(msgpack.packb(tree))


_PARTS = st.sampled_from([None, True, -1, 1.5, "x", b"x", [], [1], {}, {"a": 1}, 1 << 63, 2, "OK"])
keys = st.text("ab", min_size=1, max_size=3)
values = st.text("xy", max_size=3) | st.binary(max_size=3)
commands = (
    st.builds(lambda key, value, id: encode_command("put", (key, value), id), keys, values, ids)
    | st.builds(lambda key, id: encode_command("delete", (key,), id), keys, ids)
    | st.builds(lambda key, v, id: encode_command("cas", (key, None, v), id), keys, values, ids)
    | st.builds(
        lambda pairs, id: encode_command("put_many", (pairs,), id),
        st.lists(st.tuples(keys, values), max_size=3),
        ids,
    )
    | st.builds(lambda n, id: encode_command("voter", (n, 2, "disk"), id), st.integers(1, 5), ids)
)
questions = st.sampled_from(
    [
        encode_question("get", ("a",)),
        encode_question("size", ()),
        encode_question("get_many", (("a", "b"),)),
        encode_question("scan", ("a", None, 3)),
        encode_question("contains", ("b",)),
    ]
)


@FUZZ
@given(bytes_like(encoded) | packed | encoded.flatmap(bent))
def test_messages_are_what_they_claim_or_malformed(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        sender, message = CODEC.decode(data)
        again = CODEC.decode(CODEC.encode(sender, message))
        assert types_of(again) == types_of((sender, message))
        assert repr(again) == repr((sender, message))


@pytest.mark.parametrize("unit", [b"\x80", b"\x90", b"\xd4\x05\x00", b"\xd6\xff\0\0\0\0", b"\xc0"])
def test_a_long_list_of_what_no_message_has_is_refused_early(unit: bytes) -> None:
    """Empty maps and foreign types would take fifty times the room that their bytes do."""
    count = 200_000
    data = b"\x95\x01\x05\x02\xa8proposer\xdd" + count.to_bytes(4, "big") + unit * count
    with pytest.raises(Malformed):
        CODEC.decode(data)


@FUZZ
@given(bytes_like(st.lists(commands, max_size=3).map(pack_batch)) | packed)
def test_batches_are_commands_or_refused(data: bytes) -> None:
    for each in (data, b"\x01" + data):
        with contextlib.suppress(ValueError):
            assert all(type(command) is bytes for command in unpack_batch(each))


@FUZZ
@given(bytes_like(commands) | bytes_like(questions))
def test_commands_and_questions_are_read_or_refused(data: bytes) -> None:
    for read in (command_id, decode_command, decode_question):
        with contextlib.suppress(ValueError):
            read(data)


@FUZZ
@given(st.lists(bytes_like(commands), max_size=6), bytes_like(questions))
def test_the_machine_answers_whatever_it_is_given(sent: list[bytes], question: bytes) -> None:
    machine, twin = Replicated(KeyValues), Replicated(KeyValues)
    for command in sent:
        answer = machine.apply(command)
        assert type(answer) is Answer
        assert answer == twin.apply(command)
        assert type(machine.read(question)) is Answer
    assert machine.digest == twin.digest
    storage = MemoryStorage(learner_tables(KeyValues.tables))
    storage.write(machine.take_records())
    assert Replicated.load(storage.snapshot(), KeyValues).digest == machine.digest


def stored(sent: list[bytes]) -> MemoryStorage:
    """Hold what a learner stores after a slot for each of these commands."""
    state, storage = Replicated(KeyValues, keep=3), MemoryStorage(TABLES)
    for slot, command in enumerate(sent, 1):
        state.append(Entry(slot, (1, 2), (1, 2), pack_batch([command])))
    storage.write(state.take_records())
    return storage


@FUZZ
@given(st.lists(commands, min_size=1, max_size=4), st.data())
def test_a_page_that_was_tampered_with_is_corrupt_or_harmless(
    sent: list[bytes], data: st.DataObject
) -> None:
    """With a checksum that fits, as a peer with a fault could make one."""
    page, last = SnapshotSource(stored(sent).snapshot(), KeyValues).page(0)
    body = data.draw(mutated(st.just(page[5:])) | packed | bent(page[5:]))
    sink, mine = SnapshotSink(), Replicated(KeyValues)
    with contextlib.suppress(Corrupt):
        sink.add(page[:1] + crc32(body).to_bytes(4, "big") + body, last, mine)
        state = sink.load()
        assert (state.digest, state.applied) == (sink.digest, sink.slot)
        state.take_records()


@FUZZ
@given(st.text(max_size=3), st.binary(max_size=20))
def test_rows_are_values_or_corrupt(key: str, data: bytes) -> None:
    for each in (data, b"\x01s" + data, b"\x01b" + data):
        with contextlib.suppress(Corrupt):
            assert type(unpack_row(key, each)) in (str, bytes)


@FUZZ
@given(st.lists(commands, min_size=1, max_size=4), st.data())
def test_a_changed_row_is_corrupt_or_harmless(sent: list[bytes], data: st.DataObject) -> None:
    storage = stored(sent)
    rows = [
        (table, key, value) for table in TABLES for key, value in storage.snapshot().scan(table)
    ]
    table, key, value = data.draw(st.sampled_from(rows))
    ways = mutated(st.just(value)) | packed
    changed = data.draw(ways if table == ROWS else ways | bent(value))
    disk: dict[str, dict[Any, bytes]] = {name: {} for name in TABLES}
    for name, at, kept in rows:
        disk[name][at] = kept
    disk[table][key] = changed
    snapshot = MemoryStorage(TABLES, disk).snapshot()
    with contextlib.suppress(Corrupt):
        Replicated.load(snapshot, KeyValues)
    with contextlib.suppress(Corrupt):
        Log.load(snapshot)


@FUZZ
@given(bytes_like(st.just(State().pack())))
def test_an_acceptors_state_is_read_or_corrupt(data: bytes) -> None:
    with contextlib.suppress(Corrupt, InvariantBroken):
        assert State.unpack(data).pack() == data
