"""DELETE --prefix: the question, what it deletes, and what ends it early."""

from __future__ import annotations

from pathlib import Path

import pytest

from client.shell.prefix import delete, question
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


@pytest.mark.parametrize(
    ("answer", "deletes"),
    [("y", True), ("YES", True), ("", False), ("t", False), ("1", False), ("yes!", False)],
)
def test_only_yes_agrees(cluster: Cluster, answer: str, deletes: bool) -> None:
    fill(cluster)
    with Terminal.python("-m", "client", *at(cluster), "DELETE", "--prefix", "a") as terminal:
        terminal.see(r"^5 keys with the prefix a: a0, a1, a2, \.\.\ndelete\? \[y/N\]")
        terminal.keys(f"{answer}\r")
        terminal.see("OK 5 of 5 keys" if deletes else "nothing was deleted")
        assert terminal.end() == (0 if deletes else 1)
    assert len(cluster.contents.rows) == (1 if deletes else 6)


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
        (NoQuorum("few"), "NO_QUORUM", 3, "a2 was not: few"),
        (UnknownOutcome("late"), "UNKNOWN_OUTCOME", 4, "a2 may be, too: late"),
        (KeyboardInterrupt(), "INTERRUPTED", INTERRUPTED, "a2 may be, too"),
    ],
)
def test_what_ends_it_early(
    cluster: Cluster,
    run: Run,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    ended: BaseException,
    code: str,
    status: int,
    text: str,
) -> None:
    fill(cluster)
    call = Store.call

    def fail(store: Store, name: str, *args: object) -> dict[str, object]:
        if (name, *args) == ("delete", "a2"):
            raise ended
        return call(store, name, *args)

    monkeypatch.setattr("kvrmi.access.store.Store.call", fail)
    assert run("DELETE", "--prefix", "a", "--yes") == status
    line = f"{code}: 2 of 5 keys were deleted, {text}; KEYS a shows which are left\n"
    assert capsys.readouterr().err == line, "and never that nothing was done"
    assert sorted(cluster.contents.rows) == ["a2", "a3", "a4", "b"], "each key once, in order"


def test_keys_that_are_gone_already_do_not_count(cluster: Cluster) -> None:
    fill(cluster)

    class Gone:
        def call(self, name: str, key: str) -> dict[str, object]:
            return {"value": cluster.contents.rows.pop(key, None) is not None}

    done: list[int] = []
    store: Store = Gone()  # type: ignore[assignment]
    assert delete(store, ["a0", "zz", "a1"], done.append).text == "2 of 3 keys were deleted"
