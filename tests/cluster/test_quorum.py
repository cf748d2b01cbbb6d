"""Quorums meet, and the copies of a lost acceptor meet every quorum it was part of."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from kvrmi.cluster.quorum import copies_needed, majority
from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.roles.invariants import InvariantBroken, require


@pytest.mark.parametrize(("replicas", "quorum"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (7, 4)])
def test_a_majority_is_the_least_of_which_any_two_meet(replicas: int, quorum: int) -> None:
    assert majority(replicas) == quorum
    assert 2 * quorum > replicas >= 2 * (quorum - 1)


@pytest.mark.parametrize("replicas", range(1, 8))
def test_any_two_quorums_share_a_replica(replicas: int) -> None:
    quorums = [set(q) for q in combinations(range(replicas), majority(replicas))]
    assert all(one & other for one in quorums for other in quorums)


@pytest.mark.parametrize("replicas", range(2, 8))
def test_copies_meet_every_quorum_of_the_lost_acceptor(replicas: int) -> None:
    peers = range(1, replicas)
    quorums = [{0, *rest} for rest in combinations(peers, majority(replicas) - 1)]
    for copied in combinations(peers, copies_needed(replicas)):
        assert all(quorum & set(copied) for quorum in quorums)


@pytest.mark.parametrize("replicas", range(3, 8))
def test_one_copy_fewer_would_not(replicas: int) -> None:
    peers = range(1, replicas)
    copied = set(list(peers)[: copies_needed(replicas) - 1])
    quorums = [{0, *rest} for rest in combinations(peers, majority(replicas) - 1)]
    assert not all(quorum & copied for quorum in quorums)


def test_ballots_are_ordered_by_round_then_by_replica() -> None:
    ballots = [Ballot(2, 1), Ballot(1, 3), NO_BALLOT, Ballot(1, 1)]
    assert sorted(ballots) == [NO_BALLOT, Ballot(1, 1), Ballot(1, 3), Ballot(2, 1)]
    assert str(Ballot(7, 2)) == "7.2"


def test_what_must_hold_is_required() -> None:
    require(True, "fine")
    with pytest.raises(InvariantBroken, match="sky fell"):
        require(False, "sky fell")


def test_nobody_else_counts_a_majority() -> None:
    root = Path(__file__).parents[2]
    sources = {path for top in ("kvrmi", "server", "client") for path in (root / top).rglob("*.py")}
    counting = {path.name for path in sources if "// 2 + 1" in path.read_text(encoding="utf-8")}
    assert counting == {"quorum.py"}
