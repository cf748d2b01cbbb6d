"""Plays a scenario: in the simulator, or on processes of a cluster.

Rules: both read the same file and end at the first expectation that does not hold; what is played
and what is seen to happen go to a Show, line by line. It prints nothing itself.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from kvrmi.errors import KVError
from kvrmi.sim.protocols import PROTOCOLS
from kvrmi.sim.scenario import Line, Scenario, Wrong
from kvrmi.sim.vocabulary import operation

from ...nemesis.subject import Subject
from .stage import Stage
from .steps import Step, find_step

__all__ = ["Write", "live", "simulated"]

Write = Callable[[str], None]
"""Takes a line: of the scenario as it is written; else indented, with the seconds before it."""


def simulated(protocol: str, lines: Sequence[str], write: Write) -> str:
    """Play it in virtual time; returns what was not as expected, or nothing."""
    play = PROTOCOLS[protocol].play
    if play is None:
        return f"there are no scenarios in words for {protocol}"
    written: list[str] = []

    def both(line: str) -> None:
        if written:
            write(written.pop())
        written.append(line)

    went_well = play(lines, both)
    last = written.pop() if written else ""
    if went_well:
        write(last)
        return ""
    return last


def live(scenario: Scenario, subject: Subject, write: Write) -> str:
    """Play it on a cluster that runs, and undo all of it; what was not as expected, or nothing."""
    steps = [(line, find_step(line.text) if line.is_step else None) for line in scenario.lines]
    stage = Stage(subject, lambda text: write(f"{time.monotonic() - began:9.3f}  {text}"))
    stage.prepare(_keys(scenario))
    began = time.monotonic()  # nothing is said before
    for line in scenario.before:
        write(line.text)
    try:
        return _play(stage, steps, write)
    finally:
        stage.tidy()


def _play(stage: Stage, steps: Sequence[tuple[Line, Step | None]], write: Write) -> str:
    for line, step in steps:
        write(line.text)
        try:
            if step is not None:
                step(stage)
        except (Wrong, KVError) as error:
            return f"line {line.number}: {error}"
    return ""


def _keys(scenario: Scenario) -> set[str]:
    """List the keys that it writes."""
    keys = set[str]()
    for line in scenario.lines:
        asked = re.fullmatch(r"(?:ask )?(?:as \w+ \d+ )?((?:put|cas|delete) .+) at \d+", line.text)
        if line.is_step and asked:
            keys.add(str(operation(asked[1])[1][0]))
    return keys
