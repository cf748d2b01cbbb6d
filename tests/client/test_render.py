"""What is printed, on a terminal and elsewhere."""

from __future__ import annotations

import io
from typing import Any

import pytest

from client.render import Printer, encoded, table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _status(**changes: Any) -> dict[str, Any]:
    entry = {
        "id": 1, "state": "up", "pid": 7, "role": "leader", "ballot": [3, 1], "applied": 5,
        "chosen": 5, "revision": 4, "keys": 2, "digest": "0123456789", "address": "h:1",
        "roles": {"acceptor": {"state": "up"}, "learner": {"state": "down"}},
    }  # fmt: skip
    head = {"cluster": "c", "engine": "paxos", "leader": 1, "successor": None, "quorum": 1}
    return head | {"replicas": [entry | changes]}


def test_values_cannot_move_the_cursor_of_a_terminal() -> None:
    evil = "a\x1b[2J\rb"
    assert Printer(as_json=False, out=Terminal()).shown(evil) == r"a\x1b[2J\rb"
    assert Printer(as_json=False, out=io.StringIO()).shown(evil) == evil


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"plain", "b'plain'"),
        ("Zürich €".encode(), "b'Zürich €'"),
        (b"\0\n\xff\xc3", r"b'\x00\n\xff\xc3'"),
        ("\x85\u200b".encode(), r"b'\xc2\x85\xe2\x80\x8b'"),
        (rb"it's \x00", r"b'it\'s \\x00'"),
    ],
)
def test_bytes_are_readable_and_cannot_be_mistaken(data: bytes, shown: str) -> None:
    for out in (Terminal(), io.StringIO()):
        assert Printer(as_json=False, out=out).shown(data) == shown


def test_status_is_plain_in_a_pipe() -> None:
    out = io.StringIO()
    Printer(as_json=False, out=out).status(_status())
    head, names, row = out.getvalue().splitlines()
    assert head == "cluster c  engine paxos  leader 1  successor -  quorum 1"
    assert names.split()[:4] == ["id", "state", "role", "ballot"]
    assert row.split()[:4] == ["1", "up", "leader", "3.1"]
    assert "01234567 " in row
    assert "learner down" in row


def test_status_of_a_silent_replica() -> None:
    out = io.StringIO()
    silent: dict[str, Any] = dict.fromkeys(("role", "ballot", "digest", "roles", "pid", "keys"))
    Printer(as_json=False, out=out).status(_status(state="down", **silent))
    assert out.getvalue().splitlines()[2].split()[:4] == ["1", "down", "-", "-"]


def test_tables_are_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    table(out, ["id", "state"], [["1", "up"]])
    assert "┃" in out.getvalue()
    assert "\x1b[32mup" in out.getvalue()


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out, err = Terminal(), Terminal()
    table(out, ["state"], [["up"]])
    Printer(as_json=False, out=out, err=err).error("INVALID", "wrong")
    assert "\x1b[3" not in out.getvalue()
    assert "\x1b[3" not in err.getvalue()


def test_an_error_is_one_line_with_advice() -> None:
    err = io.StringIO()
    printer = Printer(as_json=False, err=err)
    printer.error("NO_QUORUM", "2 of 5 replicas answer,\nnothing was done " + "x" * 200)
    assert err.getvalue().startswith("NO_QUORUM: 2 of 5")
    assert err.getvalue().count("nothing was done") == 1
    assert err.getvalue().endswith("; STATUS shows which replicas are up\n")
    assert err.getvalue().count("\n") == 1


def test_markup_in_errors_is_not_obeyed() -> None:
    err = io.StringIO()
    Printer(as_json=False, err=err).error("INVALID", "[red]x[/] :smile: nothing was done")
    assert err.getvalue() == "INVALID: [red]x[/] :smile: nothing was done\n"


def test_encoded() -> None:
    coded = {"data": "AA==", "encoding": "base64"}
    assert encoded(["a", b"\0", ["k", b"\0"]]) == ["a", coded, ["k", coded]]
