"""The checker against every order, on many small histories."""

from __future__ import annotations

import random

import pytest

from kvrmi.sim.checker.check import check

from .brute import linearizable
from .histories import ALL, PLAIN, spoil, worked


@pytest.mark.parametrize(
    "ops", [ALL, PLAIN, ("get", "put", "cas"), ("put_many", "get_many", "get")]
)
@pytest.mark.parametrize("values", [0, 2])
@pytest.mark.parametrize("revisions", [True, False])
def test_agrees_with_every_order(ops: tuple[str, ...], values: int, revisions: bool) -> None:
    verdicts = set()
    for seed in range(400):
        dice = random.Random(f"{ops} {values} {revisions} {seed}")
        history = worked(
            dice,
            dice.randint(2, 7),
            keys=dice.randint(1, 2),
            ops=ops,
            values=values,
            unknown=dice.choice((0.0, 0.2, 0.5)),
            revisions=revisions,
        )
        assert check(history).verdict == "ok", (seed, history)
        for _ in range(dice.randint(1, 3)):
            history = spoil(dice, history)
        right = "ok" if linearizable(history) else "violation"
        assert check(history).verdict == right, (seed, history)
        verdicts.add(right)
    assert verdicts == {"ok", "violation"}, "too tame to tell anything"
