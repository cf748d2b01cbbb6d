"""What became of a request: applied with its answer, never, still open, or forgotten."""

from __future__ import annotations

from kvrmi.operations.commands import encode_command, encode_question
from kvrmi.operations.interface import WINDOW, Answer
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.replicated import Replicated
from kvrmi.state.stored import learner_tables
from kvrmi.storage.memory import MemoryStorage

START = b"12345678"


def put(state: Replicated, client: str, sequence: int, value: str = "v") -> Answer:
    return state.apply(encode_command("put", ("k", value), (client, sequence)))


def outcome(state: Replicated, client: str, sequence: int) -> object:
    return state.read(encode_question("outcome", (client, sequence))).value


def settle(state: Replicated, client: str, sequence: int) -> object:
    return state.apply(encode_command("settle", (client, sequence), (2, START, 1))).value


def test_what_was_applied_is_said_with_its_answer() -> None:
    state = Replicated(KeyValues)
    put(state, "ana", 1)
    assert put(state, "ana", 2).revision == 2
    put(state, "eva", 1)
    state.apply(encode_command("cas", ("k", "w", "x"), ("ana", 3)))
    assert outcome(state, "ana", 2) == ["applied", 2, 2]
    assert outcome(state, "ana", 3) == ["applied", 4, False]
    assert settle(state, "ana", 2) == ["applied", 2, 2]
    assert state.revision == 4, "nothing was there to settle"


def test_what_is_open_may_still_be_applied() -> None:
    state = Replicated(KeyValues)
    assert outcome(state, "ana", 1) == ["open", None, None]
    put(state, "ana", 1)
    assert outcome(state, "ana", 2) == ["open", None, None]
    assert put(state, "ana", 2).code == "OK"


def test_what_is_settled_never_takes_effect() -> None:
    state = Replicated(KeyValues)
    put(state, "ana", 1)
    for client, sequence in (("ana", 2), ("eva", 1)):
        assert settle(state, client, sequence) == ["never", None, None]
        assert settle(state, client, sequence) == ["never", None, None], "a retry says the same"
        assert outcome(state, client, sequence) == ["never", None, None]
        late = put(state, client, sequence, "late")
        assert (late.code, "never takes effect" in str(late.value)) == ("INVALID", True)
    assert state.revision == 3
    assert state.read(encode_question("get", ("k",))).value == "v"
    assert put(state, "ana", 3).code == "OK", "the session goes on"


def test_what_lies_too_far_back_is_forgotten_and_never_will_be() -> None:
    state = Replicated(KeyValues)
    for sequence in range(1, WINDOW + 3):
        put(state, "ana", sequence)
    assert outcome(state, "ana", 1) == ["forgotten", None, None]
    assert settle(state, "ana", 1) == ["forgotten", None, None]
    assert put(state, "ana", 1, "late").code == "UNKNOWN_OUTCOME"
    assert outcome(state, "eva", 2) == ["forgotten", None, None]
    assert put(state, "eva", 2, "late").code == "UNKNOWN_OUTCOME"


def test_what_is_settled_is_so_after_a_reload_and_sessions_keep_their_order() -> None:
    storage = MemoryStorage(learner_tables(KeyValues.tables))
    state = Replicated(KeyValues, session_limit=2)
    put(state, "ana", 1)
    put(state, "eva", 1)
    settle(state, "ana", 2)
    storage.write(state.take_records())
    reloaded = Replicated.load(storage, KeyValues, session_limit=2)
    for one in (state, reloaded):
        assert outcome(one, "ana", 2) == ["never", None, None]
        put(one, "new", 1)  # eva's was idle longest
        assert outcome(one, "ana", 2) == ["never", None, None]
        assert outcome(one, "eva", 2) == ["forgotten", None, None]


def test_malformed_questions_change_nothing() -> None:
    state = Replicated(KeyValues)
    for name, args in (("outcome", (1, 1)), ("history", ("a", "b", 1)), ("get_at", ("a", None))):
        assert state.read(encode_question(name, args)).code == "INVALID"
    assert state.apply(encode_command("settle", ("ana", "1"), (1, START, 1))).code == "INVALID"
    assert state.revision == 0
