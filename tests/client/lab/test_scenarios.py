"""Scenarios in the terminal: listed, played in the simulator, refused where they cannot be."""

from __future__ import annotations

import re
from pathlib import Path
from unittest.mock import Mock

import pytest

from client.__main__ import main
from client.lab.pairs import PAIRS
from client.lab.scenarios.play import live as played
from client.lab.scenarios.shipped import named, texts
from client.lab.scenarios.stage import Stage
from client.lab.scenarios.steps import is_playable
from kvrmi.operations.interface import Answer
from kvrmi.sim.protocols import PROTOCOLS
from kvrmi.sim.scenario import read


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_the_list_names_every_scenario_in_eighty_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["lab", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines if line} >= set(texts())
    assert max(map(len, lines)) <= 80


def test_one_is_played_and_ends_with_its_question_and_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["lab", "run", "basic_round"]) == 0
    out = capsys.readouterr().out
    scenario = read(texts()["basic_round"].splitlines())
    for text in (scenario.title, "> put k v1 at 2", "client gets OK: 1", "All went as expected."):
        assert text in out
    assert out.index("Question: ") < out.index("Answer: ")
    assert "title:" not in out
    assert max(map(len, out.splitlines())) <= 80


def test_an_expectation_that_fails_ends_with_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("replicas 3\nuntil 1 leads\nexpect 2 leads\nquestion: why?\n")
    assert main(["lab", "run", str(mine)]) == 1
    out = capsys.readouterr().out
    assert "not as expected: line 3: expected: 2 leads; but 1 leads" in out
    assert "Question" not in out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["nowhere"], "there is no scenario 'nowhere'"),
        (["lost_accepts", "--live"], "it plays in the simulator only"),
    ],
)
def test_what_cannot_be_played_is_refused(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["lab", "run", *words])
    assert ended.value.code == 2
    assert why in " ".join(capsys.readouterr().err.split())


def test_on_processes_nothing_is_said_before_the_story_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its clock starts with the story: what was said before had later times than what follows."""
    monkeypatch.setattr(Stage, "call", lambda *_: Answer("OK", True, 1))
    monkeypatch.setattr("client.lab.scenarios.stage.whole", lambda _: True)
    replica = {"id": 1, "state": "up", "roles": {}}
    subject = Mock()
    subject.cluster.ids = (1,)
    subject.status.return_value = {"leader": 1, "replicas": [replica]}
    story = ["replicas 1", "until 1 leads", "put k v at 1"]
    lines: list[str] = []
    assert played(read(story), subject, lines.append) == ""
    assert [re.sub(r" *[\d.]+  ", "", line) for line in lines] == [
        "replicas 1", "until 1 leads", "replica 1 leads", "put k v at 1", "client gets OK: True",
    ]  # fmt: skip


def test_the_lessons_name_what_there_is() -> None:
    lessons = (Path(__file__).parents[3] / "client" / "lab" / "README.md").read_text("utf-8")
    scenarios = re.findall(r"lab (?:--scenario|run) ([a-z_]+)", lessons)
    live = re.findall(r"lab run ([a-z_]+) --live", lessons)
    assert len(set(scenarios)) >= 6
    assert set(scenarios) <= set(texts())
    assert all(is_playable(named(name)) for name in live)
    assert set(re.findall(r"--bug ([a-z-]+)", lessons)) <= set(PROTOCOLS["paxos"].bugs)
    assert PAIRS["blocking"].title in " ".join(lessons.split())
