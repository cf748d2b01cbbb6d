"""A snapshot arrives whole or not at all."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.operations.interface import PAGE_BYTES
from kvrmi.state.log import TABLES as LOG_TABLES
from kvrmi.state.log import Entry, Log, pack_batch, stored_end
from kvrmi.state.machine import TABLES as MACHINE_TABLES
from kvrmi.state.machine import Machine, Voter, encode_command, encode_question, encode_voter
from kvrmi.state.snapshot import SnapshotSink, SnapshotSource
from kvrmi.storage.interface import Corrupt, Put
from kvrmi.storage.memory import MemoryStorage
from kvrmi.storage.sqlite import SqliteStorage

TABLES = {**MACHINE_TABLES, **LOG_TABLES}
Page = tuple[bytes, bool]


class Replica:
    """A learner's state and its storage, and nothing else of a learner."""

    def __init__(self) -> None:
        self.machine, self.log = Machine(), Log(keep=5)
        self.storage = MemoryStorage(TABLES)

    def commit(self, *commands: bytes) -> None:
        for command in commands:
            self.machine.apply(command)
        entry = Entry(self.log.applied + 1, (1, 1), (1, 2, 3), pack_batch(commands))
        self.log.append(entry, self.machine.revision)

    def flush(self) -> None:
        self.storage.write((*self.machine.take_records(), *self.log.take_records()))


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
    source = SnapshotSource(replica.storage.snapshot())
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
        sink.add(data, last)
    assert sink.complete
    return sink


def check_equal(replica: Replica, machine: Machine, log: Log) -> None:
    for question in (encode_question("scan", ("", None, 1000)), encode_question("size", ())):
        assert machine.read(question) == replica.machine.read(question)
    assert (machine.digest, machine.voters) == (replica.machine.digest, replica.machine.voters)
    assert (log.applied, log.hash) == (replica.log.applied, replica.log.hash)
    assert (log.first, log.page(log.applied)) == (log.applied + 1, ())
    # Sessions came along: a repetition is recognised.
    repeated = put("k007", "é" * 7)
    assert machine.apply(repeated) == replica.machine.apply(repeated)


def test_snapshot_restores_everything(replica: Replica) -> None:
    sink = received(pages_of(replica))
    assert (sink.slot, sink.revision) == (302, 602)
    assert (sink.keys, sink.digest) == (replica.machine.keys, replica.machine.digest)
    machine, log = sink.load(keep=7)
    check_equal(replica, machine, log)


def test_records_replace_whatever_a_learner_had(replica: Replica) -> None:
    other = Replica()
    for number in range(9):
        other.commit(put(f"old{number}", "x"))
    other.flush()
    machine, log = received(pages_of(replica)).load()
    other.storage.write((*machine.take_records(), *log.take_records()))
    assert (machine.take_records(), log.take_records()) == ((), ())
    machine, log = Machine.load(other.storage), Log.load(other.storage)
    check_equal(replica, machine, log)
    assert stored_end(other.storage) == (replica.log.applied, replica.log.hash)
    replica.commit(put("next", "1"))
    log.append(replica.log.page(log.applied + 1)[0], replica.machine.revision)
    assert log.hash == replica.log.hash


def test_records_of_a_state_are_of_one_moment_whatever_is_applied_before_they_are_written(
    replica: Replica,
) -> None:
    other = Replica()
    other.commit(put("old", "x"))
    other.flush()
    machine, log = received(pages_of(replica)).load()

    def change(sequence: int) -> None:
        for command in (
            put("k001", f"changed {sequence}", sequence),
            put(f"new {sequence}", "added", sequence),
            encode_command("delete", (f"b{sequence}",), ("d", sequence)),
        ):
            assert machine.apply(command) == replica.machine.apply(command)

    change(2)
    first = (*machine.take_records(), *log.take_records())
    moment = (machine.revision, machine.digest, machine.keys)
    change(3)
    other.storage.write(first)
    again = Machine.load(other.storage)
    assert (again.revision, again.digest, again.keys) == moment
    other.storage.write(machine.take_records())
    again = Machine.load(other.storage)
    assert (again.digest, again.keys) == (replica.machine.digest, replica.machine.keys)


def test_a_state_is_written_without_a_second_one_in_memory(
    replica: Replica, tmp_path: Path
) -> None:
    machine, log = received(pages_of(replica)).load()
    storage = SqliteStorage(tmp_path / "learner.db", TABLES)
    storage.write([Put("rows", "old", b"")])
    tracemalloc.start()
    storage.write((*machine.take_records(), *log.take_records()))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2 * PAGE_BYTES, "rows of four times as much"
    check_equal(replica, Machine.load(storage), Log.load(storage))
    storage.close()


