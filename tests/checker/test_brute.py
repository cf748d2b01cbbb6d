"""The checker against every order, on many small histories."""

from __future__ import annotations

import random

import pytest

from kvrmi.checker.audits import (
    acknowledged_writes,
    audit,
    counters,
    overwritten,
    swapped_twice,
    values_from_nowhere,
)
from kvrmi.checker.check import check
from kvrmi.checker.history import Operation
from kvrmi.checker.partition import partition
from kvrmi.checker.placing import Revisions
from kvrmi.checker.reduce import no_pages, reduced
from kvrmi.checker.search import search
from kvrmi.checker.witness import vouches

from .brute import linearizable
from .histories import ALL, PLAIN, WIDE, spoil, worked

AUDITS = (values_from_nowhere, acknowledged_writes, counters, overwritten, swapped_twice)
MIXES = (ALL, WIDE, PLAIN, ("get", "put", "cas"), ("put_many", "get_many", "get"))


def small(draws: random.Random, ops: tuple[str, ...]) -> list[Operation]:
    return worked(
        draws,
        draws.randint(2, 7),
        clients=draws.randint(2, 5),
        keys=draws.randint(1, 3),
        ops=ops,
        values=draws.choice((0, 0, 2, 3)),
        unknown=draws.choice((0.0, 0.2, 0.5)),
        revisions=draws.random() < 0.6,
    )


def spoilt(draws: random.Random, history: list[Operation]) -> list[Operation]:
    for _ in range(draws.randint(1, 3)):
        history = spoil(draws, history)
    return history


@pytest.mark.parametrize("ops", MIXES)
def test_agrees_with_every_order(ops: tuple[str, ...]) -> None:
    verdicts = set()
    for seed in range(1000):
        draws = random.Random(f"{ops} {seed}")
        history = small(draws, ops)
        assert check(history).verdict == "ok", (seed, history)
        history = spoilt(draws, history)
        right = "ok" if linearizable(history) else "violation"
        assert check(history).verdict == right, (seed, history)
        verdicts.add(right)
    assert verdicts == {"ok", "violation"}, "too tame to tell anything"


@pytest.mark.parametrize("ops", MIXES)
def test_the_search_alone_agrees_with_every_order(ops: tuple[str, ...]) -> None:
    for seed in range(500):
        draws = random.Random(f"{ops} {seed} search")
        history = spoilt(draws, small(draws, ops))
        groups = partition(reduced(history))
        found = [search(group, lambda: False).linearizable for group in groups]
        assert (all(found) and not no_pages(history)) == linearizable(history), (seed, history)


@pytest.mark.parametrize("ops", MIXES)
def test_a_witness_vouches_for_nothing_but_the_truth(ops: tuple[str, ...]) -> None:
    vouched = 0
    for seed in range(1000):
        draws = random.Random(f"{ops} {seed} witness")
        history = spoilt(draws, small(draws, ops))
        plain = reduced(history)
        revisions = Revisions(plain)
        pages = not no_pages(history)
        if pages and all(vouches(group, revisions) for group in partition(plain)):
            vouched += 1
            assert linearizable(history), (seed, history)
    assert vouched > 100, "it hardly ever vouches"


@pytest.mark.parametrize("ops", MIXES)
def test_audits_find_only_what_no_order_explains(ops: tuple[str, ...]) -> None:
    found = 0
    for seed in range(1000):
        draws = random.Random(f"{ops} {seed} audit")
        history = small(draws, ops)
        assert audit(history) == [], (seed, history)
        history = spoilt(draws, history)
        # Spoilt revisions break a promise that linearizability knows nothing of.
        plain = reduced(history)
        if no_pages(history) or any(find(plain) for find in AUDITS):
            found += 1
            assert not linearizable(history), (seed, history)
    assert found > 50, "they hardly ever find anything"
