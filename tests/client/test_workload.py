"""The workload: what it asks, how outcomes are told apart, and that its record can be judged."""

from __future__ import annotations

import io
import math
import threading
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest

from client.history import Recorder, outcome
from client.workload import GROUP, Client, Keys
from kvrmi.access.store import Store
from kvrmi.checker.check import check as judge
from kvrmi.checker.history import FAIL, OK, UNKNOWN, Operation, read
from kvrmi.errors import (
    Aborted,
    ConnectionFailed,
    InvalidRequest,
    NoQuorum,
    UnknownOutcome,
)
from kvrmi.operations.interface import check
from kvrmi.operations.table import KEY_VALUE
from tests.client.conftest import Run
from tests.client.contents import Contents
from tests.client.fake import Cluster


class Answers:
    """Stands for a session: real contents, or the errors that it is told to raise."""

    def __init__(self, contents: Contents, *errors: Exception) -> None:
        self.contents = contents
        self.errors = list(errors)
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    def call(self, op: str, *args: Any) -> dict[str, Any]:
        self.asked.append((op, args))
        if self.errors:
            raise self.errors.pop(0)
        value = self.contents.execute(check(op, args), None)
        return {"value": value, "revision": self.contents.revision, "replica": 1}


def client(answers: Answers, stream: io.StringIO, seed: str = "0") -> Client:
    store = cast("Store", answers)
    return Client("c", store, Keys(12, "run"), Recorder(stream), seed)


def recorded(stream: io.StringIO) -> list[Operation]:
    return list(read(stream.getvalue().splitlines()))


@pytest.mark.parametrize(
    ("error", "of_a_write"),
    [
        (NoQuorum("no"), FAIL),
        (ConnectionFailed("no"), FAIL),
        (Aborted("no"), FAIL),
        (InvalidRequest("no"), FAIL),
        (UnknownOutcome("who knows"), UNKNOWN),
        (RuntimeError("nobody knows such an error"), UNKNOWN),
    ],
)
def test_outcomes(error: Exception, of_a_write: str) -> None:
    for write in ("put", "put_many", "delete", "cas"):
        assert outcome(write, error) == of_a_write
    assert outcome("get", error) == outcome("get_many", error) == FAIL


def test_an_unknown_outcome_gives_the_client_a_new_name() -> None:
    stream = io.StringIO()
    one = client(Answers(Contents(), UnknownOutcome("late"), NoQuorum("none")), stream)
    for number in range(3):
        one.ask("put", ("k", f"v{number}"))
    unknown, failed, done = recorded(stream)
    assert (unknown.client, unknown.outcome, unknown.returned) == ("c", UNKNOWN, math.inf)
    assert (failed.client, failed.outcome) == ("c.1", FAIL)
    assert (done.client, done.outcome, done.value, done.replica) == ("c.1", OK, None, 1)
    assert done.call <= done.returned
    assert done.revision == 1


def test_an_error_that_no_fault_explains_is_a_surprise() -> None:
    recorder = Recorder(io.StringIO())
    answers = Answers(Contents(), InvalidRequest("key"), ZeroDivisionError("ours"), NoQuorum("no"))
    one = Client("c", cast("Store", answers), Keys(4, "run"), recorder, "0")
    for _ in range(3):
        one.ask("put", ("k", "v"))
    assert len(recorder.surprises) == 2
    assert "InvalidRequest" in recorder.surprises[0]
    assert "ZeroDivisionError" in recorder.surprises[1]


def test_a_history_that_is_written_nowhere_has_the_same_sums() -> None:
    recorder = Recorder(None)
    one = Client("c", cast("Store", Answers(Contents())), Keys(4, "run"), recorder, "0")
    one.ask("put", ("k", "v"))
    assert recorder.outcomes == {OK: 1}
    assert len(recorder.moments) == 1


def test_only_acknowledged_writes_have_moments_and_only_possible_ones_are_read_at_the_end() -> None:
    recorder = Recorder(io.StringIO())
    answers = Answers(Contents(), NoQuorum("no"), UnknownOutcome("late"))
    one = Client("c", cast("Store", answers), Keys(4, "run"), recorder, "0")
    for number in range(3):
        one.ask("put", (f"once/{number}", "v"))
    one.ask("get", ("once/2",))
    assert len(recorder.moments) == 1
    assert recorder.once == ["once/1", "once/2"]