def test_records_that_wait_for_the_disk_are_not_in_memory_beside_the_state() -> None:
    """A disk that is slower than the cluster has many of them waiting."""
    replica = Replica()
    replica.commit(*[put(f"k{number}", "x" * 200_000) for number in range(20)])
    tracemalloc.start()
    records = (*replica.machine.take_records(), *replica.log.take_records())
    waiting, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert waiting < 200_000
    replica.storage.write(records)
    machine, log = Machine.load(replica.storage), Log.load(replica.storage)
    assert (machine.digest, log.hash) == (replica.machine.digest, replica.log.hash)


def test_values_that_were_there_before_are_in_memory_once(replica: Replica) -> None:
    mine = Machine.load(replica.storage)
    mine.apply(put("empty", "not empty", 2))
    sink = SnapshotSink()
    for data, last in pages_of(replica):
        sink.add(data, last, mine)
    machine, log = sink.load()
    for key, shared in (("huge", True), ("k299", True), ("empty", False)):
        value, other = (one.read(encode_question("get", (key,))).value for one in (machine, mine))
        assert (value is other) == shared
    check_equal(replica, machine, log)


def test_pages_are_of_bounded_size(replica: Replica) -> None:
    pages = pages_of(replica)
    assert len(pages) > 3
    assert max(len(data) for data, _ in pages) < PAGE_BYTES * 1.2
    assert [last for _, last in pages] == [False] * (len(pages) - 1) + [True]


def test_source_is_one_moment(replica: Replica) -> None:
    source = SnapshotSource(replica.storage.snapshot())
    digest = replica.machine.digest
    pages = [source.page(0)]
    replica.commit(put("k001", "changed", 2), put("later", "1"))
    replica.flush()
    while not pages[-1][1]:
        pages.append(source.page(len(pages)))
    sink = received(pages)
    assert (source.slot, sink.slot, sink.load()[0].digest) == (302, 302, digest)


def test_pages_are_asked_in_order(replica: Replica) -> None:
    source = SnapshotSource(replica.storage.snapshot())
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
    machine, log = received([page]).load()
    assert (machine.keys, machine.digest, log.applied, page[1]) == (0, "0" * 64, 0, True)


def test_no_page_beyond_the_last() -> None:
    replica = Replica()
    source = SnapshotSource(replica.storage.snapshot())
    data, _ = source.page(0)
    with pytest.raises(ValueError, match="cannot follow"):
        source.page(1)
    sink = received([(data, True)])
    with pytest.raises(Corrupt):
        sink.add(data, True)


def test_incomplete_swapped_and_mixed_pages_are_refused(replica: Replica) -> None:
    pages = pages_of(replica)
    sink = SnapshotSink()
    sink.add(*pages[0])
    with pytest.raises(Corrupt):
        sink.load()
    for wrong in (pages[0], pages[2]):
        sink = SnapshotSink()
        sink.add(*pages[0])
        with pytest.raises(Corrupt):
            sink.add(*wrong)
    replica.commit(put("k001", "changed", 2))
    replica.flush()
    sink = SnapshotSink()
    sink.add(*pages[0])
    with pytest.raises(Corrupt):
        sink.add(*pages_of(replica)[1])


def test_missing_rows_are_found_by_the_digest(replica: Replica) -> None:
    sink = SnapshotSink()
    sink.add(pages_of(replica)[0][0], True)
    with pytest.raises(Corrupt):
        sink.load()


def test_damaged_source_is_not_sent(replica: Replica) -> None:
    replica.storage.write([Put("machine", "state", b"junk")])
    with pytest.raises(Corrupt):
        SnapshotSource(replica.storage.snapshot())


@given(st.data())
def test_no_damaged_page_is_taken(data: st.DataObject) -> None:
    replica = Replica()
    replica.commit(put("a", "1"), put("b", b"2"))
    replica.flush()
    page = bytearray(pages_of(replica)[0][0])
    at = data.draw(st.integers(0, len(page) - 1))
    page[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Corrupt):
        SnapshotSink().add(bytes(page), True)
    with pytest.raises(Corrupt):
        SnapshotSink().add(bytes(page[:at]), True)


@given(st.binary(max_size=60))
def test_malformed_page_with_a_right_checksum_is_refused(body: bytes) -> None:
    with pytest.raises(Corrupt):
        SnapshotSink().add(b"\1" + crc32(body).to_bytes(4, "big") + body, True)
