"""Literals are read without holding up other threads, and in little memory."""

from __future__ import annotations

import ast
import sys
import threading
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.remote.literal import TokensExceeded, read_literal

MANY = 1 << 19


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("# serpent utf-8 python3.2\n('a',)", ("a",)),
        (" # one\n# two\n 'x'", "x"),
        (
            "[1, -2, 1.5, -1e3, 1., None, True, False]",
            [1, -2, 1.5, -1000.0, 1.0, None, True, False],
        ),
        ("('a')", "a"),
        ("()", ()),
        ("{}", {}),
        ("{'a':[1,],'b':{'c',},}", {"a": [1], "b": {"c"}}),
        (r"'\n\'\x41\u20ac\U0001f600\101'", "\n'A€😀A"),
        (r"b'\x00\xff\''", b"\x00\xff'"),
        ('"it\'s"', "it's"),
        (" ( 1 ,\n2 ) ", (1, 2)),
    ],
)
def test_what_serpent_writes_is_read(text: str, value: object) -> None:
    found = read_literal(text, 100)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "", "#", "[", "]", "[1", "[1 2]", "[,]", "[1,,]", "(,)", "{1}", "{1:2}", "{'a':}", "{:'a'}",
        "{'a':1,'b'}", "{'a','b':1}", "{'a'::1}", "[1:2]", "(1]", "1,2", "'a' 'b'", "1 1", "007",
        "0x10", "1_0", "1j", "+1", "--1", "'\n'", r"'\d'", r"b'\u0041'", "b'é'", "u'a'", "'''a'''",
        "nan", "x", "f()", "'\\", "'", "[1]]", "1.5.5", "'\\777'",
    ],
)  # fmt: skip
def test_all_else_is_refused(text: str) -> None:
    with pytest.raises((ValueError, SyntaxError)):
        read_literal(text, 100)


PAIRS = ["('a','b')", "('c', 'd')", "('e','f',)", "['g','h']", r"('i\n','j')", "('k',b'l')", "'m'"]


@given(st.lists(st.sampled_from(PAIRS), min_size=1, max_size=300), st.sampled_from(["", ",", " "]))
def test_runs_of_pairs_are_read_like_all_else(items: list[str], end: str) -> None:
    for text in (f"[{','.join(items)}{end}]", f"({', '.join(items)},{end.strip(',')})"):
        assert read_literal(text, 10_000) == ast.literal_eval(text)


@pytest.mark.parametrize(
    "text",
    ["[('a','b')('c','d')]", "[('a','b'),,('c','d')]", "[('a','b'),('c','d')", "[('a','b'),('c'",
     "[1('a','b')]", "{('a','b'):1}"],
)  # fmt: skip
def test_what_is_no_run_of_pairs_is_refused(text: str) -> None:
    with pytest.raises((ValueError, SyntaxError)):
        read_literal(text, 100)


def test_tokens_are_counted() -> None:
    with pytest.raises(TokensExceeded):
        read_literal("[" + "0," * 100 + "]", 100)
    with pytest.raises(TokensExceeded):
        read_literal("[" + "('a','b')," * 20 + "]", 100)


def test_other_threads_run_meanwhile() -> None:
    """Python's own parser let none of them for a second."""
    done = threading.Event()
    turns = 0

    def count() -> None:
        nonlocal turns
        while not done.wait(0.0001):
            turns += 1

    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    thread = threading.Thread(target=count)
    thread.start()
    try:
        read_literal("[" + "0," * (MANY // 4) + "]", MANY)
    finally:
        sys.setswitchinterval(before)
        done.set()
        thread.join()
    assert turns > 10


def test_it_needs_no_more_memory_than_what_it_reads() -> None:
    text = "[" + "0," * (MANY // 4) + "]"
    tracemalloc.start()
    try:
        read_literal(text, MANY)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
