"""python -m kvrmi.sim as a person or a script uses it."""

from __future__ import annotations

import json

import pytest

from kvrmi.sim.__main__ import main


def test_one_run_is_told_in_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3", "--steps", "300"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "seed 3, profile network: all well"
    assert "events in" in second


def test_a_trace_is_a_line_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3", "--steps", "300", "--trace"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  1.000000 r1.process   started"
    assert any("r1.acceptor  < r1.proposer Prepare ballot=1.1 slot=1" in line for line in lines)


def test_many_runs_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "0..11", "--steps", "300", "--jobs", "2"]) == 0
    out = capsys.readouterr().out
    assert "calm" in out
    assert "all" in out


def test_many_runs_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "0..3", "--steps", "300", "--jobs", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True
    assert report["total"]["runs"] == 4
    assert report["profiles"]["crash"]["runs"] == 1
    assert report["violations"] == []


@pytest.mark.parametrize(
    "words",
    [["--seeds", "5"], ["--seed", "-1"], ["--profile", "bad"], ["--only", "x"], ["--what"]],
)
def test_senseless_arguments_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(words)
    assert error.value.code == 2
