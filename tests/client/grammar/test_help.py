"""HELP: complete, within 80 columns, and with examples that are true."""

from __future__ import annotations

import io
import re
from typing import cast

import pytest

from client.__main__ import _PROGRAMS
from client.admin import Admin
from client.grammar import help
from client.grammar.commands import COMMANDS, GROUPS, PROGRAMS, parse
from client.grammar.lexer import split
from client.render import Printer
from client.shell.notes import Notes
from client.shell.run import Shell
from kvrmi.access.store import connect
from tests.client.fake import Cluster
from tests.client.test_render import Terminal


def test_the_overview_is_complete_and_narrow() -> None:
    lines = help.lines()
    assert max(map(len, lines)) < 80
    for word in (*COMMANDS, *PROGRAMS, "proposer", "acceptor", "learner"):
        assert re.search(rf"(?<!\w){re.escape(word)}(?!\w)", "\n".join(lines)), word


@pytest.mark.parametrize("columns", [40, 60, 79])
def test_it_fits_the_window(columns: int) -> None:
    lines = [line for name in (None, *COMMANDS) for line in help.lines(name, columns)]
    examples = "\n".join(text for form in COMMANDS.values() for text in form.example)
    assert not [line for line in lines if len(line) > columns and line.strip() not in examples]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command(name: str) -> None:
    lines = help.lines(name.lower())
    assert lines[0] == COMMANDS[name].usage.split(" | ")[0]
    assert max(map(len, lines)) < 80
    assert f"  {COMMANDS[name].example[0]}" in lines
    parse(split(COMMANDS[name].example[0]))


def test_examples_are_true(cluster: Cluster) -> None:
    with connect(addresses=cluster.addresses) as store:
        for form in GROUPS["Keys and values"]:
            out = Terminal()
            printer = Printer(as_json=False, out=out, err=io.StringIO())
            line, answer = form.example
            Shell(store, cast(Admin, None), printer, Notes(printer.note)).run_line(line)
            assert out.getvalue().rstrip("\n") == answer, line


def test_every_part_of_the_client_with_options_of_its_own_is_named() -> None:
    assert set(PROGRAMS) == set(_PROGRAMS)
