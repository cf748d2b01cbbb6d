"""Two-phase commit in the simulator: what it promises holds, and each planted bug is found.

New seeds of the bugs: `python -m kvrmi.sim --protocol 2pc --bugs --json > FILE`, which is to
be kvrmi/sim/twophase/bugs.json.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache

import pytest

from kvrmi.sim.many import run_many
from kvrmi.sim.planted import about, known_seeds, shows
from kvrmi.sim.run import run
from kvrmi.sim.twophase.histories import TWOPHASE
from kvrmi.sim.twophase.profiles import PROFILES

SEEDS = known_seeds(TWOPHASE)
"""For each bug the first seed that shows it."""


@cache
def honest(seed: int) -> str:
    return run(TWOPHASE, seed).violation


def test_it_holds_in_every_profile() -> None:
    for ended in run_many(TWOPHASE, range(len(PROFILES)), 1, profile="", steps=2000):
        assert not ended.violation, f"seed {ended.seed}: {ended.violation}"
        assert ended.operations > 10


def test_the_same_seed_gives_the_same_trace_whatever_the_hash_seed() -> None:
    """Seed 0 has a command that finds several keys locked, by others each."""
    program = [sys.executable, "-m", "kvrmi.sim", "--protocol", "2pc", "--seed", "0", "--trace"]
    traces = {
        subprocess.run(
            program, env={**os.environ, "PYTHONHASHSEED": str(hash_seed)}, capture_output=True
        ).stdout
        for hash_seed in range(3)
    }
    assert len(traces) == 1


def test_every_bug_has_a_seed_and_says_what_is_wrong() -> None:
    assert sorted(SEEDS) == sorted(TWOPHASE.bugs)
    assert all(about(TWOPHASE, bug) for bug in TWOPHASE.bugs)


@pytest.mark.parametrize("bug", sorted(SEEDS))
def test_it_is_found(bug: str) -> None:
    seed = SEEDS[bug]
    assert not honest(seed)
    assert shows(run(TWOPHASE, seed, parts=TWOPHASE.bugs[bug]())), "find all of them again"