def test_what_is_asked() -> None:
    stream = io.StringIO()
    answers = Answers(Contents())
    one = client(answers, stream)
    for _ in range(3000):
        one.step()
    history = recorded(stream)
    asked = Counter(operation.op for operation in history)
    assert set(asked) == {one.name for one in KEY_VALUE.machine} - {"size"}, (
        "other clients' keys count as well"
    )
    values = [op.args[1] for op in history if op.op == "put"]
    assert len(values) == len(set(values)), "a value was written twice"
    once = [op.args[0] for op in history if op.op == "put" and op.args[0].startswith("once/")]
    assert once
    assert len(once) == len(set(once))
    counted = [op for op in history if op.op == "cas" and op.args[0].startswith("counter/")]
    assert all(int(op.args[2]) == int(op.args[1] or 0) + 1 for op in counted)
    assert sum(op.value for op in counted) == len(counted), "alone, every step succeeds"
    local = [args for op, args in answers.asked if op == "get" and args[1] == "local"]
    assert local, "stale reads are asked for, and left out of the history"
    assert len(local) + len(history) == len(answers.asked)


def test_several_keys_stay_within_their_group() -> None:
    stream = io.StringIO()
    one = client(Answers(Contents()), stream)
    for _ in range(3000):
        one.step()
    groups = {key: number for number, group in enumerate(Keys(12, "run").groups) for key in group}
    for operation in recorded(stream):
        if operation.op == "scan":
            found = [key for key in groups if key.startswith(operation.args[0])]
            assert len({groups[key] for key in found}) == 1
        if operation.op in ("put_many", "get_many"):
            keys = [one if isinstance(one, str) else one[0] for one in operation.args[0]]
            assert len({groups[key] for key in keys}) == 1
            assert len(keys) <= GROUP


def test_the_end_reads_every_key_once() -> None:
    keys = Keys(12, "run")
    once = [f"once/{number}" for number in range(6)]
    read_keys: list[str] = []
    for op, (what,) in keys.finals(once):
        read_keys += what if op == "get_many" else [what]
    assert sorted(read_keys) == sorted([*sum(keys.groups, ()), *keys.counters, *once])


def test_the_same_seed_asks_the_same() -> None:
    one, same, other = (Answers(Contents()) for _ in range(3))
    for answers, seed in ((one, "1"), (same, "1"), (other, "2")):
        someone = client(answers, io.StringIO(), seed)
        for _ in range(100):
            someone.step()
    assert one.asked == same.asked != other.asked


def test_clients_at_the_same_time_leave_a_history_that_can_be_judged() -> None:
    stream = io.StringIO()
    recorder, contents, keys = Recorder(stream), Contents(), Keys(12, "run")
    clients = [
        Client(f"c{n}", cast("Store", Answers(contents)), keys, recorder, str(n)) for n in range(4)
    ]
    threads = [
        threading.Thread(target=lambda one=one: [one.step() for _ in range(200)]) for one in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = recorded(stream)
    assert len(history) >= 700
    assert judge(history).verdict == "ok"


@pytest.mark.live
def test_records_a_history(
    cluster: Cluster, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "history.jsonl"
    flags = ["--record", str(file), "--seconds", "0.5", "--clients", "3", "--think", "1"]
    assert run("workload", *flags) == 0
    assert f"operations in {file}" in capsys.readouterr().out
    with file.open(encoding="utf-8") as lines:
        history = list(read(lines))
    assert len(history) > 100
    assert {operation.client for operation in history} == {"c0", "c1", "c2", "last"}
    assert judge(history).verdict == "ok"


def test_a_file_that_cannot_be_written(cluster: Cluster, run: Run, tmp_path: Path) -> None:
    assert run("workload", "--record", str(tmp_path / "none" / "file"), "--seconds", "0.1") == 2


@pytest.mark.parametrize("words", [[], ["--record"], ["--record", "f", "--clients", "0"]])
def test_usage(run: Run, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("workload", *words)
    assert ended.value.code == 2


def test_nothing_is_recorded_once_the_file_is_closed(tmp_path: Path) -> None:
    with (tmp_path / "h").open("w", encoding="utf-8") as file:
        recorder = Recorder(file)
    recorder.record(Operation("c", "get", ("k",), 0.0, 1.0, OK))  # by a client that works on
    assert not recorder.outcomes
