"""Lines taken apart into words."""

from __future__ import annotations

import re
import shlex
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.grammar.lexer import Usage, Word, read, split


def texts(line: str) -> list[str | bytes]:
    return [word.text for word in split(line)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (r"PUT k 'a\b'", ["PUT", "k", r"a\b"]),
        (r'"\\ \" \n \r \t \0 \x41 \u20ac \U0001F600"', ['\\ " \n \r \t \0 A € 😀']),
        (r"""b"\x00\xff\"é" b'\'\n'""", [b'\0\xff"\xc3\xa9', b"'\n"]),
        ("b 'x' ab'x' a'b'\"c\"", ["b", "x", "abx", "abc"]),
        (r"a\ b \'c \@f \\", ["a b", "'c", "@f", "\\"]),
        ("PUT k \\\n v", ["PUT", "k", "v"]),
        ('"a\\\nb"', ["ab"]),
        ('"a\nb"', ["a\nb"]),
        ("'' \"\" b''", ["", "", b""]),
        ("Operation(put,a key, a value )", ["put", "a key", "a value"]),
        ("  OPERATION (put, 'a, b' , b\"\\x00\") ", ["put", "a, b", b"\0"]),
        ("failLink(1, 2)both --force", ["failLink", "1", "2", "both", "--force"]),
        ("Operation(put,it's,f(x))", ["put", "it's", "f(x)"]),
        ("Operation(put,'a' b,)", ["put", "'a' b", ""]),
        ("Operation (get,k)", ["get", "k"]),
        ("  # don't", []),
        ("PUT # '#'", ["PUT", "#", "#"]),
    ],
)
def test_splits(line: str, words: list[str | bytes]) -> None:
    assert texts(line) == words


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("PUT 'k v", "no closing '; in: PUT 'k v"),
        ('PUT "k \\', 'no closing "'),
        ("PUT b'k \\'", "no closing '"),
        (r'PUT k "\q"', r"\q is no escape"),
        (r'PUT k "\x4"', r"\x is no escape"),
        (r'PUT k "\U00110000"', r"\U00110000 is no escape"),
        (r'PUT k b"\u20ac"', r"\u20ac is no escape"),
        (r"PUT k C:\temp", r"\t outside quotes"),
        ("PUT k \\", "last backslash"),
        ('PUT k b"x"y', "a space is missing"),
        ("Operation(put,k,v", "no closing )"),
        ("failLink(1,2", "no closing )"),
        ("Operation(", "put, get and delete"),
        ("Operation()", "put, get and delete"),
        ("Operation(kill,1)", "put, get and delete"),
        ('Operation(put,k,"v', 'no closing "'),
    ],
)
def test_refuses(line: str, why: str) -> None:
    with pytest.raises(Usage) as refused:
        split(line)
    assert why in str(refused.value)


def test_words_know_their_place_and_whether_they_are_bare() -> None:
    assert split("GET  'a b' @'c' b''") == [
        Word("GET", 0, 3, True),
        Word("a b", 5, 10, False),
        Word("@c", 11, 15, True),
        Word(b"", 16, 19, False),
    ]
    assert split("Operation(put, a b ,'c')")[1:] == [
        Word("a b", 15, 18, False),
        Word("c", 20, 23, False),
    ]


LINES = st.text(alphabet=st.sampled_from(list("ab \t\r\n'\"\\#éx0@>(),\udcff$")), max_size=30)


@given(LINES)
def test_without_backslashes_it_splits_as_a_shell_does(line: str) -> None:
    no_bytes = re.sub("b+(?=['\"])", "", line.replace("\\", ""))
    line = no_bytes.lstrip(" \t\r\n#")
    try:
        words = shlex.split(line)
    except ValueError:
        with pytest.raises(Usage, match="no closing"):
            split(line)
    else:
        assert texts(line) == words


@given(st.just("Operation(") | st.just(""), LINES)
def test_any_line_can_be_read_in_part(call: str, line: str) -> None:
    words, fault, left_open, _ = read(call + line)
    ends = [0, *(place for word in words for place in (word.start, word.end)), len(call + line)]
    assert ends == sorted(ends)
    if not fault and not left_open:
        assert split(call + line) == words


@pytest.mark.parametrize(
    "line",
    [
        "PUT k " + "x" * (1 << 20),
        f"PUT k '{'y ' * (1 << 19)}'",
        f'PUT k "{chr(92) * (1 << 20)}"',
        f'PUT k b"{chr(92) * (1 << 20)}"',
        f"Operation(put,k,{'y ' * (1 << 19)})",
    ],
    ids=["plain", "quoted", "escaped", "bytes", "call"],
)
def test_a_long_line_takes_milliseconds(line: str) -> None:
    began = time.process_time()
    verb, _, value = split(line)
    assert time.process_time() - began < 8.0, "it took 20 s when each character copied the word"
    assert str(verb.text).upper() == "PUT"
    assert len(value.text) >= 1 << 19


@pytest.mark.parametrize("line", ["Operation(" + "," * 100_000, "a " * 100_000, "''" * 100_000])
def test_many_words_take_time_in_proportion(line: str) -> None:
    began = time.process_time()
    read(line)
    assert time.process_time() - began < 12.0
