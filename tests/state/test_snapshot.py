"""A snapshot arrives whole or not at all."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.operations.commands import Voter, encode_command, encode_question, encode_voter
from kvrmi.operations.interface import PAGE_BYTES
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.log import Entry, pack_batch, stored_end
from kvrmi.state.replicated import Replicated
from kvrmi.state.snapshot import SnapshotSink, SnapshotSource
from kvrmi.state.stored import learner_tables
from kvrmi.storage.interface import Corrupt, Put
from kvrmi.storage.memory import MemoryStorage
from kvrmi.storage.sqlite import SqliteStorage

TABLES = learner_tables(KeyValues.tables)
Page = tuple[bytes, bool]
MINE = Replicated(KeyValues)
"""What a snapshot shall replace."""


class Replica:
    """A learner's state and its storage, and nothing else of a learner."""

    def __init__(self) -> None:
        self.state = Replicated(KeyValues, keep=5)
        self.storage = MemoryStorage(TABLES)

    def commit(self, *commands: bytes) -> None:
        self.state.append(Entry(self.state.applied + 1, (1, 1), (1, 2, 3), pack_batch(commands)))

    def flush(self) -> None:
        self.storage.write(self.state.take_records())


def put(key: str, value: str | bytes, sequence: int = 1) -> bytes:
    return encode_command("put", (key, value), ("client " + key, sequence))


@pytest.fixture
def replica() -> Replica:
    """Hold rows of every size, sessions, voters and a truncated log."""
    replica = Replica()
    replica.commit(encode_voter(Voter(2, 1, "disk"), (1, b"12345678", 1)))
    for number in range(300):
        replica.commit(put(f"k{number:03d}", "é" * number), put(f"b{number}", bytes(9000)))
    replica.commit(put("huge", bytes(PAGE_BYTES)), put("empty", ""))
    replica.flush()
    return replica


def pages_of(replica: Replica) -> list[Page]:
    source = SnapshotSource(replica.storage.snapshot(), KeyValues)
    pages = [source.page(0)]
    while not pages[-1][1]:
        pages.append(source.page(len(pages)))
        assert source.page(len(pages) - 1) == pages[-1]
    source.close()
    return pages


def received(pages: list[Page]) -> SnapshotSink:
    sink = SnapshotSink()
    for number, (data, last) in enumerate(pages):
        assert (sink.wanted, sink.complete) == (number, False)
        sink.add(data, last, MINE)
    assert sink.complete
    return sink


def check_equal(replica: Replica, state: Replicated) -> None:
    for question in (encode_question("scan", ("", None, 1000)), encode_question("size", ())):
        assert state.read(question) == replica.state.read(question)
    assert (state.digest, state.voters) == (replica.state.digest, replica.state.voters)
    log = state.log
    assert (log.applied, log.hash) == (replica.state.applied, replica.state.log.hash)
    assert (log.first, log.page(log.applied)) == (log.applied + 1, ())
    # Sessions came along: a repetition is recognised.
    repeated = put("k007", "é" * 7)
    assert state.apply(repeated) == replica.state.apply(repeated)


def test_snapshot_restores_everything(replica: Replica) -> None:
    sink = received(pages_of(replica))
    assert (sink.slot, sink.revision) == (302, 602)
    assert (sink.keys, sink.digest) == (replica.state.keys, replica.state.digest)
    check_equal(replica, sink.load())


def test_records_replace_whatever_a_learner_had(replica: Replica) -> None:
    other = Replica()
    for number in range(9):
        other.commit(put(f"old{number}", "x"))
    other.flush()
    state = received(pages_of(replica)).load()
    other.storage.write(state.take_records())
    assert state.take_records() == ()
    state = Replicated.load(other.storage, KeyValues)
    check_equal(replica, state)
    assert stored_end(other.storage) == (replica.state.applied, replica.state.log.hash)
    replica.commit(put("next", "1"))
    state.append(replica.state.log.page(state.applied + 1)[0])
    assert state.log.hash == replica.state.log.hash


def test_records_of_a_state_are_of_one_moment_whatever_is_applied_before_they_are_written(
    replica: Replica,
) -> None:
    other = Replica()
    other.commit(put("old", "x"))
    other.flush()
    state = received(pages_of(replica)).load()

    def change(sequence: int) -> None:
        for command in (
            put("k001", f"changed {sequence}", sequence),
            put(f"new {sequence}", "added", sequence),
            encode_command("delete", (f"b{sequence}",), ("d", sequence)),
        ):
            assert state.apply(command) == replica.state.apply(command)

    change(2)
    first = state.take_records()
    moment = (state.revision, state.digest, state.keys)
    change(3)
    other.storage.write(first)
    again = Replicated.load(other.storage, KeyValues)
    assert (again.revision, again.digest, again.keys) == moment
    other.storage.write(state.take_records())
    again = Replicated.load(other.storage, KeyValues)
    assert (again.digest, again.keys) == (replica.state.digest, replica.state.keys)


