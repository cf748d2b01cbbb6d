"""One process: what is answered is durable, what is durable is found again, each write once."""

from __future__ import annotations

import pytest

from kvrmi.operations.interface import Answer, Request
from kvrmi.roles.invariants import DiskLost, InvariantBroken
from kvrmi.single import store as stores
from kvrmi.single.messages import Append, Appended, WriterUp
from kvrmi.single.submissions import QUEUE_MAX, Submission
from kvrmi.single.writer import TABLES, Writer
from kvrmi.storage.interface import Corrupt, Put
from kvrmi.storage.memory import MemoryStorage

from .pair import STORE_TABLES, Pair


@pytest.fixture
def pair() -> Pair:
    pair = Pair()
    pair.run()
    return pair


def codes(answers: list[Answer]) -> list[str]:
    return [answer.code for answer in answers]


def test_a_write_is_answered_when_its_batch_is_durable(pair: Pair) -> None:
    answers = pair.put("k", "v", ("c", 1))
    assert pair.step(), "the writer takes it"
    assert pair.events[0][0] == "write"
    assert answers == []
    assert pair.get("k").value is None, "not durable, so it cannot be read either"
    pair.run()
    assert answers == [Answer("OK", 1, 1)]
    assert pair.get("k") == Answer("OK", "v", 1)


def test_what_comes_while_a_batch_is_written_is_the_next_one(pair: Pair) -> None:
    answers: list[Answer] = []
    for number in range(1, 9):
        pair.put(f"k{number}", "v", ("c", number), answers)
    pair.run()
    assert codes(answers) == ["OK"] * 8
    assert pair.store.applied == 2, "one alone, and the seven that waited for it"
    assert [slot for slot, _ in pair.writers.scan("batches")] == [1, 2]


def test_a_repeated_request_is_answered_as_before_after_a_crash_too(pair: Pair) -> None:
    answers = pair.put("k", "v", ("c", 1))
    pair.run()
    pair.crash()
    pair.run()
    pair.put("k", "v", ("c", 1), answers)
    pair.run()
    assert answers == [Answer("OK", 1, 1)] * 2


def test_a_crash_between_any_two_steps_loses_nothing_that_was_answered() -> None:
    for flushes in (0, 1, 2):
        for steps in range(40):
            crashed_after(steps, flushes)


def crashed_after(steps: int, flushes: int) -> None:
    pair = Pair()
    pair.run()
    answers: dict[int, list[Answer]] = {}
    left = steps
    for number in range(1, 5):
        answers[number] = pair.put("k", str(number), ("c", number))
        while left and pair.step():
            left -= 1
        if number <= flushes:
            pair.wake(stores.FLUSH)
    answered = [number for number, one in answers.items() if one]
    pair.crash()
    assert pair.get("k").code == "UNAVAILABLE", "before it has asked the writer"
    pair.run()
    found = pair.get("k")
    assert int(str(found.value or 0)) >= max(answered, default=0)
    for number in answered:
        again = pair.put("k", str(number), ("c", number))
        pair.run()
        assert again == answers[number]
    assert pair.get("k") == found, "what took effect is not done again"


def test_what_the_stores_file_has_is_forgotten_by_the_writer_save_its_newest(pair: Pair) -> None:
    for number in range(1, 6):
        pair.put("k", str(number), ("c", number))
        pair.run()
        if number == 3:
            pair.wake(stores.FLUSH)
            pair.run()
    assert [slot for slot, _ in pair.writers.scan("batches")] == [4, 5]
    pair.wake(stores.FLUSH)
    pair.run()
    pair.put("k", "6", ("c", 6))
    pair.run()
    assert [slot for slot, _ in pair.writers.scan("batches")] == [6]
    pair.crash()
    pair.run()
    assert pair.get("k") == Answer("OK", "6", 6)


def test_an_older_copy_of_the_stores_file_or_a_new_one_is_not_begun_with(pair: Pair) -> None:
    pair.put("k", "1", ("c", 1))
    pair.run()
    pair.wake(stores.FLUSH)
    pair.run()
    pair.put("k", "2", ("c", 2))
    pair.run()
    pair.stores = MemoryStorage(STORE_TABLES)
    pair.crash()
    with pytest.raises(DiskLost, match="ends with batch 0, and once had batch 1: it is an older"):
        pair.run()


def test_a_gap_in_what_the_writer_keeps_is_damage() -> None:
    disk = MemoryStorage(TABLES)
    disk.write([Put("batches", 3, b"c"), Put("batches", 5, b"e")])
    with pytest.raises(Corrupt, match="a batch is missing"):
        Writer(disk)


def test_a_batch_that_does_not_follow_breaks_an_invariant(pair: Pair) -> None:
    pair.put("k", "1", ("c", 1))
    pair.run()
    with pytest.raises(InvariantBroken, match="batch 3 follows batch 1"):
        pair.writer.receive(0.0, pair.store._me, Append(3, b"", 0))
    with pytest.raises(InvariantBroken, match="durable, and none was under way"):
        pair.store.receive(0.0, pair.store._me, Appended(2))


def test_a_disk_that_hangs_leaves_nobody_without_an_answer(pair: Pair) -> None:
    """What was being written may have taken effect; what waited for it has not."""
    first = pair.put("a", "1", ("c", 1))
    second = pair.put("b", "2", ("d", 1))
    pair.step()
    pair.wake(2.0)
    assert first == second == []
    pair.wake(0.5)
    assert codes(first) == ["UNKNOWN_OUTCOME"]
    assert codes(second) == ["UNAVAILABLE"]
    pair.run()
    assert (codes(first), codes(second)) == (["UNKNOWN_OUTCOME"], ["UNAVAILABLE"]), "once each"
    assert pair.get("a").value == "1"
    assert pair.get("b").value is None


def test_the_store_asks_to_be_woken_for_whatever_comes_first(pair: Pair) -> None:
    assert pair.store.wake(pair.now).wake_at is None
    pair.put("a", "1", ("c", 1))
    assert pair.store.wake(pair.now).wake_at == pair.now + 2.5
    pair.run()
    assert pair.store.wake(pair.now).wake_at == pair.now + stores.FLUSH
    pair.wake(stores.FLUSH)
    assert pair.store.wake(pair.now).wake_at is None


def test_much_is_written_at_once(pair: Pair) -> None:
    for number in range(1, 7):
        pair.put(f"k{number}", "v" * 1_000_000, ("c", number))
        pair.run()
    assert pair.store.wake(pair.now).records, "although no half second has passed"


def test_more_than_can_wait_are_turned_away(pair: Pair) -> None:
    answers: list[Answer] = []
    pair.put("a", "1", ("c", 1))
    many = [Submission(Request(False, b""), 1e9, answers.append) for _ in range(QUEUE_MAX + 2)]
    pair.submit(*many)
    assert codes(answers) == ["UNAVAILABLE"] * 2
    assert "too many requests" in str(answers[0].value)


def test_a_batch_holds_at_most_a_mebibyte_or_one_command(pair: Pair) -> None:
    answers: list[Answer] = []
    for number in range(1, 6):
        pair.put(f"k{number}", "v" * 400_000, ("c", number), answers)
    pair.run()
    assert codes(answers) == ["OK"] * 5
    assert pair.store.applied == 3, "one, and two, and two"


def test_to_be_informed_twice_that_the_writer_is_up_is_harmless(pair: Pair) -> None:
    pair.put("k", "1", ("c", 1))
    pair.run()
    pair.crash()
    pair._post("store", WriterUp())
    pair.run()
    assert (pair.store.applied, pair.get("k").value) == (1, "1")
