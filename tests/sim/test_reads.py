"""Scans, sizes and local reads of simulated clients: asked, answered, and found out when wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from kvrmi.operations.interface import Answer
from kvrmi.sim.paxos import asked as asked_
from kvrmi.sim.paxos import workload
from kvrmi.sim.paxos.asked import Asked
from kvrmi.sim.paxos.histories import PAXOS
from kvrmi.sim.paxos.workload import Workload
from kvrmi.sim.replica import Replica
from kvrmi.sim.run import run

honest = asked_._local


def test_all_kinds_of_reads_are_answered_and_local_ones_are_stale_at_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered: Counter[str] = Counter()
    finish = Workload._finish

    def watched(self: Workload, client: workload.Client, asked: Asked) -> None:
        if asked.answer is not None and asked.answer.code == "OK":
            kind = "local" if asked.local else asked.op
            answered[kind] += 1
            answered[f"stale {kind}"] += asked.reads and asked.answer.revision < asked.since
        finish(self, client, asked)

    monkeypatch.setattr(Workload, "_finish", watched)
    for seed in range(10):
        assert not run(PAXOS, seed).violation
    assert min(answered[kind] for kind in ("scan", "size", "local", "stale local")) > 10, answered


def test_a_local_read_of_what_its_replica_has_not_applied_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ahead(replica: Replica, question: bytes) -> tuple[int, Answer]:
        slot, answer = honest(replica, question)
        return slot, answer._replace(revision=answer.revision + 1)

    monkeypatch.setattr(asked_, "_local", ahead)
    assert any(": read Answer(" in run(PAXOS, seed).violation for seed in range(6))


def test_so_is_one_of_a_slot_that_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    def unchosen(replica: Replica, question: bytes) -> tuple[int, Answer]:
        slot, answer = honest(replica, question)
        return slot + 1000, answer

    monkeypatch.setattr(asked_, "_local", unchosen)
    never = "local reads of slots that were never chosen"
    assert any(never in run(PAXOS, seed).violation for seed in range(6))