def test_a_state_is_written_without_a_second_one_in_memory(
    replica: Replica, tmp_path: Path
) -> None:
    state = received(pages_of(replica)).load()
    storage = SqliteStorage(tmp_path / "learner.db", TABLES)
    storage.write([Put("rows", "old", b"")])
    tracemalloc.start()
    storage.write(state.take_records())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2 * PAGE_BYTES, "rows of four times as much"
    check_equal(replica, Replicated.load(storage, KeyValues))
    storage.close()


def test_records_that_wait_for_the_disk_are_not_in_memory_beside_the_state() -> None:
    """A disk that is slower than the cluster has many of them waiting."""
    replica = Replica()
    replica.commit(*[put(f"k{number}", "x" * 200_000) for number in range(20)])
    tracemalloc.start()
    records = replica.state.take_records()
    waiting, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert waiting < 200_000
    replica.storage.write(records)
    state = Replicated.load(replica.storage, KeyValues)
    assert (state.digest, state.log.hash) == (replica.state.digest, replica.state.log.hash)


def test_values_that_were_there_before_are_in_memory_once(replica: Replica) -> None:
    mine = Replicated.load(replica.storage, KeyValues)
    mine.apply(put("empty", "not empty", 2))
    sink = SnapshotSink()
    for data, last in pages_of(replica):
        sink.add(data, last, mine)
    state = sink.load()
    for key, shared in (("huge", True), ("k299", True), ("empty", False)):
        value, other = (one.read(encode_question("get", (key,))).value for one in (state, mine))
        assert (value is other) == shared
    check_equal(replica, state)


def test_pages_are_of_bounded_size(replica: Replica) -> None:
    pages = pages_of(replica)
    assert len(pages) > 3
    assert max(len(data) for data, _ in pages) < PAGE_BYTES * 1.2
    assert [last for _, last in pages] == [False] * (len(pages) - 1) + [True]


def test_source_is_one_moment(replica: Replica) -> None:
    source = SnapshotSource(replica.storage.snapshot(), KeyValues)
    digest = replica.state.digest
    pages = [source.page(0)]
    replica.commit(put("k001", "changed", 2), put("later", "1"))
    replica.flush()
    while not pages[-1][1]:
        pages.append(source.page(len(pages)))
    sink = received(pages)
    assert (source.slot, sink.slot, sink.load().digest) == (302, 302, digest)


def test_pages_are_asked_in_order(replica: Replica) -> None:
    source = SnapshotSource(replica.storage.snapshot(), KeyValues)
    for wrong in (1, -1, 5):
        with pytest.raises(ValueError, match="cannot follow"):
            source.page(wrong)
    first = source.page(0)
    assert source.page(0) == first
    source.page(1)
    for wrong in (0, 3):
        with pytest.raises(ValueError, match="cannot follow"):
            source.page(wrong)


def test_empty_state_is_one_page() -> None:
    (page,) = pages_of(Replica())
    state = received([page]).load()
    assert (state.keys, state.digest, state.applied, page[1]) == (0, "0" * 64, 0, True)


def test_no_page_beyond_the_last() -> None:
    replica = Replica()
    source = SnapshotSource(replica.storage.snapshot(), KeyValues)
    data, _ = source.page(0)
    with pytest.raises(ValueError, match="cannot follow"):
        source.page(1)
    sink = received([(data, True)])
    with pytest.raises(Corrupt):
        sink.add(data, True, MINE)


def test_incomplete_swapped_and_mixed_pages_are_refused(replica: Replica) -> None:
    pages = pages_of(replica)
    sink = SnapshotSink()
    sink.add(*pages[0], MINE)
    with pytest.raises(Corrupt):
        sink.load()
    for wrong in (pages[0], pages[2]):
        sink = SnapshotSink()
        sink.add(*pages[0], MINE)
        with pytest.raises(Corrupt):
            sink.add(*wrong, MINE)
    replica.commit(put("k001", "changed", 2))
    replica.flush()
    sink = SnapshotSink()
    sink.add(*pages[0], MINE)
    with pytest.raises(Corrupt):
        sink.add(*pages_of(replica)[1], MINE)


def test_missing_rows_are_found_by_the_digest(replica: Replica) -> None:
    sink = SnapshotSink()
    sink.add(pages_of(replica)[0][0], True, MINE)
    with pytest.raises(Corrupt):
        sink.load()


def test_damaged_source_is_not_sent(replica: Replica) -> None:
    replica.storage.write([Put("machine", "state", b"junk")])
    with pytest.raises(Corrupt):
        SnapshotSource(replica.storage.snapshot(), KeyValues)


@given(st.data())
def test_no_damaged_page_is_taken(data: st.DataObject) -> None:
    replica = Replica()
    replica.commit(put("a", "1"), put("b", b"2"))
    replica.flush()
    page = bytearray(pages_of(replica)[0][0])
    at = data.draw(st.integers(0, len(page) - 1))
    page[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Corrupt):
        SnapshotSink().add(bytes(page), True, MINE)
    with pytest.raises(Corrupt):
        SnapshotSink().add(bytes(page[:at]), True, MINE)


@given(st.binary(max_size=60))
def test_malformed_page_with_a_right_checksum_is_refused(body: bytes) -> None:
    with pytest.raises(Corrupt):
        SnapshotSink().add(b"\1" + crc32(body).to_bytes(4, "big") + body, True, MINE)
