"""The client's flags: what is wrong is one line and status 2, before anything is contacted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from client.__main__ import main
from client.compare.program import ENGINES
from server.__main__ import main as server
from server.engines import kinds


@pytest.mark.parametrize("flag", ["--config", "--address", "--object", "--log"])
def test_a_flag_whose_value_is_empty_names_no_other_cluster(
    flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script's variable that is not set must not be an order to the cluster that lies here."""
    assert refused(main, f"{flag}=", "KILL", "1") == 2
    assert f"argument {flag}: it is empty" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--config", "--address", "--peers", "--data"])
def test_nor_does_one_of_a_replica(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(server, "1", f"{flag}=") == 2
    assert f"argument {flag}: it is empty" in capsys.readouterr().err


def test_a_replica_has_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(server, "x") == 2
    assert "argument id: 'x' is not a whole number from 1 to 99" in capsys.readouterr().err


@pytest.mark.parametrize("named", ["raft", "", "paxos,", "paxos,raft"])
def test_engines_that_are_not_there_are_not_compared(
    named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(main, "compare", "--engines", named) == 2
    assert "use paxos, 2pc, single, etcd; see --help" in capsys.readouterr().err


def test_all_engines_can_be_compared() -> None:
    assert tuple(kinds.ENGINES) == ENGINES


def test_looks_are_counted_where_they_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(main, "live", "--count", "3") == 2
    assert "--count needs --json" in capsys.readouterr().err


def test_values_that_are_refused_are_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(main, "bench", "--value-bytes", "1048577") == 2
    assert "is not a whole number from 1 to 1048576" in capsys.readouterr().err


def refused(program: Callable[[list[str]], int], *words: str) -> object:
    with pytest.raises(SystemExit) as ended:
        program(list(words))
    return ended.value.code


@pytest.mark.parametrize("words", [("GET", "k"), ("live",)])
def test_commands_at_once_come_from_a_pipe(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--at-once", "4", *words])
    assert ended.value.code == 2
    assert "--at-once is for the commands of a pipe" in capsys.readouterr().err
