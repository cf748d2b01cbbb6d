"""Scans, sizes and local reads of simulated clients: asked, answered, and found out when wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from kvrmi.operations.interface import Answer
from kvrmi.sim.paxos import asked as asked_
from kvrmi.sim.paxos.histories import PAXOS
from kvrmi.sim.replica import Replica
from kvrmi.sim.run import run

from .honest import honest

local = asked_._local


def test_all_kinds_of_reads_are_answered_and_local_ones_are_stale_at_times() -> None:
    answered: Counter[str] = Counter()
    for seed in range(10):
        assert not honest(seed).ended.violation
        answered += honest(seed).reads
    assert min(answered[kind] for kind in ("scan", "size", "local", "stale local")) > 10, answered


def test_a_local_read_of_what_its_replica_has_not_applied_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ahead(replica: Replica, question: bytes) -> tuple[int, Answer]:
        slot, answer = local(replica, question)
        return slot, answer._replace(revision=answer.revision + 1)

    monkeypatch.setattr(asked_, "_local", ahead)
    assert any(": read Answer(" in run(PAXOS, seed).violation for seed in range(6))


def test_so_is_one_of_a_slot_that_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    def unchosen(replica: Replica, question: bytes) -> tuple[int, Answer]:
        slot, answer = local(replica, question)
        return slot + 1000, answer

    monkeypatch.setattr(asked_, "_local", unchosen)
    never = "local reads of slots that were never chosen"
    assert any(never in run(PAXOS, seed).violation for seed in range(6))
