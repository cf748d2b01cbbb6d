"""DELETE and CONTAINS of many keys: the question, what is done, and what ends it early."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Event

import pytest

from client.shell.calls import AT_ONCE
from client.shell.each import question
from kvrmi.access.store import Store
from kvrmi.cli import INTERRUPTED
from kvrmi.errors import NoQuorum, UnknownOutcome
from tests.client.conftest import Run
from tests.client.fake import Cluster
from tests.terminal import Terminal

Captured = pytest.CaptureFixture[str]


def fill(cluster: Cluster) -> None:
    cluster.contents.rows |= {f"a{number}": "v" for number in range(5)} | {"b": "v"}


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_nobody_can_be_asked(
    cluster: Cluster, run: Run, capsys: Captured, flags: list[str]
) -> None:
    fill(cluster)
    assert run(*flags, "DELETE", "--prefix", "a") == 2
    captured = capsys.readouterr()
    assert "give --yes; nothing was deleted" in captured.out + captured.err
    assert run(*flags, "DELETE", "--prefix", "a", "--yes") == 0
    assert list(cluster.contents.rows) == ["b"]


@pytest.mark.parametrize(("answer", "deletes"), [("y", True), ("t", False)])
def test_the_exit_status_says_whether_it_was_agreed(
    cluster: Cluster, answer: str, deletes: bool
) -> None:
    fill(cluster)
    with Terminal.python("-m", "client", *at(cluster), "DELETE", "--prefix", "a") as terminal:
        terminal.see(r"^5 keys with the prefix a: a0, a1, a2, \.\.\ndelete\? \[y/N\]")
        terminal.keys(f"{answer}\r")
        terminal.see("OK 5 of 5 keys" if deletes else "nothing was deleted")
        assert terminal.end() == (0 if deletes else 1)
    assert len(cluster.contents.rows) == (1 if deletes else 6)


def test_only_yes_agrees(cluster: Cluster, tmp_path: Path) -> None:
    answers = {"": False, "t": False, "1": False, "yes!": False, "YES": True, "yes": True}
    cluster.contents.rows |= {f"{number}{key}": "v" for number in range(6) for key in "abc"}
    state = {"XDG_STATE_HOME": str(tmp_path)}
    with Terminal.python("-m", "client", *at(cluster), environment=state) as terminal:
        for number, (answer, deletes) in enumerate(answers.items()):
            terminal.see(r"^kvrmi>\n+HELP.*\Z")
            terminal.keys(f"DELETE --prefix {number}\r")
            terminal.see(rf"with the prefix {number}: [\s\S]*\[y/N\]")
            terminal.keys(f"{answer}\r")
            result = "OK 3 of 3 keys" if deletes else "nothing was deleted"
            terminal.see(rf"with the prefix {number}: [\s\S]*{result}")
    assert sorted({key[0] for key in cluster.contents.rows}) == ["0", "1", "2", "3"]


def test_ctrl_c_at_the_question_deletes_nothing(cluster: Cluster) -> None:
    fill(cluster)
    with Terminal.python("-m", "client", *at(cluster), "DELETE", "--prefix", "a") as terminal:
        terminal.see(r"\[y/N\]")
        terminal.keys("\x03")
        terminal.see("^INTERRUPTED: nothing was deleted$")
        assert terminal.end() == INTERRUPTED
    assert len(cluster.contents.rows) == 6


def test_a_time_in_which_a_person_thought_is_not_shown(cluster: Cluster, tmp_path: Path) -> None:
    fill(cluster)
    state = {"XDG_STATE_HOME": str(tmp_path)}
    with Terminal.python("-m", "client", *at(cluster), environment=state) as terminal:
        terminal.see("^kvrmi>$")
        terminal.keys("DELETE --prefix a\r")
        terminal.see(r"\[y/N\]")
        terminal.keys("n\r")
        terminal.see("nothing was deleted$")
        terminal.see(r"^kvrmi>\n+HELP.*\Z")
        terminal.keys("DELETE --prefix zz\r")
        terminal.see(r"^not found: any key with the prefix zz  \([0-9.]+ m?s\)$")


def at(cluster: Cluster) -> tuple[str, ...]:
    name, _, where = cluster.addresses[0].partition("@")
    return "--object", name, "--address", where


def test_the_question() -> None:
    assert question("a", ["a b"]) == '1 key with the prefix a: "a b"\ndelete? [y/N] '
    assert question("", ["a"] * 2000) == (
        "the store holds 2,000 keys: a, a, a, ..\ndelete all of them? [y/N] "
    )
    assert len(question("x" * 1000, ["x" * 1000] * 3)) < 300


@pytest.mark.parametrize(
    ("ended", "code", "status", "text"),
    [
        (NoQuorum("few"), "NO_QUORUM", 3, "4 of 5 keys were deleted, a2 was not: few"),
        (UnknownOutcome("late"), "UNKNOWN_OUTCOME", 4, "4 of 5 keys were deleted, a2 may be, too"),
    ],
)
def test_an_error_ends_it_and_says_of_which_keys(
    cluster: Cluster,
    run: Run,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    ended: Exception,
    code: str,
    status: int,
    text: str,
) -> None:
    fill(cluster)
    others = Barrier(4)

    def meet(name: str, key: object) -> None:
        if name == "delete" and key != "a0":
            others.wait(30)
        if key == "a2":
            raise ended

    before_each_call(monkeypatch, meet)
    assert run("DELETE", "--prefix", "a", "--yes") == status
    error = capsys.readouterr().err
    assert error.startswith(f"{code}: {text}"), "and never that nothing was done"
    assert error.endswith("; KEYS a shows which are left\n")
    assert sorted(cluster.contents.rows) == ["a2", "b"]


def test_after_an_error_no_other_key_is_begun(
    cluster: Cluster, run: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(cluster)

    def refuse(name: str, key: object) -> None:
        if name == "delete":
            raise NoQuorum("few")

    before_each_call(monkeypatch, refuse)
    assert run("DELETE", "--prefix", "a", "--yes") == 3
    assert capsys.readouterr().err.startswith("NO_QUORUM: 0 of 5 keys were deleted, a0 was not: ")
    assert len(cluster.contents.rows) == 6, "the second waits for the answer of the first"


def test_ctrl_c_says_of_which_keys_the_outcome_is_unknown(
    cluster: Cluster, run: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(cluster)
    monkeypatch.setattr("client.shell.calls._GRACE", 0.05)
    hang = Event()

    def wait(name: str, key: object) -> None:
        if key == "a2":
            _until(lambda: len(cluster.contents.rows) == 3)
            os.kill(os.getpid(), signal.SIGINT)
        if key in ("a2", "a3"):
            hang.wait()
            raise NoQuorum("nobody waits for it any more")

    before_each_call(monkeypatch, wait)
    status = run("DELETE", "--prefix", "a", "--yes")
    hang.set()
    assert status == INTERRUPTED
    assert capsys.readouterr().err == (
        "INTERRUPTED: 3 of 5 keys were deleted, a2 and 1 more may be, too; "
        "KEYS a shows which are left\n"
    )


def test_several_keys_are_deleted(cluster: Cluster, run: Run, capsys: Captured) -> None:
    fill(cluster)
    assert run("DELETE", "a0", "a1") == 0
    assert run("DELETE", "a2", "zz", "a3", "a2") == 1
    assert capsys.readouterr() == (
        "OK 2 of 2 keys were deleted\nOK 2 of 3 keys were deleted\n",
        "not found: zz\n",
    )
    assert run("--json", "DELETE", "a4", "zz") == 1
    assert json.loads(capsys.readouterr().out) == {
        "ok": True,
        "op": "delete",
        "keys": ["a4", "zz"],
        "deleted": 1,
        "absent": ["zz"],
    }
    assert list(cluster.contents.rows) == ["b"]


def test_several_keys_are_looked_for(cluster: Cluster, run: Run, capsys: Captured) -> None:
    fill(cluster)
    assert run("CONTAINS", "a0", "b") == 0
    assert run("CONTAINS", "a0", "zz", "a0") == 1
    assert capsys.readouterr() == ("true\ntrue\ntrue\nfalse\ntrue\n", "")
    assert run("--json", "CONTAINS", "a0", "zz") == 1
    assert (
        '"op": "contains", "keys": ["a0", "zz"], "value": [true, false]' in capsys.readouterr().out
    )


def test_many_keys_are_asked_for_at_the_same_time(
    cluster: Cluster, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.contents.rows |= {f"{number:03}": "v" for number in range(1 + AT_ONCE)}
    others = Barrier(AT_ONCE)

    def meet(name: str, key: object) -> None:
        if name == "delete" and key != "000":
            others.wait(30)

    before_each_call(monkeypatch, meet)
    assert run("DELETE", "--prefix", "0", "--yes") == 0
    assert not cluster.contents.rows


def before_each_call(monkeypatch: pytest.MonkeyPatch, act: Callable[[str, object], object]) -> None:
    """Have `act` called with each operation and its first argument; what it raises is raised."""
    call = Store.call

    def after(store: Store, name: str, *args: object) -> dict[str, object]:
        act(name, args[0] if args else None)
        return call(store, name, *args)

    monkeypatch.setattr("kvrmi.access.store.Store.call", after)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)
