"""Callers of simulated stores: connect()'s attempts meet everything, and lies are found."""

from __future__ import annotations

from collections import Counter

import pytest

from kvrmi.access.attempts import Attempts, Done, GiveUp, Pause, Step
from kvrmi.access.findings import Lost, Unsent
from kvrmi.errors import KVError
from kvrmi.sim.paxos.callers import Call, _Caller
from kvrmi.sim.paxos.histories import PAXOS, with_callers
from kvrmi.sim.paxos.parts import Parts
from kvrmi.sim.paxos.wire import Outcome
from kvrmi.sim.run import run

SEEDS = [seed for seed in range(140) if with_callers(seed)]


def test_callers_meet_everything_and_nothing_is_violated(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Counter[str] = Counter()
    heard, finish = _Caller._heard, _Caller._finish

    def hear(self: _Caller, call: Call, attempts: Attempts, outcome: Outcome) -> None:
        what = type(outcome).__name__
        if isinstance(outcome, Unsent | Lost):
            what += f" by {type(outcome.__cause__).__name__}"
        seen[what] += 1
        heard(self, call, attempts, outcome)

    def end(self: _Caller, call: Call, step: Done | GiveUp) -> None:
        shared = [c._request for c in self._callers._all if c._store is self._store]
        seen["open together"] += sum(request is not None for request in shared) > 1
        seen["sessions renewed"] += len(call.ids) > 1
        finish(self, call, step)
        seen["ok" if call.answer else "undone" if call.undone else "in doubt"] += 1

    monkeypatch.setattr(_Caller, "_heard", hear)
    monkeypatch.setattr(_Caller, "_finish", end)
    for seed in SEEDS:
        assert not run(PAXOS, seed).violation
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
