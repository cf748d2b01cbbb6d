"""What Ctrl-C says of a command: only what is certain, and how to find out the rest."""

from __future__ import annotations

import contextlib
import io
import os
import signal
from collections.abc import Iterator
from typing import Any, cast

import pytest

from client.grammar.commands import parse
from client.grammar.lexer import split
from client.render import Printer
from client.shell.interrupt import explained, known
from client.shell.notes import Notes
from client.shell.run import Shell
from kvrmi.cli import INTERRUPTED
from kvrmi.errors import NoQuorum, UnknownOutcome

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


def test_an_error_that_leaves_a_write_in_doubt_names_what_settles_it() -> None:
    doubt = UnknownOutcome("no answer; it may or may not take effect")
    put, order = parse(split('PUT "a key" v')), parse(split("TRANSFER 2"))
    assert explained(doubt, put) == f'{doubt}; GET "a key" shows whether it does'
    doubt.request = ("ana:5f", 7)
    assert explained(doubt, put).endswith("whether it does, OUTCOME ana:5f 7 what became of it")
    assert explained(doubt, order) == str(doubt), "an order says itself what shows it"
    assert explained(NoQuorum("nothing was done"), put) == "nothing was done"


def test_orders_and_imports_may_have_begun() -> None:
    assert known(parse(split("KILL 2")), []).endswith("STATUS shows the state of the replicas")
    assert "IMPORT the file again" in known(parse(split("IMPORT f")), ["replica 1"])


def test_another_ctrl_c_does_not_lose_the_line() -> None:
    """Impatient people press it twice; the second comes while the line is printed."""

    class Impatient(Printer):
        def error(self, code: str, text: str, *, advised: bool = True) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            super().error(code, text)

    class Slow:
        def call(self, *words: object) -> None:
            raise KeyboardInterrupt

    err, store, nobody = io.StringIO(), cast(Any, Slow()), cast(Any, None)
    printer = Impatient(as_json=False, err=err)
    with no_surprise():
        status = Shell(store, nobody, printer, Notes(print)).run_line("PUT k v")
    assert (status, err.getvalue()) == (INTERRUPTED, f"INTERRUPTED: {NOTHING_SENT}\n")


@contextlib.contextmanager
def no_surprise() -> Iterator[None]:
    """Make a Ctrl-C that gets through a failure: pytest would end."""
    try:
        yield
    except KeyboardInterrupt:
        pytest.fail("the second Ctrl-C was taken")


def test_nothing_was_understood_yet() -> None:
    assert known(None, []) == "nothing was done"
