"""What Ctrl-C says of a command: only what is certain, and how to find out the rest."""

from __future__ import annotations

import pytest

from client.grammar.commands import parse
from client.grammar.lexer import split
from client.shell.interrupt import known

NOTHING_SENT = "nothing was sent; nothing was done"


@pytest.mark.parametrize("line", ["GET k", "SCAN", "SIZE", "MGET a b", "STATUS", "HELP"])
@pytest.mark.parametrize("sent", [[], ["replica 1"]])
def test_reads_change_nothing(line: str, sent: list[str]) -> None:
    assert known(parse(split(line)), sent) == "nothing was changed"


def test_of_many_keys_some_may_be_gone() -> None:
    command = parse(split("DELETE --prefix 'a b' --yes"))
    text = 'some keys may have been deleted; KEYS "a b" shows which are left'
    assert known(command, ["replica 1"]) == text


@pytest.mark.parametrize("line", ["PUT k v", "DELETE k", "CAS k a b", "MPUT a 1 b 2"])
def test_a_write_that_was_not_sent_is_not_done(line: str) -> None:
    assert known(parse(split(line)), []) == NOTHING_SENT


@pytest.mark.parametrize(
    ("line", "finds_out"),
    [
        ("PUT k v", "GET k"),
        ('DELETE "a key"', 'GET "a key"'),
        ("MPUT a 1 b 2", "GET a"),
        (f"PUT {'k' * 500} v", "GET of its key"),
    ],
)
def test_a_write_that_was_sent_is_of_unknown_outcome(line: str, finds_out: str) -> None:
    assert known(parse(split(line)), ["replica 2", "replica 3"]) == (
        "it was sent to replica 2 and replica 3 and may or may not take effect; "
        f"{finds_out} shows whether it does"
    )


def test_orders_and_imports_may_have_begun() -> None:
    assert known(parse(split("KILL 2")), []).endswith("STATUS shows the state of the replicas")
    assert "IMPORT the file again" in known(parse(split("IMPORT f")), ["replica 1"])


def test_nothing_was_understood_yet() -> None:
    assert known(None, []) == "nothing was done"
