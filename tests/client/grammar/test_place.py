"""What stands at the cursor."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.grammar.commands import COMMANDS
from client.grammar.place import place

COMMAND_LINES = [
    # line up to the cursor, the word of the usage, kind, start, typed
    ("", None, "command", 0, ""),
    ("  PU", None, "command", 2, "PU"),
    ("PUT ", "key", "key", 4, ""),
    ("put 'a b", "key", "key", 4, "a b"),
    ("PUT k b\"x", "value", "value", 6, ""),
    ("PUT k @fi", "value", "file", 7, "fi"),
    ("PUT k @'my fi", "value", "file", 7, "my fi"),
    ("PUT k '@fi", "value", "value", 6, "@fi"),
    ("PUT k @@fi", "value", "value", 6, "@@fi"),
    ("PUT k v ", None, "none", 8, ""),
    ("GET k --lo", "[--local]", "option", 6, "--lo"),
    ("GET k ", None, "option", 6, ""),
    ("SCAN ", "[pattern]", "key", 5, ""),
    ("SCAN --", None, "option", 5, "--"),
    ("SCAN --start ", "key]", "key", 13, ""),
    ("SCAN p --limit 1", "n]", "number", 15, "1"),
    ("CAS k --absent ", "value", "value", 15, ""),
    ("FAIL ", "id", "id", 5, ""),
    ("FAIL 2 ac", "role", "role", 7, "ac"),
    ("FAIL 2 acceptor ", "[seconds]", "number", 16, ""),
    ("HEAL 1 ", "id]", "id", 7, ""),
    ("EXPORT ~/b", "file", "file", 7, "~/b"),
    ("HELP p", "[command]", "command", 5, "p"),
    ("NOPE x", None, "none", 5, "x"),
    ("Operation(put, my k", "key", "key", 15, "my k"),
    ("Operation(put, my key, ", "value", "value", 23, ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "argument", "kind", "start", "typed"), COMMAND_LINES, ids=[c[0] for c in COMMAND_LINES]
)
def test_place(line: str, argument: str | None, kind: str, start: int, typed: str) -> None:
    found = place(line + "rest 'of it", len(line))
    assert (found.kind, found.start, found.typed) == (kind, start, typed)
    assert found.quoted == (line[start:].lstrip("b")[:1] in ("'", '"') and bool(line[start:]))
    if found.form and found.argument is not None:
        assert found.form.usage.split()[found.argument] == argument
    else:
        assert argument is None


def test_repeated_arguments_point_at_the_bracket() -> None:
    usage = COMMANDS["MPUT"].usage.split()
    pairs = [
        place(line, len(line))
        for line in ("MPUT a", "MPUT a b c", "MPUT a b c d", "MPUT a b c d e")
    ]
    assert [usage[found.argument or 0] for found in pairs] == ["key", "[key", "value", "[key"]


@given(st.sampled_from([*COMMANDS, "", "x"]), st.text("ab \n'\"\\@>-(),1é\udcff", max_size=20))
def test_it_never_raises(command: str, rest: str) -> None:
    line = f"{command} {rest}"
    for cursor in range(len(line) + 1):
        found = place(line, cursor)
        assert 0 <= found.start <= cursor


def test_a_long_line_takes_milliseconds() -> None:
    began = time.process_time()
    place("MPUT " + "k v " * 50_000, 200_000)
    assert time.process_time() - began < 8.0
