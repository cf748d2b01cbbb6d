"""Histories from seeds: nothing is lost, forked, stale or stuck, and each can be had again.

A failure names the command that runs it again. KVRMI_SEEDS=1000 runs more of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from kvrmi.sim.hosting import Host
from kvrmi.sim.paxos.histories import PAXOS
from kvrmi.sim.paxos.parts import Parts
from kvrmi.sim.paxos.profiles import PROFILES
from kvrmi.sim.run import command, run
from kvrmi.sim.shrink import kind, shrink
from kvrmi.sim.trace import Lines

from .honest import honest

SEEDS = range(int(os.environ.get("KVRMI_SEEDS", "60")))
STEPS = 600


class NeverPromising(Parts):
    """A bug of the plainest kind: what is accepted is answered before it is on the disk."""

    host = Host(syncs_first=False)


def trace(seed: int) -> list[str]:
    lines: list[str] = []
    run(PAXOS, seed, steps=STEPS, onlooker=Lines(lines.append))
    return lines


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_forked_stale_or_stuck(seed: int) -> None:
    ended = honest(seed).ended
    assert not ended.violation, f"{ended.violation}\nagain: {command(ended)}"


def test_every_profile_is_among_the_seeds_and_does_something() -> None:
    runs = [run(PAXOS, seed, steps=STEPS) for seed in range(3 * len(PROFILES))]
    for profile in PROFILES:
        mine = [ended for ended in runs if ended.profile == profile.name]
        assert sum(len(ended.faults) for ended in mine) > 0, profile.name
        assert sum(ended.operations for ended in mine) > 20, profile.name


def test_the_same_seed_gives_the_same_trace_whatever_the_hash_seed() -> None:
    here = "\n".join(trace(9))
    code = "from tests.sim.test_run import trace; print('\\n'.join(trace(9)))"
    for hash_seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        there = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert there.stdout.rstrip("\n") == here


def test_whatever_comes_in_pages_comes_in_several() -> None:
    """In most runs that have any; promises of several values need a candidate that lags."""
    pages: Counter[tuple[str, bool]] = Counter()
    for seed in range(20):
        pages.update(honest(seed).pages)
    for what, share in (("Promise", 0.3), ("Copied", 0.8), ("Entries", 0.8), ("SnapshotPage", 0.8)):
        assert pages[what, True] >= share * pages[what, False] > 0, pages


def test_leaving_a_fault_out_leaves_the_others_as_they_were() -> None:
    whole = run(PAXOS, 5, steps=STEPS)
    assert len(whole.faults) > 3
    fewer = run(PAXOS, 5, steps=STEPS, only=set(whole.faults[1:]))
    assert set(fewer.faults) >= set(whole.faults[1:3])
    assert run(PAXOS, 5, steps=STEPS, only=()).faults == ()


def test_a_failing_history_is_made_smaller_and_can_be_had_again() -> None:
    parts = NeverPromising()
    failing = next(
        v for v in (run(PAXOS, seed, parts=parts) for seed in range(1, 50)) if v.violation
    )
    smallest = shrink(PAXOS, failing, parts)
    assert kind(smallest.violation) == kind(failing.violation)
    assert smallest.steps < failing.steps
    assert len(smallest.faults) <= len(failing.faults)
    assert command(smallest).startswith(f"python -m kvrmi.sim --seed {failing.seed} --profile ")
    again = run(
        PAXOS,
        smallest.seed,
        profile=smallest.profile,
        steps=smallest.steps,
        only=smallest.only,
        parts=parts,
    )
    assert again == smallest
