"""python -m kvrmi.sim as a person or a script uses it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kvrmi.sim import __main__ as program
from kvrmi.sim.__main__ import main
from kvrmi.sim.many import run_many
from kvrmi.sim.protocols import PROTOCOLS
from kvrmi.sim.run import Ended


def test_one_run_is_told_in_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3", "--steps", "300"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "seed 3, profile network, 5 replicas: all well"
    assert "events in" in second


def test_a_trace_is_a_line_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3", "--steps", "300", "--trace"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  1.000000 r1.process   started"
    assert any("r1.acceptor  < r1.proposer Prepare ballot=1.1 slot=1" in line for line in lines)
    # What a replica's log would have: the same observer makes both.
    assert any("r1.proposer  * campaign ballot=1.1 from slot=1" in line for line in lines)
    assert any("r2.proposer  * leads replica=1 ballot=1.1" in line for line in lines)


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_a_protocol_comes_into_processes_of_their_own(name: str) -> None:
    assert pickle.loads(pickle.dumps(PROTOCOLS[name])) == PROTOCOLS[name]


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
    [
        ["--seeds", "5"],
        ["--seeds", "5..1"],
        ["--seed", "-1"],
        ["--profile", "bad"],
        ["--only", "x"],
        ["--what"],
        ["--jobs", "0"],
        ["--plant", "nothing"],
        ["--bugs", "nothing"],
        ["--seeds", "1..2", "--trace"],
        ["--script", "x", "--plant", "quorum-of-two"],
    ],
)
def test_senseless_arguments_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(words)
    assert error.value.code == 2


def test_a_planted_bug_is_found_by_many_runs_too(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--seeds", "0..1", "--plant", "quorum-of-two", "--jobs", "1"]
    assert main([*words, "--explain", "1"]) == 1
    again, page = capsys.readouterr().out.splitlines()[-2:]
    assert again.startswith("  python -m kvrmi.sim --seed 0 --profile calm --steps ")
    assert again.endswith(" --plant quorum-of-two --trace")
    run = again.split("--seed")[1].partition(" --plant")[0]
    assert page == f"  kvrmi-client lab --seed{run} --bug quorum-of-two"
    assert main([*words, "--json", "--explain", "1"]) == 1
    (reported,) = json.loads(capsys.readouterr().out)["violations"]
    assert reported["smallest"].endswith("--plant quorum-of-two")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_violation_is_printed_before_the_next_seed_is_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, as_json: bool
) -> None:
    shown: list[str] = []

    def watched(*args: Any, **options: Any) -> Iterator[Ended]:
        for ended in run_many(*args, **options):
            yield ended
            shown.append(capsys.readouterr()[as_json])

    monkeypatch.setattr(program, "run_many", watched)
    words = ["--seeds", "0..1", "--plant", "quorum-of-two", "--jobs", "1", "--explain", "0"]
    assert main([*words, "--json"] if as_json else words) == 1
    assert shown[0].startswith("seed 0, profile calm, 5 replicas: VIOLATION at ")
    assert "  python -m kvrmi.sim --seed 0 --profile calm --steps 3000 --plant" in shown[0]
    assert shown[1].startswith("seed 1, ")


def test_a_script_is_played(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("replicas 3\nuntil 1 leads\n", encoding="utf-8")
    assert main(["--script", str(script)]) == 0
    assert "proposer 1 leads at 1.1" in capsys.readouterr().out
    script.write_text("replicas 3\nuntil 1 leads\nexpect 2 leads\n", encoding="utf-8")
    assert main(["--script", str(script)]) == 1
    assert main(["--script", str(tmp_path / "none")]) == 2
