"""Texts are counted, padded and broken by the columns that a terminal gives them."""

from __future__ import annotations

import textwrap

import pytest

from client.tables import table
from kvrmi.access.showing import block_table
from kvrmi.columns import padded, width, wrapped

JAPAN = "\u65e5\u672c"
"""Two characters, four columns."""


def test_wide_characters_count_two_columns() -> None:
    assert (width("ab"), width(JAPAN), width("a\u0301")) == (2, 4, 2)
    assert padded(JAPAN, 6) == f"{JAPAN}  "
    assert padded("abcdef", 3) == "abcdef"


@pytest.mark.parametrize(
    "text",
    [
        "a few words  and two blanks between",
        "a_word_that_is_much_longer_than_a_line and another",
        "    an indent stays, on the first line alone",
        "",
        "-",
    ],
)
def test_lines_are_broken_as_everywhere(text: str) -> None:
    like = textwrap.fill(
        text, 20, initial_indent="- ", subsequent_indent="    ", break_on_hyphens=False
    )
    assert wrapped(text, 20, "- ", "    ") == like


def test_no_line_of_wide_characters_is_too_wide() -> None:
    for columns in (7, 8, 20):
        lines = wrapped(f"put {JAPAN * 30} by bob", columns, "* ", "  ").splitlines()
        assert max(map(width, lines)) <= columns
        assert "".join("".join(lines).split()).count(JAPAN) == 30


def test_a_very_long_word_takes_no_long_time() -> None:
    assert len(wrapped("x" * 100_000, 80).splitlines()) == 1250


def test_columns_of_blocks_are_aligned() -> None:
    block = {
        "slot": 1, "state": JAPAN, "commands": [], "count": 0,
    }  # fmt: skip
    head, line = block_table([block], "slot", "state", "operations")
    assert width(line[: line.index("no-op")]) == width(head[: head.index("operations")])


def test_columns_of_tables_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    table(sys.stdout, ["name", "n"], [[JAPAN * 2, "1"], ["abc", "2"]])
    lines = capsys.readouterr().out.splitlines()
    assert [width(line) for line in lines] == [11, 11, 11]
