"""The past of keys against a model: over flushes, restarts, crashes, snapshots, and trimming."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.cluster.retention import Retention
from kvrmi.operations.commands import encode_command, encode_question
from kvrmi.operations.interface import Answer, Value
from kvrmi.state import history as kept
from kvrmi.state.history import History
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.log import Entry, pack_batch
from kvrmi.state.replicated import Replicated
from kvrmi.state.stored import learner_tables
from kvrmi.storage.interface import Corrupt, Key, Remove
from kvrmi.storage.memory import MemorySnapshot, MemoryStorage

START = b"12345678"
KEYS = ("a", "b", "ab", "ø")
Command = tuple[str, tuple[Any, ...]]

keys = st.sampled_from(KEYS)
values = st.text("xyé", max_size=3) | st.binary(max_size=3)
commands = st.one_of(
    st.tuples(st.just("put"), st.tuples(keys, values)),
    st.tuples(st.just("delete"), st.tuples(keys)),
    st.tuples(st.just("put_many"), st.tuples(st.lists(st.tuples(keys, values), max_size=4))),
    st.tuples(st.just("cas"), st.tuples(keys, st.none() | values, values)),
)
STEPS = ("nothing", "write", "flush", "stop", "crash", "snapshot")


class Model:
    """What a dictionary held at each revision, and which keys each wrote."""

    def __init__(self) -> None:
        self.contents: list[dict[str, Value]] = [{}]
        self.written: list[set[str]] = [set()]

    def apply(self, name: str, args: tuple[Any, ...]) -> None:
        rows = dict(self.contents[-1])
        pairs: dict[str, Value | None] = {}
        match name, args:
            case "put", (key, value):
                pairs = {key: value}
            case "put_many", (many,):
                pairs = dict(many)
            case "delete", (key,) if key in rows:
                pairs = {key: None}
            case "cas", (key, expected, value):
                old = rows.get(key)
                pairs = {key: value} if (type(old), old) == (type(expected), expected) else {}
        rows |= {key: value for key, value in pairs.items() if value is not None}
        self.contents.append({k: v for k, v in rows.items() if pairs.get(k, v) is not None})
        self.written.append(set(pairs))

    def changes(self, key: str, since: int) -> list[list[object]]:
        revisions = [at for at in range(since + 1, len(self.written)) if key in self.written[at]]
        found: list[list[object]] = [[at, self.contents[at].get(key)] for at in revisions[::-1]]
        return [*found, [since, self.contents[since].get(key)]]


class Subject:
    """A learner's state, the disk below it, and all entries of the log."""

    def __init__(self, revisions: int = 100_000, size: int = 1 << 20) -> None:
        self.retention = Retention(revisions, size)
        self.disk = MemoryStorage(learner_tables(KeyValues.tables))
        self.state = self.loaded()
        self.model = Model()
        self.entries: list[Entry] = []

    def loaded(self) -> Replicated:
        history = History(self.retention, self.disk.snapshot)
        return Replicated.load(self.disk, KeyValues, history=history)

    def apply(self, *batch: Command) -> None:
        slot = len(self.entries) + 1
        made = [
            encode_command(name, args, (1, START, slot * 100 + at))
            for at, (name, args) in enumerate(batch)
        ]
        self.entries.append(Entry(slot, (1, 2), (1, 2, 3), pack_batch(made)))
        self.state.append(self.entries[-1])
        for name, args in batch:
            self.model.apply(name, args)

    def write(self) -> None:
        self.disk.write(self.state.take_records())

    def flush(self) -> None:
        self.write()
        self.state.history.durable(self.state.applied)

    def act(self, step: str) -> None:
        match step:
            case "write":
                self.write()
            case "flush":
                self.flush()
            case "stop":
                self.flush()
                self.state = self.loaded()
            case "crash":
                self.state = self.loaded()
                for entry in self.entries[self.state.applied :]:
                    self.state.append(entry)
            case "snapshot":
                self.state.replace(self.state.applied, self.state.log.hash)

    def ask(self, name: str, *args: object) -> Answer:
        return self.state.read(encode_question(name, args))

    def check(self) -> None:
        model, since = self.model, self.state.history.since
        last = len(model.contents) - 1
        assert self.state.revision == last
        for key in KEYS:
            for revision in range(since, last + 1):
                assert self.ask("get_at", key, revision).value == model.contents[revision].get(key)
            found: Any = self.ask("history", key, None, 1000).value
            assert [row[:2] for row in found] == model.changes(key, since)
            assert [bool(row[2]) for row in found] == [True] * (len(found) - 1) + [False]
        if since:
            assert self.ask("get_at", "a", since - 1).code == "INVALID"
        assert self.ask("get_at", "a", last + 1).code == "INVALID"


@given(st.lists(st.tuples(st.lists(commands, max_size=3), st.sampled_from(STEPS)), max_size=12))
def test_as_a_dictionary_that_remembers(course: list[tuple[list[Command], str]]) -> None:
    subject = Subject()
    snapshots = [0]
    for batch, step in course:
        subject.apply(*batch)
        subject.act(step)
        snapshots.append(subject.state.revision if step == "snapshot" else snapshots[-1])
        subject.check()
    if not any(step == "crash" for _, step in course):
        assert subject.state.history.since == snapshots[-1], "nothing is given up without need"


