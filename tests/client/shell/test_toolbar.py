"""The toolbar: what fits, and what matters most where not all does."""

from __future__ import annotations

import pytest
from prompt_toolkit.formatted_text import to_formatted_text

from client.shell.cursor import at_cursor
from client.shell.known import Seen
from client.shell.toolbar import OLD, toolbar

HERE = Seen(replica=2, leader=1, at=100.0)


def drawn(
    line: str, seen: Seen = HERE, name: str | None = None, now: float = 100.0, columns: int = 80
) -> str:
    """The toolbar's text, the argument at the cursor between stars."""
    parts = toolbar(at_cursor(line), seen, name, now, columns)
    assert len("".join(part[1] for part in to_formatted_text(parts))) <= columns
    return "".join(f"*{part[1]}*" if part[0] == "class:now" else part[1] for part in parts)


@pytest.mark.parametrize(
    ("line", "columns", "hint"),
    [
        ("", 80, "HELP lists the commands"),
        ("CA", 80, "HELP lists the commands"),
        ("get", 80, "GET key ["),
        ("PUT ", 80, "PUT *key* value"),
        ("put k v", 80, "PUT key *value*"),
        ("put k v x", 80, "PUT key value"),
        ("GTE k", 80, "unknown command 'GTE'; did you mean GET?"),
        ("CAS k ", 80, "CAS key *expected* value | CAS key --absent value"),
        ("CAS k ", 24, "CAS key *expected* value …"),
        ("CAS k --absent ", 23, "… key --absent *value*"),
        ("GET k > ", 20, "… [--raw] [> *file]*"),
        ("PUT a 1\nPUT b 2\n", 80, "*Enter runs 2 commands, Ctrl-C drops them*"),
        ("PUT k 'a\nb", 80, "*' closes the value, Ctrl-C drops it*"),
    ],
)
def test_the_hint(line: str, columns: int, hint: str) -> None:
    assert drawn(line, columns=columns).startswith(hint)


@pytest.mark.parametrize(
    ("seen", "now", "about"),
    [
        (Seen(), 100.0, "connecting"),
        (Seen(silent=True), 100.0, "no replica answers"),
        (HERE, 100.0, "replica 2 · leader 1"),
        (HERE._replace(leader=None), 100.0, "replica 2 · no leader"),
        (HERE._replace(replica=None), 100.0, "leader 1"),
        (HERE, 100.0 + OLD, f"no replica answers · leader 1 {OLD:.0f} s ago"),
        (HERE._replace(leader=None), 160.0, "no replica answers · no leader 60 s ago"),
    ],
)
def test_who_answers(seen: Seen, now: float, about: str) -> None:
    assert drawn("", seen, now=now).endswith(f"   {about}")
    assert drawn("", seen, "me", now).endswith(f"   me · {about}")


def test_a_narrow_window_shows_what_matters() -> None:
    assert drawn("", HERE, "my-client-one", columns=30).strip() == "replica 2 · leader 1"
    assert drawn("", HERE, "my-client-one", columns=12).strip() == "leader 1"
    assert drawn("GET k ", HERE, columns=30).startswith("GET key [--local]")
    silent = HERE._replace(silent=True)
    assert drawn("SIZE", silent, "me", 200.0, 40).split("   ")[-1] == "no replica answers"
    assert drawn("", silent, "me", 200.0, 5) == " " * 5
