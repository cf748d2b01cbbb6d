"""Blocks of several lines: where a command ends."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.grammar.lexer import read
from client.grammar.literal import typed
from client.shell.blocks import commands, gathered, is_whole, last


@pytest.mark.parametrize(
    ("block", "parts"),
    [
        ("", []),
        (" \n\n", []),
        ("GET a", ["GET a"]),
        ("PUT a 1\nGET a\n", ["PUT a 1", "GET a"]),
        ("PUT a 'x\ny'\nGET a", ["PUT a 'x\ny'", "GET a"]),
        ('PUT a "x\\"\ny" \n\nGET a', ['PUT a "x\\"\ny" ', "GET a"]),
        ("PUT a \\\n 1\nGET a", ["PUT a \\\n 1", "GET a"]),
        ("PUT a x\\\\\nGET a", ["PUT a x\\\\", "GET a"]),
        ("Operation(put, a, 'x\ny')\nOperation(get,a)", None),
        ("PUT a it's\nGET a", ["PUT a it's\nGET a"]),
        ("PUT a '\n\n\nb\n'\nSIZE", ["PUT a '\n\n\nb\n'", "SIZE"]),
        ("PUT a 'x\ny''z\n'\\\n#1\nSIZE", ["PUT a 'x\ny''z\n'\\\n#1", "SIZE"]),
        ("PUT a b'x\n\\'\n'\nSIZE", ["PUT a b'x\n\\'\n'", "SIZE"]),
        ('PUT a "x\\\n\\"\n"\nSIZE', ['PUT a "x\\\n\\"\n"', "SIZE"]),
        ("# it's \\\nSIZE", ["SIZE"]),
    ],
)
def test_commands_of_a_block(block: str, parts: list[str] | None) -> None:
    found = list(commands(block))
    assert found == (parts if parts is not None else block.replace(")\n", ")\0").split("\0"))


@pytest.mark.parametrize(
    ("block", "whole"),
    [
        ("", True),
        ("GET a", True),
        ("PUT a 'x", False),
        ("PUT a 'x\n", False),
        ("PUT a 'x\ny'", True),
        ("PUT a \\", False),
        ("PUT a \\\\", True),
        ("PUT a \\\n", True),
        ("PUT a 1\nGET \\", False),
    ],
)
def test_what_is_whole(block: str, whole: bool) -> None:
    assert is_whole(block) == whole


@given(values=st.lists(st.text(min_size=1) | st.binary(), min_size=1, max_size=5))
def test_typed_commands_come_apart_again(values: list[str | bytes]) -> None:
    lines = [f"PUT k {typed(value)}" for value in values]
    block = "\n".join(lines)
    assert is_whole(block)
    assert list(commands(block)) == lines
    assert last(block) == lines[-1]
    assert [read(line).words[2].text for line in commands(block)] == values


@given(
    text=st.text(st.sampled_from("ab \n'\"\\#,()"), max_size=40),
    first=st.sampled_from(["PUT ", "Operation(put, ", "", "b"]),
)
def test_lines_read_one_by_one_end_where_the_whole_does(text: str, first: str) -> None:
    """Against the rule itself: a command ends at the first line at which nothing is left open."""
    block = first + text
    expected, rest = [], block.split("\n")
    while rest:
        count = next((n for n in range(1, len(rest)) if is_one(rest[:n])), len(rest))
        expected.append("\n".join(rest[:count]))
        rest = rest[count:]
    assert [command for _, command in gathered(block.split("\n"))] == expected


def is_one(lines: list[str]) -> bool:
    text = "\n".join(lines)
    found = read(text)
    slashes = len(text) - len(text.rstrip("\\"))
    return not found.open and (not found.words or slashes % 2 == 0)


@pytest.mark.parametrize("line", ["line", "it", '\\"', "','", "' '", "v \\"])
def test_a_command_of_many_lines_takes_milliseconds(line: str) -> None:
    begin = 'PUT k "x\n' if '"' in line else "MPUT \\\n" if "v" in line else "PUT k 'x\n"
    block = begin + f"{line}\n" * 50_000
    began = time.process_time()
    assert len(list(gathered(block.split("\n")))) in (1, 2)
    assert time.process_time() - began < 8
