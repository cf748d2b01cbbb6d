"""Keys make orders, as lines that could be typed at the prompt."""

from __future__ import annotations

import pytest

from client.grammar.commands import parse
from client.grammar.lexer import split
from client.live.keys import Agreed, Keys, Leave, Order
from client.live.terminal import keys_of

ROLES = ("proposer", "acceptor", "learner")


def keys() -> Keys:
    return Keys(lambda: (1, 2, 3), lambda: ROLES)


def pressed(typed: str) -> tuple[Keys, list[object]]:
    subject = keys()
    meant: list[object] = [
        found for key in keys_of(typed) if (found := subject.press(key)) is not None
    ]
    return subject, meant


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("2k", "KILL 2"),
        ("2s", "STOP 2"),
        ("2t", "START 2"),
        ("2x", "TRANSFER 2"),
        ("2fp", "FAIL 2 proposer"),
        ("2fa", "FAIL 2 acceptor"),
        ("2rl", "RESTART 2 learner"),
        ("2rr", "RESTART 2"),
        ("2c3", "CUT 2 3"),
        ("2h3", "HEAL 2 3"),
        ("2hh", "HEAL"),
        ("h", "HEAL"),
        ("2\x1bh", "HEAL"),
        ("\x1b[B\x1b[Bk", "KILL 2"),
        ("\x1bOAk", "KILL 3"),
        ("13\x1b[Ak", "KILL 2"),
    ],
)
def test_an_order_is_a_commands_line(typed: str, line: str) -> None:
    _, meant = pressed(typed)
    assert meant == [Order(line)]
    command = parse(split(line))
    assert command.kind == "admin"


@pytest.mark.parametrize(
    "typed", ["k", "f", "9k", "2fz", "2f\x1b", "2c9", "2ck", "2h\x1b", "z", "\x1b"]
)
def test_what_is_no_order_is_none(typed: str) -> None:
    subject, meant = pressed(typed)
    assert meant == []
    assert not subject.asking


def test_one_says_what_is_missing() -> None:
    assert "choose a replica" in pressed("k")[0].say
    assert "no replica 9" in pressed("9")[0].say
    assert "'z' means nothing" in pressed("z")[0].say
    assert "p proposer, a acceptor, l learner" in pressed("2f")[0].say
    assert "nothing was done" in pressed("2fz")[0].say


def test_a_number_typed_again_stays_chosen() -> None:
    subject, _ = pressed("22")
    assert subject.selected == 2
    assert pressed("2\x1b")[0].selected is None


def test_q_leaves_and_a_question_mark_shows_the_help_until_the_next_key() -> None:
    assert pressed("q")[1] == [Leave()]
    subject, meant = pressed("?")
    assert subject.help
    assert meant == []
    assert subject.press("k") is None, "it only ends the help"
    assert not subject.help


@pytest.mark.parametrize(("key", "yes"), [("y", True), ("Y", True), ("n", False), ("k", False)])
def test_only_y_agrees(key: str, yes: bool) -> None:
    subject, _ = pressed("2")
    subject.ask("Go on?")
    assert subject.asking
    assert subject.say == "Go on?"
    assert subject.press(key) == Agreed(yes)
    assert not subject.asking


def test_a_paste_is_no_key_and_unknown_keys_are_none() -> None:
    assert list(keys_of("1\x1b[200~kill\nstop\x1b[201~k")) == ["1", "k"]
    assert list(keys_of("1\x1b[200~kkk")) == ["1"]
    assert list(keys_of("\x1b[15~\x1b[1;5C\x1b[A")) == ["up"]
