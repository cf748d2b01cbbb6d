"""Runs of the production parts, each seed once: whatever several tests look for is counted in one.

Rule: counting changes nothing of a run, so that it ends as with `python -m kvrmi.sim`.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import NamedTuple

import pytest

from kvrmi.access.attempts import Attempts, Done, GiveUp
from kvrmi.access.findings import Lost, Unsent
from kvrmi.paxos.messages import Copied, Entries, Promise, SnapshotPage
from kvrmi.roles.contract import Envelope
from kvrmi.sim.paxos.asked import Asked
from kvrmi.sim.paxos.callers import Call, _Caller
from kvrmi.sim.paxos.histories import PAXOS
from kvrmi.sim.paxos.monitor import Monitor
from kvrmi.sim.paxos.request_ids import expired
from kvrmi.sim.paxos.wire import Outcome
from kvrmi.sim.paxos.workload import Client, Workload
from kvrmi.sim.replica import Replica
from kvrmi.sim.run import Ended, run


class Honest(NamedTuple):
    """What came of a run, and what was met on the way."""

    ended: Ended
    sessions: Counter[str]
    """How requests of sessions ended; "open together": others of the session were open too."""
    reads: Counter[str]
    """Answered reads of each kind, and how many of them were "stale"."""
    callers: Counter[str]
    """What callers of stores met, and what became of their calls."""
    pages: set[tuple[str, bool]]
    """Types of messages that bring pages, and whether one of them was not the last."""


@cache
def honest(seed: int) -> Honest:
    with pytest.MonkeyPatch.context() as patched:
        counted = (_sessions(patched), _reads(patched), _callers(patched), _pages(patched))
        return Honest(run(PAXOS, seed), *counted)


def _sessions(patched: pytest.MonkeyPatch) -> Counter[str]:
    seen: Counter[str] = Counter()
    finish = Workload._finish

    def watched(self: Workload, client: Client, asked: Asked) -> None:
        open_now = [c.doing.id[0] for c in self._clients if c.doing and c.doing.session]  # type: ignore[index]
        seen["open together"] += len(open_now) > len(set(open_now))
        if asked.session and asked.answer is not None:
            seen["expired" if expired(asked.answer) else asked.answer.code] += 1
            seen["undone"] += asked.undone
        finish(self, client, asked)

    patched.setattr(Workload, "_finish", watched)
    return seen


def _reads(patched: pytest.MonkeyPatch) -> Counter[str]:
    answered: Counter[str] = Counter()
    finish = Workload._finish

    def watched(self: Workload, client: Client, asked: Asked) -> None:
        if asked.answer is not None and asked.answer.code == "OK":
            kind = "local" if asked.local else asked.op
            answered[kind] += 1
            answered[f"stale {kind}"] += asked.reads and asked.answer.revision < asked.since
        finish(self, client, asked)

    patched.setattr(Workload, "_finish", watched)
    return answered


def _callers(patched: pytest.MonkeyPatch) -> Counter[str]:
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

    patched.setattr(_Caller, "_heard", hear)
    patched.setattr(_Caller, "_finish", end)
    return seen


def _pages(patched: pytest.MonkeyPatch) -> set[tuple[str, bool]]:
    seen: set[tuple[str, bool]] = set()
    left = Monitor.left

    def watched(self: Monitor, replica: Replica, name: str, messages: tuple[Envelope, ...]) -> None:
        for m in (envelope.message for envelope in messages):
            if isinstance(m, Promise | Copied):
                seen.add((type(m).__name__, m.more > 0))
            elif isinstance(m, Entries) and m.entries:
                seen.add(("Entries", m.entries[-1].slot < m.applied))
            elif isinstance(m, SnapshotPage):
                seen.add(("SnapshotPage", not m.last))
        left(self, replica, name, messages)

    patched.setattr(Monitor, "left", watched)
    return seen
