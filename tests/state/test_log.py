"""The log: order, chain, truncation after storing, and the same after a reload."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.state.log import (
    CHAIN_START,
    TABLES,
    Entry,
    Kept,
    Log,
    chain,
    pack_batch,
    recomputed,
    stored_blocks,
    stored_end,
    stored_page,
    unpack_batch,
)
from kvrmi.storage.interface import Corrupt, Put, PutAll, Record, Remove
from kvrmi.storage.memory import MemoryStorage


def entry(slot: int, size: int = 10) -> Entry:
    return Entry(slot, (slot // 10 + 1, 2), (1, 2, 5), bytes([slot % 256]) * size)


def filled(log: Log, upto: int, size: int = 10) -> Log:
    for slot in range(log.applied + 1, upto + 1):
        log.append(entry(slot, size), slot * 2)
    return log


def same(one: Log, other: Log) -> bool:
    parts = [
        (log.applied, log.hash, log.first, log.anchor, log.page(log.first, 1 << 30))
        for log in (one, other)
    ]
    return parts[0] == parts[1]


@given(st.lists(st.binary()))
def test_batches_come_apart_as_they_were(commands: list[bytes]) -> None:
    assert unpack_batch(pack_batch(commands)) == tuple(commands)


@given(st.binary(max_size=20))
def test_anything_else_is_no_batch(data: bytes) -> None:
    try:
        commands = unpack_batch(data)
    except ValueError:
        return
    assert all(type(command) is bytes for command in commands)


def test_no_op_is_the_empty_batch_and_begins_with_the_format() -> None:
    assert unpack_batch(pack_batch([])) == ()
    assert pack_batch([])[0] == pack_batch([b"x"])[0] == 1
    for bad in (b"", b"\2\x90", b"\1", b"\1\x91\1", b"\1\xa0", b"\1\x90\0"):
        with pytest.raises(ValueError, match=r"."):
            unpack_batch(bad)


def test_chain_covers_previous_slot_and_batch() -> None:
    log = filled(Log(), 2)
    first = hashlib.sha256(CHAIN_START + (1).to_bytes(8, "big") + b"\1" * 10).digest()
    second = hashlib.sha256(first + (2).to_bytes(8, "big") + b"\2" * 10).digest()
    assert log.hash == second == chain(first, 2, b"\2" * 10)
    other = Log()
    other.append(entry(1)._replace(ballot=(9, 9), acceptors=(3,)), 1)
    assert other.hash == first


def test_only_the_next_slot_can_be_appended() -> None:
    log = filled(Log(), 3)
    for slot in (0, 1, 3, 5):
        with pytest.raises(ValueError, match="cannot follow"):
            log.append(entry(slot), 1)
    assert log.applied == 3


def test_find_and_page() -> None:
    log = filled(Log(), 9)
    assert log.find(4) == (entry(4), 8)
    assert (log.find(0), log.find(10)) == (None, None)
    assert log.page(8) == (entry(8), entry(9))
    assert log.page(3, limit_bytes=25) == (entry(3), entry(4))
    assert log.page(3, limit_bytes=1) == (entry(3),)
    assert (log.page(10), log.page(0)) == ((), ())


def test_what_was_not_handed_out_stays() -> None:
    log = filled(Log(keep=3), 10)
    assert (log.first, len(log.page(1))) == (1, 10)
    log.take_records()
    filled(log, 11)
    assert (log.first, log.anchor[0]) == (9, 8)
    assert log.page(8) == ()
    assert log.page(9) == (entry(9), entry(10), entry(11))


def test_bytes_bound_the_log_too_but_one_entry_stays() -> None:
    log = Log(keep=100, keep_bytes=100)
    for slot in range(1, 8):
        filled(log, slot, 40)
        log.take_records()
    assert (log.first, log.applied) == (6, 7)
    filled(log, 8, 500)
    log.take_records()
    assert (log.first, log.applied) == (8, 8)


@given(st.lists(st.sampled_from(["append", "store", "reload", "restart", "rest"]), max_size=40))
def test_reloaded_log_is_the_same(steps: list[str]) -> None:
    log, storage = Log(keep=3), MemoryStorage(TABLES)
    for step in steps:
        match step:
            case "append":
                filled(log, log.applied + 1)
            case "restart":
                log.restart(log.applied + 5, bytes([log.applied % 256]) * 32)
            case _:
                storage.write(log.take_records())
                assert log.take_records() == ()
                assert stored_end(storage) == (log.applied, log.hash)
                loaded = Log.load(storage, keep=3)
                assert same(loaded, log) or log.first > loaded.first
                assert log.anchor == loaded.anchor
                assert listed(log, storage) == loaded.blocks(1, 99).kept
                if step == "rest":
                    log.rest(0)
                    assert log.first == max(log.applied, log.anchor[0] + 1)
                    assert listed(log, storage) == loaded.blocks(1, 99).kept
                assert len(list(storage.scan("log"))) == log.applied - log.anchor[0]
                log = loaded if step == "reload" else log


def listed(log: Log, storage: MemoryStorage) -> list[Kept]:
    _, older, kept = log.blocks(1, 99)
    return [*stored_blocks(storage, older), *kept]


def stored(log: Log, storage: MemoryStorage, upto: int) -> None:
    """Append and store, one by one, as a learner does."""
    for slot in range(log.applied + 1, upto + 1):
        storage.write(filled(log, slot).take_records())


def test_at_rest_older_values_are_on_the_disk_alone_and_as_many_as_ever() -> None:
    log, storage = Log(keep=100, keep_bytes=1000), MemoryStorage(TABLES)
    write(filled(log, 20, 100), storage)
    filled(log, 22, 100)
    before = log.anchor
    assert (log.oldest, log.first, log.anchor[0]) == (11, 13, 12)
    log.rest(0)
    assert log.first == 21, "what was not handed out stays"
    write(log, storage)
    log.rest(250)
    assert (log.anchor[0], log.oldest, log.first) == (12, 13, 21)
    assert log.anchor == before
    assert log.page(20) == ()
    assert stored_page(storage, 20, 200) == (entry(20, 100), entry(21, 100))
    assert log.hash_at(15) == chain(log.hash_at(14) or b"", 15, entry(15, 100).value)
    assert (log.hash_at(12), log.hash_at(23)) == (None, None)
    write(filled(log, 23, 100), storage)
    assert (log.oldest, log.first) == (14, 21), "the bound counts both"
    assert [kept.entry.slot for kept in listed(log, storage)] == [*range(14, 24)]


def test_a_block_that_the_disk_should_have_and_lacks_is_damage() -> None:
    log, storage = filled(Log(), 5), MemoryStorage(TABLES)
    write(log, storage)
    log.rest(0)
    storage.write((Remove("log", 3),))
    with pytest.raises(Corrupt, match="lacks slot 3"):
        listed(log, storage)


def test_a_held_log_stays_on_the_disk_and_not_in_memory() -> None:
    log, storage = Log(keep=3), MemoryStorage(TABLES)
    stored(log, storage, 5)
    assert (log.oldest, log.first) == (3, 3)
    log.held = True
    stored(log, storage, 20)
    assert (log.oldest, log.first) == (3, 18)
    assert stored_page(storage, 3, 30) == (entry(3), entry(4), entry(5))
    assert stored_page(storage, 19) == (entry(19), entry(20))
    assert stored_page(storage, 2) == stored_page(storage, 21) == ()
    log.held = False
    stored(log, storage, 21)
    assert (log.oldest, log.first) == (19, 19)
    assert stored_page(storage, 18) == ()


def test_a_held_log_loads_into_bounded_memory() -> None:
    log, storage = Log(keep=3), MemoryStorage(TABLES)
    log.held = True
    stored(log, storage, 20)
    loaded = Log.load(storage, keep=3)
    assert (loaded.oldest, loaded.first, loaded.hash) == (1, 18, log.hash)
    stored(loaded, storage, 21)
    assert (loaded.oldest, len(list(storage.scan("log")))) == (19, 3)


def test_what_is_held_is_bounded() -> None:
    log, storage = Log(keep=3, held_bytes=100), MemoryStorage(TABLES)
    log.held = True
    oldest = []
    for slot in range(1, 25):
        stored(log, storage, slot)
        oldest.append(log.oldest)
        assert len(list(storage.scan("log"))) <= 10
    assert oldest[9:11] == [1, 9]
    assert same(Log.load(storage, keep=3), log)


def test_records_are_of_new_entries_only() -> None:
    log = filled(Log(), 3)
    log.take_records()
    filled(log, 5)
    (many,) = [record for record in log.take_records() if isinstance(record, PutAll)]
    assert (many.table, [slot for slot, _ in many.pairs]) == ("log", [4, 5])


def test_smaller_limit_truncates_after_a_reload() -> None:
    storage = MemoryStorage(TABLES)
    storage.write(filled(Log(), 9).take_records())
    log = Log.load(storage, keep=2)
    filled(log, 10)
    storage.write(log.take_records())
    assert log.first == 9
    assert same(Log.load(storage, keep=2), log)


def test_unwritten_log_is_empty() -> None:
    log = Log.load(MemoryStorage(TABLES))
    assert (log.applied, log.first, log.anchor, log.hash) == (0, 1, (0, CHAIN_START), CHAIN_START)


@pytest.mark.parametrize(
    "damage",
    [
        Remove("log", 1),
        Remove("log", 3),
        Remove("log", 5),
        Remove("anchor", "last"),
        Put("anchor", "first", b"\x93\1\2"),
        Put("anchor", "last", b""),
        Put("log", 3, b"\x96\1\1\2\x90\6\xc4\0"),
        Put("log", 3, b"\x96\2\1\2\x90\6\xc4\0"),
        Put("log", 3, b"junk"),
        Put("log", 6, b"\x96\1\1\2\x90\6\xc4\0"),
    ],
)
def test_damaged_log_does_not_load(damage: Record) -> None:
    storage = MemoryStorage(TABLES)
    storage.write(filled(Log(), 5).take_records())
    storage.write([damage])
    with pytest.raises(Corrupt):
        Log.load(storage)


@pytest.mark.parametrize("resting", [False, True])
def test_blocks_follow_a_place_whose_hash_is_known(resting: bool) -> None:
    log = filled(Log(keep=4), 3)
    assert log.blocks(1, 9)[0] == (0, CHAIN_START)
    write(log, storage := MemoryStorage(TABLES))
    write(filled(log, 10), storage)
    assert log.anchor[0] == 6
    if resting:
        log.rest(0)
    for asked, first, count in [
        (1, 7, 2),
        (7, 7, 2),
        (9, 9, 2),
        (10, 10, 1),
        (11, 11, 0),
        (99, 11, 0),
    ]:
        (slot, hash), older, kept = log.blocks(asked, 2)
        found = [*stored_blocks(storage, older), *kept]
        assert slot == first - 1
        assert [one.entry.slot for one in found] == [*range(first, first + count)]
        for one in found:
            hash = chain(hash, one.entry.slot, one.entry.value)
            assert one.hash == hash
        assert found or hash == log.hash


def test_a_chain_is_computed_anew_from_the_disk() -> None:
    log = filled(Log(keep=4), 10)
    write(log, storage := MemoryStorage(TABLES))
    links = dict(recomputed(storage))
    assert min(links) == log.anchor[0]
    assert links[10] == log.hash
    assert links[log.anchor[0]] == log.anchor[1]


@pytest.mark.parametrize("lost", [8, 10])
def test_a_chain_that_does_not_end_as_stored_is_damage(lost: int) -> None:
    write(filled(Log(), 10), storage := MemoryStorage(TABLES))
    storage.write([Remove("log", lost)])
    with pytest.raises(Corrupt):
        list(recomputed(storage))
    write(filled(Log(), 10), storage := MemoryStorage(TABLES))
    packed = storage.read("log", 9)
    assert packed is not None
    storage.write([Put("log", 9, packed[:-1] + b"!")])
    with pytest.raises(Corrupt):
        list(recomputed(storage))


def write(log: Log, storage: MemoryStorage) -> None:
    storage.write(log.take_records())
