"""Replicas under every fault at once, many seeds: nothing is lost, forked, stale or stuck.

A failure names the command that runs the same seed again. KVRMI_SEEDS=1000 runs more of them,
KVRMI_SEED=... a certain one.
"""

from __future__ import annotations

import os

import pytest

from .audit import audit, recover
from .bag import Bag
from .clients import Clients
from .faults import Faults

SIZES = (5, 3, 5, 4, 2, 5, 3, 1)
SECONDS = 3.5

if chosen_seed := os.environ.get("KVRMI_SEED"):
    SEEDS = [int(chosen_seed)]
else:
    SEEDS = list(range(int(os.environ.get("KVRMI_SEEDS", "60"))))


def run(seed: int) -> Bag:
    bag = Bag(f"bag {seed}", SIZES[seed % len(SIZES)])
    clients = Clients(bag)
    faults = Faults(bag)
    bag.run(SECONDS)
    faults.heal()
    recover(bag, clients)
    audit(bag, clients)
    return bag


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_forked_stale_or_stuck(seed: int) -> None:
    try:
        run(seed)
    except Exception as error:
        command = f"KVRMI_SEED={seed} pytest -x tests/paxos/test_bag.py"
        raise AssertionError(f"{type(error).__name__} {error}\nagain: {command}") from error
