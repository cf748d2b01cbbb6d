"""Runs many seeds in processes of their own and adds up what came of them.

Rule: which process runs which seed does not matter to any run. It judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

from .protocol import Explored
from .run import Ended, run

__all__ = ["Total", "add_up", "run_many"]

CHUNK = 10
"""Seeds that a process takes at a time."""


class Total(NamedTuple):
    """What runs of one profile, or of all, came to."""

    runs: int
    events: int
    seconds: float
    """Virtual ones."""
    faults: int
    operations: int
    violations: int


def run_many(
    protocol: Explored,
    seeds: Sequence[int],
    jobs: int,
    *,
    profile: str,
    steps: int,
    plant: str = "",
    only: frozenset[int] | None = None,
) -> Iterator[Ended]:
    """Run each seed; runs come in the order of seeds, as they get ready.

    plant: the bug to plant in each. The rest is as for `run`.
    """
    work = partial(_run, protocol, profile=profile, steps=steps, plant=plant, only=only)
    if jobs == 1:
        yield from map(work, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        try:
            yield from pool.map(work, seeds, chunksize=CHUNK)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _run(
    protocol: Explored,
    seed: int,
    *,
    profile: str,
    steps: int,
    plant: str,
    only: frozenset[int] | None,
) -> Ended:
    parts = protocol.bugs[plant]() if plant else None
    return run(protocol, seed, profile=profile, steps=steps, only=only, parts=parts)


def add_up(runs: Iterable[Ended]) -> Total:
    """Add up what came of these runs."""
    chosen = list(runs)
    return Total(
        len(chosen),
        sum(ended.events for ended in chosen),
        sum(ended.seconds for ended in chosen),
        sum(len(ended.faults) for ended in chosen),
        sum(ended.operations for ended in chosen),
        sum(1 for ended in chosen if ended.violation),
    )
