"""What commands do to the state, against a plain dictionary and against the same state reloaded."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.operations.commands import (
    CommandId,
    Voter,
    command_id,
    decode_command,
    decode_question,
    encode_command,
    encode_question,
    encode_voter,
)
from kvrmi.operations.interface import PAGE_BYTES, Answer
from kvrmi.state import rowsum
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.log import Entry, pack_batch
from kvrmi.state.machine import Change
from kvrmi.state.replicated import Replicated
from kvrmi.state.rows import row_hash
from kvrmi.state.stored import learner_tables
from kvrmi.storage.interface import Corrupt, Put, PutAll, Record, Remove
from kvrmi.storage.memory import MemoryStorage

TABLES = learner_tables(KeyValues.tables)
START = b"12345678"
keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=2) | st.sampled_from(
    ["a", "b", "ab", "a\0"]
)
values = st.binary(max_size=4) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=4
)  # equal bytes and text meet often
commands = st.one_of(
    st.tuples(st.just("put"), st.tuples(keys, values)),
    st.tuples(st.just("delete"), st.tuples(keys)),
    st.tuples(st.just("put_many"), st.tuples(st.lists(st.tuples(keys, values), max_size=4))),
    st.tuples(st.just("cas"), st.tuples(keys, st.none() | values, values)),
)
Command = tuple[str, tuple[Any, ...]]


def run(machine: Replicated, name: str, *args: object, id: CommandId = (1, START, 1)) -> Answer:
    return machine.apply(encode_command(name, args, id))


def append(machine: Replicated, name: str, *args: object) -> None:
    slot = machine.applied + 1
    batch = pack_batch([encode_command(name, args, (1, START, slot))])
    machine.append(Entry(slot, (1, 1), (1, 2), batch))


def ask(machine: Replicated, name: str, *args: object) -> object:
    answer = machine.read(encode_question(name, args))
    assert answer.code == "OK"
    return answer.value


def contents(machine: Replicated) -> dict[Any, Any]:
    pairs: Any = ask(machine, "scan", "", None, 1000)
    return dict(pairs)


def stored(*machines: Replicated) -> MemoryStorage:
    storage = MemoryStorage(TABLES)
    for machine in machines:
        storage.write(machine.take_records())
    return storage


def model_apply(model: dict[str, Any], name: str, args: tuple[Any, ...], revision: int) -> object:
    """Do to a dictionary what a machine should do."""
    match name, args:
        case "put", (key, value):
            model[key] = value
            return revision
        case "delete", (key,):
            return model.pop(key, None) is not None
        case "cas", (key, expected, value):
            if model.get(key) != expected:
                return False
            model[key] = value
            return True
    model.update(args[0])
    return revision


def digest_of(model: dict[str, Any]) -> str:
    """Compute the digest as its definition has it."""
    total = 0
    for key, value in model.items():
        kind = b"s" if isinstance(value, str) else b"b"
        name, data = key.encode(), value.encode() if isinstance(value, str) else value
        row = kind + len(name).to_bytes(4, "big") + name + data
        total += int.from_bytes(hashlib.sha256(row).digest(), "big")
    return f"{total % (1 << 256):064x}"


@given(st.lists(commands))
def test_agrees_with_a_dictionary(history: list[Command]) -> None:
    machine, model = Replicated(KeyValues), dict[str, Any]()
    for revision, (name, args) in enumerate(history, 1):
        expected = Answer("OK", model_apply(model, name, args, revision), revision)
        assert run(machine, name, *args) == expected
        assert machine.digest == digest_of(model)
        assert machine.keys == len(model) == ask(machine, "size")
    assert ask(machine, "scan", "", None, 1000) == [list(item) for item in sorted(model.items())]
    for key in ("a", *model):
        assert ask(machine, "get", key) == model.get(key)
        assert ask(machine, "contains", key) is (key in model)
    asked = [*model, "absent key"]
    assert ask(machine, "get_many", asked) == [model.get(key) for key in asked]


@given(st.lists(commands), st.lists(commands))
def test_the_changes_are_those_between_two_states(
    before: list[Command], after: list[Command]
) -> None:
    machine = Replicated(KeyValues)
    for name, args in before:
        run(machine, name, *args)
    rows = contents(machine)
    for name, args in after:
        machine.machine.changes = made = list[Change]()
        run(machine, name, *args)
        assert all(change == (machine.revision, change[1], rows.get(change[1])) for change in made)
        before_it, rows = rows, contents(machine)
        different = {key for key, _ in before_it.items() ^ rows.items()}
        assert different <= {key for _, key, _ in made}


@given(st.lists(commands), st.lists(st.booleans()))
def test_reloading_anywhere_changes_nothing(history: list[Command], reloads: list[bool]) -> None:
    stays, moves = Replicated(KeyValues), Replicated(KeyValues)
    disk, other = MemoryStorage(TABLES), MemoryStorage(TABLES)
    reloads += [False] * len(history)
    for (name, args), reload in zip(history, reloads, strict=False):
        assert run(stays, name, *args) == run(moves, name, *args)
        if reload:
            records = moves.take_records()
            disk.write(records)
            moves = Replicated.load(disk, KeyValues)
            assert moves.take_records() == ()
            assert moves.digest == stays.digest
    disk.write(moves.take_records())
    other.write(stays.take_records())
    for table in TABLES:
        assert list(disk.scan(table)) == list(other.scan(table))
    assert ask(stays, "scan", "", None, 1000) == ask(moves, "scan", "", None, 1000)


@given(st.dictionaries(keys, values), st.randoms(use_true_random=False))
def test_digest_is_of_contents_not_of_history(rows: dict[str, Any], rng: Any) -> None:
    straight, detour = Replicated(KeyValues), Replicated(KeyValues)
    for key, value in rows.items():
        run(straight, "put", key, value)
        run(detour, "put", key, b"other")
    run(detour, "put", "gone", "x")
    for key, value in rng.sample(sorted(rows.items()), len(rows)):
        run(detour, "put", key, value)
    assert (straight.digest == detour.digest) is ("gone" in rows and rows["gone"] == "x")
    if "gone" not in rows:
        run(detour, "delete", "gone")
        assert straight.digest == detour.digest


def test_a_row_is_hashed_when_the_digest_is_asked_for_or_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashed: list[str] = []

    def counted(key: str, value: str | bytes) -> int:
        hashed.append(key)
        return row_hash(key, value)

    monkeypatch.setattr(rowsum, "row_hash", counted)
    machine = Replicated(KeyValues)
    for number in range(100):
        run(machine, "put", "often", f"{number}")
        run(machine, "put", f"{number}", "once")
        run(machine, "delete", f"{number}")
    records = machine.take_records()
    assert hashed == [], "whoever handed out the records has others waiting"
    MemoryStorage(TABLES).write(records)
    assert hashed == ["often"], "the others came and went"
    run(machine, "put", "often", "last")
    assert machine.digest == machine.digest == digest_of({"often": "last"})
    assert hashed == ["often"] * 3, "once without the old value, once with the new one"


def test_empty_digest_and_type_in_it() -> None:
    machine, text, data = Replicated(KeyValues), Replicated(KeyValues), Replicated(KeyValues)
    run(text, "put", "k", "v")
    run(data, "put", "k", b"v")
    assert machine.digest == "0" * 64
    assert len({machine.digest, text.digest, data.digest}) == 3


def test_cas_tells_types_apart_and_failures_count_as_revisions() -> None:
    machine = Replicated(KeyValues)
    assert run(machine, "cas", "k", None, "v") == Answer("OK", True, 1)
    assert run(machine, "cas", "k", b"v", "w") == Answer("OK", False, 2)
    assert run(machine, "cas", "k", None, "w") == Answer("OK", False, 3)
    assert run(machine, "delete", "absent") == Answer("OK", False, 4)
    assert run(machine, "put_many", []) == Answer("OK", 5, 5)
    assert ask(machine, "get", "k") == "v"


def test_last_duplicate_of_put_many_wins() -> None:
    machine = Replicated(KeyValues)
    run(machine, "put_many", [["a", "1"], ["b", "2"], ["a", b"3"]])
    assert ask(machine, "get_many", ["a", "b", "c"]) == [b"3", "2", None]


def test_scan_is_by_code_point_after_start_and_within_prefix() -> None:
    machine = Replicated(KeyValues)
    names = ["a", "a\0", "aa", "ab", "b", "é", "\uffff", "\U0001f600"]
    run(machine, "put_many", [[name, ""] for name in reversed(names)])

    def scan(*args: object) -> list[str]:
        page = ask(machine, "scan", *args)
        assert isinstance(page, list)
        return [key for key, _ in page]

    assert scan("", None, 1000) == names
    assert scan("", "", 3) == names[:3]
    assert scan("", "aa", 1000) == names[3:]
    assert scan("", "aaa", 2) == ["ab", "b"]
    assert scan("a", None, 1000) == names[:4]
    assert scan("a", "a\0", 1) == ["aa"]
    assert scan("a", "\0", 1000) == names[:4]
    assert scan("a", "c", 1000) == []
    assert scan("aa", "a", 1000) == ["aa"]
    assert scan("c", None, 1000) == []


def test_pages_hold_a_mebibyte_or_one_item() -> None:
    machine = Replicated(KeyValues)
    big, half = "ü" * (PAGE_BYTES // 2), b"x" * (PAGE_BYTES // 2 - 1)
    run(machine, "put_many", [["a", half], ["b", half], ["c", "1"], ["d", big], ["e", "1"]])
    sizes, start = [], ""
    while page := ask(machine, "scan", "", start, 1000):
        assert isinstance(page, list)
        sizes.append([key for key, _ in page])
        start = page[-1][0]
    assert sizes == [["a", "b"], ["c"], ["d"], ["e"]]
    assert ask(machine, "get_many", ["d"]) == [big]
    assert ask(machine, "get_many", ["a", "b"]) == [half, half]
    for many in (["d", "e"], ["d", "d"], ["a", "b", "a"]):
        assert machine.read(encode_question("get_many", [many])).code == "INVALID"


def test_records_name_changed_rows_only() -> None:
    machine = Replicated(KeyValues)
    run(machine, "put_many", [["a", "1"], ["b", "2"]])
    storage = stored(machine)
    run(machine, "put", "b", "3")
    run(machine, "delete", "a")
    run(machine, "put", "new", "4")
    run(machine, "delete", "new")
    records = machine.take_records()
    rows = [one for one in records if isinstance(one, PutAll) and one.table == "rows"]
    put = [key for record in rows for key, _ in record.pairs]
    gone = [record.key for record in records if isinstance(record, Remove)]
    assert (put, gone) == (["b"], ["a", "new"])
    storage.write(records)
    assert machine.take_records() == ()


@pytest.mark.parametrize(
    "damage",
    [
        Put("rows", "a", b"\1sother"),
        Put("rows", "b", b"\1s"),
        Put("rows", "a", b"\2s1"),
        Put("rows", "a", b"\1s\xff"),
        Put("rows", "a", b""),
        Put("machine", "state", b""),
        Put("machine", "state", b"\x94\2\1\xa0\1"),
        Put("machine", "voters", b"\x92\1\1"),
        Put("sessions", "c", b"\x93\1\1\x90"),
        Put("sessions", "c", b"\xc1"),
    ],
)
def test_damaged_state_does_not_load(damage: Record) -> None:
    machine = Replicated(KeyValues)
    run(machine, "put", "a", "1", id=("c", 1))
    storage = stored(machine)
    assert Replicated.load(storage, KeyValues).keys == 1
    storage.write([damage])
    with pytest.raises(Corrupt):
        Replicated.load(storage, KeyValues)


def test_voters_follow_their_epochs() -> None:
    machine = Replicated(KeyValues)

    def admit(*voter: Any) -> str:
        return machine.apply(encode_voter(Voter(*voter), (1, START, 1))).code

    assert admit(2, 3, "late") == "INVALID"
    assert admit(2, 1, "the founders' epoch") == "INVALID"
    assert admit(2, 2, "first") == "OK"
    assert admit(2, 2, "again") == "INVALID"
    assert admit(1, 2, "one") == "OK"
    assert admit(2, 3, "second") == "OK"
    assert admit(2, 3, "second") == "INVALID"
    expected = (Voter(1, 2, "one"), Voter(2, 3, "second"))
    assert (machine.voters, machine.revision) == (expected, 0)
    assert Replicated.load(stored(machine), KeyValues).voters == expected


@given(st.binary(max_size=40))
def test_random_bytes_are_answered_invalid(data: bytes) -> None:
    machine = Replicated(KeyValues)
    assert machine.apply(data).code == "INVALID"
    assert machine.read(data).code == "INVALID"
    assert machine.revision == 0


@pytest.mark.parametrize(
    "body", [b"\x91" * 100_000, b"\x92\xa1k" + b"\x91" * 100_000, b"\xc1", b""]
)
def test_what_is_too_deep_or_of_another_form_is_answered_invalid(body: bytes) -> None:
    machine = Replicated(KeyValues)
    for head in (b"\x93\x01\xc4\x0812345678\x01", b"\x92\xa1c\x01"):
        assert machine.apply(b"\x01\x00" + bytes([len(head)]) + head + body).code == "INVALID"
    assert machine.read(b"\x01\x05" + body).code == "INVALID"
    assert (machine.revision, machine.clients.remembered()) == (0, {})


@given(commands, st.data())
def test_mutated_commands_never_raise_and_do_all_or_nothing(command: Command, data: Any) -> None:
    encoded = bytearray(encode_command(command[0], command[1], ("client", 1)))
    for _ in range(data.draw(st.integers(1, 3))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    encoded = encoded[: data.draw(st.integers(0, len(encoded)))]
    machine = Replicated(KeyValues)
    answer = machine.apply(bytes(encoded))
    assert answer.code in ("OK", "INVALID", "UNKNOWN_OUTCOME")
    if answer.code != "OK":
        assert (machine.revision, machine.keys, machine.take_records()) == (0, 0, ())
    machine.read(bytes(encoded))
    Replicated.load(stored(machine), KeyValues)


def test_ids_are_read_back() -> None:
    for id in (("client é", 1), ("c", 1 << 62), (3, START, 77)):
        command = encode_command("put", ("k", b"v" * 1000), id)
        assert command_id(command) == id
        assert decode_command(command) == ("put", id, ("k", b"v" * 1000))
    for bad in (b"", b"\1\0", b"\2" + command[1:], b"\1\0\0", b"\1\0\1\x90", b"\1\0\3\x92\1\1"):
        with pytest.raises(ValueError, match=r"."):
            command_id(bad)


def test_questions_and_commands_do_not_mix() -> None:
    with pytest.raises(ValueError, match="no such question"):
        decode_question(encode_command("put", ("k", "v"), (1, START, 1)))
    with pytest.raises(ValueError, match=r"."):
        decode_command(encode_question("scan", ("", None, 1)))


def test_a_digest_that_was_taken_is_that_of_its_moment() -> None:
    store = KeyValues()
    store.put(1, "a", "1")
    then = store.take_digest()
    store.put(2, "a", "2")
    store.delete(3, "a")
    assert store.digest == KeyValues().digest
    store.put(4, "a", "1")
    assert then() == store.digest