@pytest.mark.parametrize("step", ["write", "flush", "stop"])
def test_what_is_kept_at_least_and_at_most(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    monkeypatch.setattr(kept, "_SMALL", 100)
    subject = Subject(revisions=20)
    for number in range(200):
        subject.apply(("put", ("a", str(number))), ("put", (str(number), "x")))
        subject.act(step)
    subject.flush()
    subject.check()
    since = subject.state.history.since
    assert since <= 400 - 20
    assert step == "write" or since > 400 - 60
    assert len([*subject.disk.scan("history")]) == len([*subject.disk.scan("history_index")])
    assert step == "write" or len([*subject.disk.scan("history")]) < 20


def test_bytes_end_it_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_SMALL", 100)
    subject = Subject(revisions=1_000_000, size=20_000)
    for _ in range(100):
        subject.apply(("put", ("a", "v" * 1000)))
        subject.flush()
    subject.check()
    sizes = [len(value) for _, value in subject.disk.scan("history")]
    assert 20_000 <= sum(sizes) < 23_000


def test_nothing_is_kept_where_nothing_shall_be() -> None:
    subject = Subject()
    subject.apply(("put", ("a", "1")))
    subject.act("stop")
    subject.retention = Retention(0, 0)
    subject.act("stop")
    subject.apply(("put", ("a", "2")))
    subject.flush()
    assert [*subject.disk.scan("history")] == []
    assert subject.state.history.since == 2
    assert subject.ask("get_at", "a", 2).value == "2"
    subject.retention = Retention()
    subject.act("stop")
    subject.apply(("put", ("a", "3")))
    subject.check()


def test_rare_writes_share_chunks_and_many_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = Subject()
    for _ in range(200):
        subject.apply(("put", ("a", "x" * 100)))
        subject.flush()
    assert len([*subject.disk.scan("history")]) == 1
    monkeypatch.setattr(kept, "_LARGE", 1000)
    for number in range(100):
        subject.apply(("put", (f"key {number}", "x" * 100)))
    subject.flush()
    assert len([*subject.disk.scan("history")]) > 10
    subject.check()


def test_only_chunks_that_concern_a_key_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_SMALL", 10)
    subject = Subject()
    for number in range(50):
        subject.apply(("put", (f"key {number}", "x" * 100)))
        subject.flush()
    reads: list[object] = []
    read = MemorySnapshot.read

    def noted(self: MemorySnapshot, table: str, key: Key) -> bytes | None:
        reads.append(key)
        return read(self, table, key)

    monkeypatch.setattr(MemorySnapshot, "read", noted)
    assert subject.ask("get_at", "key 7", 3).value is None
    assert len(reads) == 1


def test_pages_go_on_where_the_last_ended() -> None:
    subject = Subject()
    for number in range(50):
        subject.apply(("put", ("a", str(number))))
    found: list[Any] = []
    upto = None
    while not found or found[-1][2]:
        page: Any = subject.ask("history", "a", upto, 7).value
        found += page
        upto = found[-1][0] - 1
    assert [row[0] for row in found] == [*range(50, -1, -1)]
    for _ in range(3):
        subject.apply(("put", ("b", "x" * (1 << 19))))
    page = subject.ask("history", "b", None, 9).value
    assert [row[0] for row in page] == [53, 52], "as much as one answer holds"


def test_a_chunk_that_is_gone_is_said_and_guessed_by_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept, "_SMALL", 10)
    subject = Subject()
    subject.apply(("put", ("a", "1")))
    subject.apply(("put", ("a", "2")))
    subject.flush()
    subject.disk.write([Remove("history", 1)])
    answer = subject.ask("get_at", "a", 1)
    assert answer.code == "UNAVAILABLE"
    assert "nothing was done" in str(answer.value)
    subject.apply(("put", ("a", "3")))
    subject.flush()
    subject.apply(("put", ("a", "4")))
    subject.flush()
    subject.disk.write([Remove("history_index", 2)])
    with pytest.raises(Corrupt):
        subject.loaded()


def test_a_disk_from_before_there_was_a_history_begins_one() -> None:
    subject = Subject()
    subject.apply(("put", ("a", "1")))
    subject.flush()
    subject.disk.write([Remove("history", 1), Remove("history_index", 1)])
    subject.state = subject.loaded()
    assert subject.state.history.since == 1
    subject.apply(("put", ("a", "2")))
    subject.act("stop")
    subject.check()


def test_a_history_of_another_revision_is_begun_anew() -> None:
    """A program that keeps none has written in between."""
    subject = Subject()
    subject.apply(("put", ("a", "1")))
    subject.flush()
    records = subject.disk
    rows = {table: [*records.scan(table)] for table in ("history", "history_index")}
    subject.apply(("put", ("a", "2")))
    subject.flush()
    for table, stored in rows.items():
        subject.disk._disk[table] = dict(stored)
    subject.state = subject.loaded()
    assert subject.state.history.since == 2
    subject.apply(("put", ("a", "3")))
    subject.act("stop")
    assert subject.state.history.since == 2
    subject.check()


def test_what_the_disk_does_not_have_yet_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_SMALL", 10)
    subject = Subject()
    subject.apply(("put", ("a", "1" * 20)))
    subject.flush()
    subject.apply(("put", ("a", "2" * 20)))
    subject.state.take_records()  # on their way
    subject.apply(("put", ("a", "3" * 20)))
    subject.state.history.durable(1)
    subject.check()
