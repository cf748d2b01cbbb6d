"""Values in a form that can be typed again."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from client.grammar.lexer import split
from client.grammar.literal import typed


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("Zürich", "Zürich"),
        ("-5", "-5"),
        ("a@b>c", "a@b>c"),
        ("[red]x[/]", "[red]x[/]"),
        ("", '""'),
        ("a b", '"a b"'),
        ("it's", '"it\'s"'),
        ('a"b\\', r'"a\"b\\"'),
        ("@f", '"@f"'),
        (">f", '">f"'),
        ("--local", '"--local"'),
        ("Operation(x", '"Operation(x"'),
        ("\x1b[2J\r\n\t\0", r'"\x1b[2J\r\n\t\x00"'),
        ("a\u202eb\u200b\u2028", r'"a\u202eb\u200b\u2028"'),
        ("\udcff\U000e0001", r'"\udcff\U000e0001"'),
        (b"plain", 'b"plain"'),
        ("Zürich €".encode(), 'b"Zürich €"'),
        (b"\0\n\xff\xc3", r'b"\x00\n\xff\xc3"'),
        ("\x85\u200b".encode(), r'b"\xc2\x85\xe2\x80\x8b"'),
        (rb"it's" + b' "\\', r'b"it' + "'" + r's \"\\"'),
    ],
)
def test_typed(value: str | bytes, shown: str) -> None:
    assert typed(value) == shown


TEXTS = st.text(st.characters() | st.sampled_from("'\"\\@>-( \t\n\0\x1b\u202e\udc80"))


@given(TEXTS | st.binary())
@example("operation(a")
@example("#")
@example(b"\\x41")
def test_what_is_shown_is_typed_again(value: str | bytes) -> None:
    shown = typed(value)
    assert [word.text for word in split(shown)] == [value]
    assert shown.isprintable(), "nothing in it moves a cursor"


@given(TEXTS | st.binary())
@example("failLink(1,2)")
def test_it_is_a_value_and_nothing_else(value: str | bytes) -> None:
    (word,) = split(typed(value))
    first = value[:1]
    assert not (word.bare and (first in ("@", ">") or value[:2] == "--"))
