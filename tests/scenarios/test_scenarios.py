"""Scenarios in words: each plays as its script expects, its transcript is the one kept here.

`pytest tests/scenarios --rewrite` writes the transcripts anew; read what changed before keeping it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kvrmi.sim.protocols import PROTOCOLS
from kvrmi.sim.scenario import read
from kvrmi.sim.script import vocabulary
from kvrmi.sim.seen import Happened, Onlooker, Seen
from kvrmi.sim.vocabulary import CONDITIONS, STEPS

HERE = Path(__file__).parent
ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "kvrmi" / "sim" / "scenarios").glob("*.txt"))


def play(script: str, write: Callable[[str], None], onlooker: Onlooker | None = None) -> bool:
    """Play it on its protocol; what cannot be read, on any."""
    protocol = re.search(r"^protocol: (\w+)$", script, re.MULTILINE)
    found = PROTOCOLS[protocol[1] if protocol else "paxos"].play
    assert found is not None
    return found(script.splitlines(), write, onlooker)


def played(script: str) -> tuple[bool, list[str]]:
    lines: list[str] = []
    return play(script, lines.append), lines


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scenario_goes_as_it_went(script: Path, request: pytest.FixtureRequest) -> None:
    went_well, lines = played(script.read_text(encoding="utf-8"))
    assert went_well, lines[-1]
    golden = HERE / f"{script.stem}.transcript"
    if request.config.getoption("--rewrite", default=False):
        golden.write_text("\n".join(lines) + "\n", encoding="utf-8")
    known = golden.read_text(encoding="utf-8").splitlines()
    diff = difflib.unified_diff(known, lines, golden.name, "now", lineterm="", n=2)
    assert known == lines, "\n" + "\n".join(diff)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_each_says_what_it_teaches_and_ends_with_a_question(script: Path) -> None:
    scenario = read(script.read_text(encoding="utf-8").splitlines())
    assert all((scenario.title, scenario.teaches, scenario.question, scenario.answer))


def test_texts_go_on_in_indented_lines() -> None:
    written = "title: one\n  two\nteaches: three\nreplicas 3\nrun 1\nquestion: a\n  b\nanswer: c"
    scenario = read(written.splitlines())
    assert (scenario.title, scenario.teaches) == ("one two", "three")
    assert (scenario.question, scenario.answer) == ("a b", "c")
    assert [line.text for line in scenario.lines if line.is_step] == ["run 1"]


def test_who_looks_on_sees_prose_steps_and_the_question() -> None:
    seen: list[Seen] = []
    play("replicas 1\n# so\n\nrun 1\nquestion: why?", lambda line: None, seen.append)
    texts = [one.text for one in seen if isinstance(one, Happened) and one.who == "script"]
    assert texts == ["# so", "run 1", "# Question: why?"]


def test_every_transcript_has_its_script() -> None:
    transcripts = {path.stem for path in HERE.glob("*.transcript")}
    assert transcripts == {path.stem for path in SCRIPTS}


def test_scripts_use_the_whole_vocabulary() -> None:
    """A word that no script needs is a word too many."""
    lines = [line for path in SCRIPTS for line in path.read_text(encoding="utf-8").splitlines()]
    for how, pattern in STEPS.items():
        assert any(re.fullmatch(pattern, line) for line in lines), how
    for how, pattern in CONDITIONS.items():
        found = rf"(?:expect|until|run [\d.]+ while) (?:{pattern})(?: within [\d.]+)?"
        assert any(re.fullmatch(found, line) for line in lines), how


def test_the_vocabulary_lists_everything() -> None:
    text = vocabulary()
    assert all(how in text for how in (*STEPS, *CONDITIONS))


@pytest.mark.parametrize(
    ("script", "end"),
    [
        ("", "line 0: the script has no `replicas N`"),
        ("run 1", "line 1: a script begins with `replicas N`, not: run 1"),
        ("# x\nreplicas 3\nrun 1\njump 2", "line 4: no such step: jump 2"),
        ("replicas 3\nexpect 1 dances", "line 2: no such condition: 1 dances"),
        ("replicas 3\ndrop Sneeze 1 -> 2", "line 2: no such message between replicas: Sneeze"),
        ("replicas 3\ncut 1 > 2", "line 2: no such link: 1 > 2"),
        ("replicas 3\nfail brain 2", "line 2: no such role: brain"),
        ("replicas 3\nput k at 2", "line 2: no such operation: put k"),
        ("question: why?\nreplicas 3", "line 1: question stands after the steps"),
        ("replicas 3\ntitle: late", "line 2: title stands before the steps"),
        ("title: one\ntitle: two\nreplicas 3", "line 2: there is a title already"),
    ],
)
def test_a_line_that_is_not_understood_is_told_before_anything_runs(script: str, end: str) -> None:
    assert played(script) == (False, [end])


@pytest.mark.parametrize(
    ("script", "end"),
    [
        ("replicas 3\nuntil 1 leads\n\nexpect 2 leads", "line 4: expected: 2 leads; but 1 leads"),
        ("replicas 3\nexpect k = v at 1", "line 2: expected: k = v at 1; but k = none at 1"),
        ("replicas 3\nkill 7", "line 2: there is no replica 7"),
        ("replicas 3\nput k v at 9", "line 2: there is no replica 9"),
        (
            "replicas 3\ncut all\nuntil 1 leads within 2",
            "line 3: waited 2 s for: 1 leads; but nobody leads",
        ),
        (
            "replicas 3\nuntil 1 leads\nkill 1\nrun 9 while 1 leads",
            "line 4: expected all the time: 1 leads; but nobody leads",
        ),
        ("replicas 1\nput copy back 1", "line 2: replica 1 is up, or has no copy"),
        ("replicas 1\nkill 1\nget k at 1", "line 3: replica 1 is down"),
        ("replicas 3\ncut all\nfill 1 at 1", "line 3: put k1: NO_QUORUM: no majority"),
    ],
)
def test_an_expectation_that_fails_ends_the_play_and_tells_the_line(script: str, end: str) -> None:
    went_well, lines = played(script + "\nrun 1")
    assert not went_well
    assert lines[-1].startswith(end)
    assert "run 1" not in lines
