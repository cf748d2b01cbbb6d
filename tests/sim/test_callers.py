"""Callers of simulated stores: connect()'s attempts meet everything, and lies are found."""

from __future__ import annotations

from collections import Counter

import pytest

from kvrmi.access.attempts import Attempts, Done, Pause, Step
from kvrmi.access.findings import Lost, Unsent
from kvrmi.errors import KVError
from kvrmi.sim.paxos.histories import PAXOS, with_callers
from kvrmi.sim.paxos.parts import Parts
from kvrmi.sim.run import run

from .honest import honest

SEEDS = [seed for seed in range(140) if with_callers(seed)]


def test_callers_meet_everything_and_nothing_is_violated() -> None:
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        assert not honest(seed).ended.violation
        seen += honest(seed).callers
    for what in (
        "Unsent by ConnectionRefusedError", "Unsent by TimeoutError", "Lost by NoneType",
        "Lost by TimeoutError", "open together", "sessions renewed", "ok", "undone", "in doubt",
    ):  # fmt: skip
        assert seen[what] > 2, seen


class _Inventive(Attempts):
    def failed(self, error: Unsent | Lost | KVError, now: float) -> Step:
        answer = {"value": 10**6, "revision": 10**6, "replica": 1, "leader": 1, "stale": False}
        return Done(answer) if isinstance(error, Unsent) else super().failed(error, now)


class _Patient(Attempts):
    def failed(self, error: Unsent | Lost | KVError, now: float) -> Step:
        super().failed(error, now)
        return Pause(30.0)


@pytest.mark.parametrize(
    ("lie", "noticed"), [(_Inventive, "though revision"), (_Patient, "took 30")], ids=str
)
def test_what_attempts_must_not_do_is_found(lie: type[Attempts], noticed: str) -> None:
    parts = Parts()
    parts.attempts = lie
    violations = (run(PAXOS, seed, parts=parts).violation for seed in SEEDS)
    assert any(noticed in violation for violation in violations)
