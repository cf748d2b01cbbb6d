"""How commands are written."""

from __future__ import annotations

import shlex
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.grammar.commands import COMMANDS, Command, parse
from client.grammar.lexer import Usage, split


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("PUT k v", Command("store", "put", ("k", "v"))),
        ("put 'a b' \"c d\"", Command("store", "put", ("a b", "c d"))),
        ("Put k ''", Command("store", "put", ("k", ""))),
        ("get k", Command("store", "get", ("k", "linearizable"))),
        ("GET k --local", Command("store", "get", ("k", "local"))),
        ("GET --local", Command("store", "get", ("--local", "linearizable"))),
        ("DELETE k", Command("store", "delete", ("k",))),
        ("CONTAINS k", Command("store", "contains", ("k",))),
        ("SIZE", Command("store", "size")),
        ("MPUT a 1 b 2", Command("store", "put_many", ([["a", "1"], ["b", "2"]],))),
        ("PUT_MANY a 1", Command("store", "put_many", ([["a", "1"]],))),
        ("MGET a b", Command("store", "get_many", (["a", "b"],))),
        ("CAS k old new", Command("store", "cas", ("k", "old", "new"))),
        ("CAS k --absent new", Command("store", "cas", ("k", None, "new"))),
        ("SCAN", Command("program", "scan", ("", None, None))),
        ("SCAN p --limit 5 --start p3", Command("program", "scan", ("p", "p3", 5))),
        ("SCAN --limit 5", Command("program", "scan", ("", None, 5))),
        ("FAIL 2 Acceptor 1.5", Command("admin", "fail", (2, "acceptor", 1.5, False))),
        ("RESTART 2", Command("admin", "restart", (2, None, None, False))),
        ("KILL 2 --force", Command("admin", "kill", (2, None, None, True))),
        ("CUT 1 2", Command("admin", "cut", (1, 2))),
        ("HEAL", Command("admin", "heal", ())),
        ("HEAL 1 2", Command("admin", "heal", (1, 2))),
        ("HEALTH", Command("program", "health", (0.0,))),
        ("health --wait 2.5", Command("program", "health", (2.5,))),
        ("RESTORE 2 3", Command("admin", "restore", (2, 3))),
        ("QUIT", Command("program", "exit")),
    ],
)
def test_understands(line: str, command: Command) -> None:
    assert parse(split(line)) == command


@pytest.mark.parametrize(
    "line",
    [
        "PUT k", "PUT k v w", "GET", "GET k --fast", "MPUT a", "MPUT", "MGET", "CAS k v", "SIZE k",
        "SCAN --limit", "SCAN --limit 0", "SCAN --limit x", "SCAN a b", "FAIL 2", "FAIL x acceptor",
        "FAIL 2 front", "FAIL 2 acceptor soon", "KILL", "KILL 1 2", "CUT 1", "HEAL 1",
        "HEAL 1 2 3", "RESTORE",
        "HEALTH 5", "HEALTH --wait", "HEALTH --wait soon", "HEALTH --wait -1", "HEALTH --wait nan",
    ],
)  # fmt: skip
def test_refuses_with_the_usage(line: str) -> None:
    with pytest.raises(Usage, match=f"usage: {COMMANDS[line.split()[0]].usage.split()[0]}"):
        parse(split(line))


def test_refuses_what_is_no_command() -> None:
    with pytest.raises(Usage, match="unknown command 'NOPE'"):
        parse(["NOPE"])
    with pytest.raises(Usage, match="no closing quotation"):
        split("PUT 'k v")


LINES = st.text(alphabet=st.sampled_from(list("ab \t\r\n'\"\\#é\udcff$")), max_size=30)


@given(LINES)
def test_splits_as_a_shell_does(line: str) -> None:
    try:
        words = shlex.split(line)
    except ValueError:
        with pytest.raises(Usage, match=r"no closing quotation|no escaped character"):
            split(line)
    else:
        assert split(line) == words


@pytest.mark.parametrize(
    "line",
    ["PUT k " + "x" * (1 << 20), f"PUT k '{'y ' * (1 << 19)}'", f'PUT k "{chr(92) * (1 << 20)}"'],
    ids=["plain", "quoted", "escaped"],
)
def test_a_long_line_takes_milliseconds(line: str) -> None:
    began = time.process_time()
    verb, _, value = split(line)
    assert time.process_time() - began < 1.0, "it took 20 s when each character copied the word"
    assert (verb, len(value) >= 1 << 19) == ("PUT", True)


def test_an_error_repeats_little_of_a_long_line() -> None:
    for wrong in ("PUT k '" + "x" * 10_000, "y" * 10_000):
        with pytest.raises(Usage) as refused:
            parse(split(wrong))
        assert len(str(refused.value)) < 120
