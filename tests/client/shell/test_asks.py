"""Orders that would lose the quorum: a question at a terminal, else a refusal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pytest

from client.grammar.commands import parse
from client.grammar.lexer import split
from client.render import Printer
from client.shell.carry import Carrier
from kvrmi.errors import NoQuorum

LOST = "killing replica 1 would lose the majority of 2"


class Admin:
    """Every order would lose the quorum."""

    def __init__(self) -> None:
        self.given: list[tuple[object, ...]] = []

    def losing(self, name: str, args: Sequence[object]) -> str | None:
        return LOST

    def order(self, name: str, args: Sequence[object]) -> tuple[str, dict[str, object]]:
        self.given.append((name, *args))
        return "done", {}


class Terminal:
    """Both standard input and standard error."""

    def __init__(self, answer: str, tty: bool) -> None:
        self.answer = answer
        self.tty = tty
        self.shown = ""

    def isatty(self) -> bool:
        return self.tty

    def readline(self) -> str:
        return self.answer

    def write(self, text: str) -> int:
        self.shown += text
        return len(text)

    def flush(self) -> None:
        """Nothing waits to be written."""


class Rig:
    """A carrier whose user answers a question in one way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: str, tty: bool) -> None:
        self.admin = Admin()
        self.terminal = Terminal(answer, tty)
        monkeypatch.setattr(sys, "stdin", self.terminal)
        monkeypatch.setattr(sys, "stderr", self.terminal)
        nobody: Any = None
        admin: Any = self.admin
        printer = Printer(as_json=False)
        self.carrier = Carrier(nobody, admin, printer, nobody, person=False)

    def run(self, line: str) -> int:
        return self.carrier.carry_out(parse(split(line)))


@pytest.mark.parametrize("line", ["KILL 1", "failProcess(1)"])
def test_yes_forces_it(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    rig = Rig(monkeypatch, "y\n", tty=True)
    assert rig.run(line) == 0
    assert f"{LOST}: nothing can be written then. Go on? [y/N] " in rig.terminal.shown
    assert rig.admin.given == [("kill", 1, None, None, True)]


def test_the_question_breaks_at_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    rig = Rig(monkeypatch, "y\n", tty=True)
    rig.run("KILL 1")
    lines = rig.terminal.shown.splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 40
    joined = " ".join(lines)
    assert f"{LOST}: nothing can be written then. Go on? [y/N] " in f"{joined} "


@pytest.mark.parametrize(("answer", "tty"), [("\n", True), ("t\n", True), ("y\n", False)])
def test_anything_else_does_nothing(
    monkeypatch: pytest.MonkeyPatch, answer: str, tty: bool
) -> None:
    rig = Rig(monkeypatch, answer, tty)
    with pytest.raises(NoQuorum, match=f"{LOST}; nothing was done"):
        rig.run("failLink(1,2)")
    assert rig.admin.given == []
    assert rig.run("failLink(1,2) --force") == 0
    assert rig.admin.given == [("fail_link", 1, 2, False, True)]


@pytest.mark.parametrize("line", ["HEAL", "START 1", "TRANSFER 2", "RESTORE 1"])
def test_what_loses_nothing_is_not_asked_about(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    rig = Rig(monkeypatch, "", tty=True)
    monkeypatch.setattr(rig.admin, "losing", lambda name, args: None)
    assert rig.run(line) == 0
    assert rig.terminal.shown == ""
