"""How many histories with many unknown writes stay undecided.

Each is the history of a store that works, of 500 operations and up to 40 unknown ones, in which up
to three answers were changed. Which operations, how many clients, keys and values, and whether
answers have revisions, the seed draws.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Iterator

from client.verify import judge
from kvrmi.checker.history import UNKNOWN, Operation

from .histories import ALL, spoil, worked

__all__ = ["mutated", "tally"]

OPERATIONS = 500
UNKNOWN_MOST = 40
MIXES = (
    ALL,
    ("get", "put"),
    ("get", "put", "cas"),
    ("get", "put", "cas", "delete"),
    ("get", "put", "delete", "contains"),
    ("get", "get_many", "put", "put_many", "cas"),
)


def mutated(seed: int) -> list[Operation]:
    """Make the history of a seed."""
    draws = random.Random(f"undecided {seed}")
    history: list[Operation] = []
    while not history or sum(op.outcome == UNKNOWN for op in history) > UNKNOWN_MOST:
        history = worked(
            draws,
            OPERATIONS,
            clients=draws.choice((3, 5, 8, 16)),
            keys=draws.choice((1, 2, 5, 10)),
            ops=draws.choice(MIXES),
            values=draws.choice((0, 0, 0, 3, 10)),
            unknown=draws.uniform(0.05, 0.17),
            revisions=draws.random() < 0.5,
        )
    for _ in range(draws.randint(0, 3)):
        history = spoil(draws, history)
    return history


def tally(seeds: range, limit_seconds: float) -> Iterator[tuple[int, str, float]]:
    """Judge the histories of some seeds: each one's seed, verdict and seconds."""
    for seed in seeds:
        began = time.process_time()
        verdict = judge(mutated(seed), limit_seconds).verdict
        yield seed, verdict, time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int, nargs="?", default=0)
    parser.add_argument("count", type=int, nargs="?", default=1000)
    parser.add_argument("--limit", type=float, default=10.0, metavar="S")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    slowest: list[tuple[float, int]] = []
    for seed, verdict, seconds in tally(
        range(options.first, options.first + options.count), options.limit
    ):
        counts[verdict] += 1
        slowest = sorted([*slowest, (seconds, seed)])[-5:]
        if verdict == "undecided":
            print(f"seed {seed}: undecided after {seconds:.1f} s", flush=True)
    print(dict(counts), "slowest:", ", ".join(f"{s:.1f} s (seed {n})" for s, n in slowest))


if __name__ == "__main__":
    main()
