"""Clusters for scenarios, and all scenarios one after the other, with a line for each.

Rules: one cluster serves all scenarios that need the same; it is ended, whatever happens, and its
folder is kept only if something went wrong. It shows no step.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO, TypeAlias

from kvrmi.errors import KVError
from kvrmi.sim.scenario import KEEP, Scenario, Wrong

from ...nemesis.subject import NotStarted, Subject
from . import play
from .shipped import named, texts
from .steps import is_playable

__all__ = ["all_live", "all_simulated", "cluster_for"]

Run: TypeAlias = Callable[[Scenario, play.Write], str]
"""Plays a scenario; what was not as expected, or nothing."""


class _Kind(NamedTuple):
    """What scenarios need that are played on one cluster."""

    protocol: str
    replicas: int
    keep: int


def _kind(scenario: Scenario) -> _Kind:
    return _Kind(scenario.protocol, scenario.replicas, scenario.keep)


@contextmanager
def cluster_for(scenario: Scenario) -> Iterator[Run]:
    """Start a cluster such as the scenario needs, give what plays on it, and end it."""
    data = Path(tempfile.mkdtemp(prefix="kvrmi-lab-")).resolve()
    subject, kind = Subject(data), _kind(scenario)
    problems: list[str] = []

    def run(scenario: Scenario, write: play.Write) -> str:
        if problems:
            return problems[0]
        try:
            wrong = play.live(scenario, subject, write)
        except (Wrong, KVError) as error:
            wrong = str(error)
        if wrong:
            problems.append(f"{wrong}; the logs are in {data}")
        return problems[0] if problems else ""

    try:
        try:
            subject.start("--replicas", str(kind.replicas), "--engine", kind.protocol)
            if kind.keep != KEEP:
                subject.keep(kind.keep)
        except (NotStarted, OSError) as error:
            problems.append(f"{error}; the logs are in {data}")
        yield run
    finally:
        subject.stop()
        if not problems:
            shutil.rmtree(data, ignore_errors=True)


def all_simulated(out: TextIO) -> int:
    """Play all in the simulator; returns the exit status."""
    failed = 0
    for name, text in texts().items():
        began = time.monotonic()
        wrong = play.simulated(named(name).protocol, text.splitlines(), lambda line: None)
        failed += _report(out, name, began, wrong)
    return 1 if failed else 0


def all_live(out: TextIO) -> int:
    """Play all that processes can play; returns the exit status."""
    failed = 0
    for scenarios in _by_kind().values():
        waiting = list(scenarios.items())
        while waiting:
            failed += _play_on_one(waiting, out)
    return 1 if failed else 0


def _play_on_one(waiting: list[tuple[str, Scenario]], out: TextIO) -> bool:
    """Play on one cluster until something fails there; whether it did. Takes from `waiting`."""
    with cluster_for(waiting[0][1]) as run:
        while waiting:
            name, scenario = waiting.pop(0)
            began = time.monotonic()
            if _report(out, name, began, run(scenario, lambda line: None)):
                return True
    return False


def _by_kind() -> Mapping[_Kind, dict[str, Scenario]]:
    kinds: dict[_Kind, dict[str, Scenario]] = {}
    for name in texts():
        scenario = named(name)
        if is_playable(scenario):
            kinds.setdefault(_kind(scenario), {})[name] = scenario
    return kinds


def _report(out: TextIO, name: str, began: float, wrong: str) -> bool:
    """Print how one went; whether it failed."""
    seconds = time.monotonic() - began
    print(f"{name:24} {seconds:6.1f} s  {wrong or 'as expected'}", file=out, flush=True)
    return bool(wrong)
