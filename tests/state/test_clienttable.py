"""A request takes effect once: repetitions, windows, evictions, and all of it after a reload."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kvrmi.operations.commands import encode_command, encode_question
from kvrmi.operations.interface import WINDOW, Answer
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.replicated import Replicated
from kvrmi.state.stored import learner_tables
from kvrmi.storage.memory import MemoryStorage

TABLES = learner_tables(KeyValues.tables)


def put(machine: Replicated, client: str, sequence: int, value: str = "v") -> Answer:
    return machine.apply(encode_command("put", (client, value), (client, sequence)))


def expired(revision: int) -> Answer:
    return Answer("UNKNOWN_OUTCOME", "session expired", revision)


def test_repetition_gets_the_first_answer_and_changes_nothing() -> None:
    machine = Replicated(KeyValues)
    cas = encode_command("cas", ("k", None, "mine"), ("c", 1))
    delete = encode_command("delete", ("k",), ("c", 2))
    assert machine.apply(cas) == Answer("OK", True, 1)
    assert machine.apply(delete) == Answer("OK", True, 2)
    put(machine, "other", 1)
    machine.take_records()
    assert machine.apply(cas) == Answer("OK", True, 1)
    assert machine.apply(delete) == Answer("OK", True, 2)
    assert (machine.revision, machine.keys, machine.take_records()) == (3, 1, ())


def test_same_id_with_another_command_is_invalid() -> None:
    machine = Replicated(KeyValues)
    put(machine, "c", 1, "first")
    assert put(machine, "c", 1, "second").code == "INVALID"
    assert machine.apply(encode_command("delete", ("c",), ("c", 1))).code == "INVALID"
    assert machine.read(encode_question("get", ("c",))).value == "first"
    assert machine.revision == 1


def test_session_begins_with_one() -> None:
    machine = Replicated(KeyValues)
    assert put(machine, "c", 2) == expired(0)
    assert put(machine, "c", 1).code == "OK"
    assert put(machine, "c", 2).code == "OK"


def test_window_is_taken_in_any_order_and_no_lower() -> None:
    machine = Replicated(KeyValues)
    put(machine, "c", 1)
    top = 3 * WINDOW
    assert put(machine, "c", top).code == "OK"
    lowest = top - WINDOW
    assert put(machine, "c", lowest - 1) == expired(2)
    for sequence in range(lowest, top):
        assert put(machine, "c", sequence).code == "OK"
    revision = machine.revision
    assert put(machine, "c", lowest) == Answer("OK", 3, 3)
    assert put(machine, "c", 1) == expired(revision)
    assert put(machine, "c", top + 1).code == "OK"
    assert put(machine, "c", lowest) == expired(revision + 1)
    assert put(machine, "c", lowest + 1) == Answer("OK", 4, 4)


def test_commands_without_a_request_are_not_remembered() -> None:
    machine = Replicated(KeyValues)
    command = encode_command("put", ("k", "v"), (1, b"12345678", 1))
    assert machine.apply(command) == Answer("OK", 1, 1)
    assert machine.apply(command) == Answer("OK", 2, 2)


def test_longest_idle_session_leaves_in_log_order() -> None:
    machine = Replicated(KeyValues, session_limit=3)
    for client in "abc":
        put(machine, client, 1)
    put(machine, "a", 2)
    put(machine, "b", 1)  # a repetition is no sign of life
    put(machine, "d", 1)
    revision = machine.revision
    assert put(machine, "b", 2) == expired(revision)
    for client, sequence in (("a", 3), ("c", 2), ("d", 2)):
        assert put(machine, client, sequence).code == "OK"


def test_order_of_leaving_survives_a_reload() -> None:
    machine, storage = Replicated(KeyValues, session_limit=3), MemoryStorage(TABLES)
    for client, sequence in (("z", 1), ("m", 1), ("a", 1), ("z", 2)):
        put(machine, client, sequence)
    storage.write(machine.take_records())
    machine = Replicated.load(storage, KeyValues, session_limit=3)
    put(machine, "new", 1)
    storage.write(machine.take_records())
    assert [key for key, _ in storage.scan("sessions")] == ["a", "new", "z"]


requests = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.sampled_from([1, 1, 2, 3, 4, WINDOW, WINDOW + 1, WINDOW + 2, 2 * WINDOW, 5 * WINDOW]),
        st.sampled_from("xxy"),
        st.booleans(),
    ),
    max_size=60,
)


@given(requests)
def test_reloading_at_any_point_changes_no_answer(history: list[Any]) -> None:
    stays, moves = Replicated(KeyValues, session_limit=3), Replicated(KeyValues, session_limit=3)
    kept, storage = MemoryStorage(TABLES), MemoryStorage(TABLES)
    for client, sequence, value, reload in history:
        assert put(stays, client, sequence, value) == put(moves, client, sequence, value)
        if reload:
            storage.write(moves.take_records())
            moves = Replicated.load(storage, KeyValues, session_limit=3)
    storage.write(moves.take_records())
    kept.write(stays.take_records())
    assert (stays.digest, stays.revision) == (moves.digest, moves.revision)
    for table in TABLES:
        assert list(kept.scan(table)) == list(storage.scan(table))


@given(requests)
def test_every_request_takes_effect_at_most_once(history: list[Any]) -> None:
    """Against the rule itself: within the window the first answer stands for good."""
    machine = Replicated(KeyValues, session_limit=100)
    first: dict[tuple[str, int], tuple[str, Answer]] = {}
    highest: dict[str, int] = {}
    for client, sequence, value, _ in history:
        before = machine.revision
        answer = put(machine, client, sequence, value)
        if sequence < highest.get(client, 1) - WINDOW or (client not in highest and sequence > 1):
            assert answer == expired(before)
        elif (client, sequence) not in first:
            assert answer == Answer("OK", before + 1, before + 1)
            first[client, sequence] = (value, answer)
            highest[client] = max(sequence, highest.get(client, 0))
        elif first[client, sequence][0] == value:
            assert answer == first[client, sequence][1]
        else:
            assert answer.code == "INVALID"
        assert machine.revision == len(first)
