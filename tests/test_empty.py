"""A script's unset variable makes an argument empty: that is refused, never taken for not given.

Every option and argument of every program is tried, so a new one is, too.
"""

from __future__ import annotations

import argparse
import functools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import kvrmi
from client.lab.scenarios.program import COMMANDS
from kvrmi import cli
from kvrmi.access.lookup import look_up
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.file import find
from kvrmi.errors import InvalidRequest
from kvrmi.sim import __main__ as sim
from tests.test_reference import code_files, parsers

MAY_BE_EMPTY = {
    ("kvrmi-client", "command"): "PUT k '' puts an empty value",
}


class Made(Exception):
    """Carries the parser that a program made."""


def parser_of(main: Callable[[Sequence[str]], int]) -> argparse.ArgumentParser:
    """Return what a program reads its command line with, where no function makes it alone."""

    def stop(parser: argparse.ArgumentParser, *_: Any) -> None:
        raise Made(parser)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cli.Parser, "parse_args", stop)
        with pytest.raises(Made) as made:
            main([])
    found = made.value.args[0]
    assert isinstance(found, argparse.ArgumentParser)
    return found


@functools.cache
def everything() -> dict[str, argparse.ArgumentParser]:
    lab = {f"kvrmi-client lab {name}": parser_of(main) for name, main in COMMANDS.items()}
    return parsers() | lab | {"python -m kvrmi.sim": parser_of(sim.main)}


def taking() -> Iterator[tuple[str, argparse.Action]]:
    """Every argument that takes a value."""
    for name, parser in everything().items():
        for action in parser._actions:
            if action.nargs != 0 and (name, action.dest) not in MAY_BE_EMPTY:
                yield name, action


def test_no_parser_is_forgotten() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in code_files()}
    making = {path for path, text in texts.items() if re.search(r"\bParser\((\n|\"|about)", text)}
    apart = {path for path in making if "\ndef _parser() " not in texts[path]}
    assert {f"{path.parent.name}/{path.name}" for path in apart} == {
        "scenarios/dare.py", "scenarios/program.py", "sim/__main__.py",
    }  # fmt: skip
    assert len(making) == len(everything()) - 1  # `lab list` and `lab run` are made in one place


@pytest.mark.parametrize(
    ("program", "action"),
    [pytest.param(*one, id=f"{one[0]} {one[1].dest}") for one in taking()],
)
def test_an_empty_argument_is_refused_by_its_name(
    program: str, action: argparse.Action, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = everything()[program]
    before = [one for one in parser._actions if not one.option_strings]
    words = ["1"] * (0 if action.option_strings else before.index(action))
    with pytest.raises(SystemExit) as ended:
        parser.parse_args([*words, *action.option_strings[-1:], ""])
    refused = capsys.readouterr().err
    name = "/".join(action.option_strings) or action.metavar or action.dest
    assert ended.value.code == cli.USAGE
    assert f"argument {name}: " in refused
    assert "None" not in refused


def test_an_empty_variable_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KVRMI_CONFIG", "")
    with pytest.raises(SystemExit) as ended:
        cli.Parser("").parse_args([])
    assert ended.value.code == cli.USAGE
    assert "KVRMI_CONFIG is empty: unset it" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="KVRMI_CONFIG is empty"):
        find()
    with pytest.raises(InvalidRequest, match="KVRMI_CONFIG is empty"):
        look_up()


@pytest.mark.parametrize("argument", ["config", "nameserver", "addresses", "name"])
@pytest.mark.parametrize("value", ["", 5])
def test_an_empty_argument_of_connect_is_refused_by_its_name(argument: str, value: object) -> None:
    given: dict[str, Any] = {argument: value}
    with pytest.raises(InvalidRequest, match=argument):
        kvrmi.connect(**given)


@pytest.mark.parametrize("addresses", [[], [""], iter(()), [5]])
def test_no_addresses_are_refused(addresses: Any) -> None:
    with pytest.raises(InvalidRequest, match="addresses"):
        kvrmi.connect(addresses=addresses)


@pytest.mark.parametrize("text", ["", ",", "a,,b", "a, "])
def test_a_list_holds_no_empty_name(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="empty"):
        cli.listed(text)
    assert cli.listed("a, b") == ["a", "b"]


def test_a_path_that_is_given_stays_one() -> None:
    parser = cli.Parser("")
    parser.add_argument("file", type=Path)
    assert parser.parse_args(["x"]).file == Path("x")
