"""The checker against every order, on many small histories."""

from __future__ import annotations

import random

import pytest

from kvrmi.sim.checker.audits import (
    acknowledged_writes,
    audit,
    counters,
    overwritten,
    swapped_twice,
    values_from_nowhere,
)
from kvrmi.sim.checker.check import check
from kvrmi.sim.checker.history import Operation
from kvrmi.sim.checker.partition import partition
from kvrmi.sim.checker.placing import Revisions
from kvrmi.sim.checker.reduce import no_pages, reduced
from kvrmi.sim.checker.search import search
from kvrmi.sim.checker.witness import vouches

from .brute import linearizable
from .histories import ALL, PLAIN, WIDE, spoil, worked

AUDITS = (values_from_nowhere, acknowledged_writes, counters, overwritten, swapped_twice)
MIXES = (ALL, WIDE, PLAIN, ("get", "put", "cas"), ("put_many", "get_many", "get"))


def small(dice: random.Random, ops: tuple[str, ...]) -> list[Operation]:
    return worked(
        dice,
        dice.randint(2, 7),
        clients=dice.randint(2, 5),
        keys=dice.randint(1, 3),
        ops=ops,
        values=dice.choice((0, 0, 2, 3)),
        unknown=dice.choice((0.0, 0.2, 0.5)),
        revisions=dice.random() < 0.6,
    )


def spoilt(dice: random.Random, history: list[Operation]) -> list[Operation]:
    for _ in range(dice.randint(1, 3)):
        history = spoil(dice, history)
    return history


@pytest.mark.parametrize("ops", MIXES)
def test_agrees_with_every_order(ops: tuple[str, ...]) -> None:
    verdicts = set()
    for seed in range(1000):
        dice = random.Random(f"{ops} {seed}")
        history = small(dice, ops)
        assert check(history).verdict == "ok", (seed, history)
        history = spoilt(dice, history)
        right = "ok" if linearizable(history) else "violation"
        assert check(history).verdict == right, (seed, history)
        verdicts.add(right)
    assert verdicts == {"ok", "violation"}, "too tame to tell anything"


@pytest.mark.parametrize("ops", MIXES)
def test_the_search_alone_agrees_with_every_order(ops: tuple[str, ...]) -> None:
    for seed in range(500):
        dice = random.Random(f"{ops} {seed} search")
        history = spoilt(dice, small(dice, ops))
        groups = partition(reduced(history))
        found = [search(group, lambda: False).linearizable for group in groups]
        assert (all(found) and not no_pages(history)) == linearizable(history), (seed, history)


@pytest.mark.parametrize("ops", MIXES)
def test_a_witness_vouches_for_nothing_but_the_truth(ops: tuple[str, ...]) -> None:
    vouched = 0
    for seed in range(1000):
        dice = random.Random(f"{ops} {seed} witness")
        history = spoilt(dice, small(dice, ops))
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
        dice = random.Random(f"{ops} {seed} audit")
        history = small(dice, ops)
        assert audit(history) == [], (seed, history)
        history = spoilt(dice, history)
        # Spoilt revisions break a promise that linearizability knows nothing of.
        plain = reduced(history)
        if no_pages(history) or any(find(plain) for find in AUDITS):
            found += 1
            assert not linearizable(history), (seed, history)
    assert found > 50, "they hardly ever find anything"
