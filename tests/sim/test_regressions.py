"""Histories that once went wrong, by the seed that showed it.

A seed's history changes with any change to the draws, so a bug of the core has a unit test as well.
"""

from __future__ import annotations

import pytest

from kvrmi.sim.paxos.histories import PAXOS
from kvrmi.sim.run import command, run

FOUND = [
    # tests/paxos/test_catchup.py. A leader behind a truncation point asked the acceptor's replica,
    # whose learner had lost its state, and never the one that had it: no write ever again.
    (1926, "disk"),
    (47, "disk"),
    (440, "disk"),
    # The audit itself: a late repetition of a session's command, long
    # expired in the log, was taken for the answer.
    (10577, "amnesia"),
    (13377, "amnesia"),
    # tests/paxos/test_learner_snapshots.py. A snapshot of one page was given again and again to
    # a learner that needed a newer one.
    (2026, "snapshot"),
    # The simulated host: a learner came back while its proposer had not yet been told that it was
    # gone, which the server sees to (server/replica.py, _give_up_leading).
    (2199, "mixed"),
]


@pytest.mark.parametrize(("seed", "profile"), FOUND)
def test_it_does_not_go_wrong_again(seed: int, profile: str) -> None:
    ended = run(PAXOS, seed, profile=profile)
    assert not ended.violation, f"{ended.violation}\nagain: {command(ended)}"
