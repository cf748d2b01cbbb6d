"""What follows from the replicas' entries: leader, successor, restore source, quorum."""

from __future__ import annotations

from typing import Any, cast

import pytest

from kvrmi.cluster.status import (
    NO_QUORUM,
    NOBODY,
    SERVING,
    ClusterStatus,
    Needs,
    ReplicaEntry,
    health_of,
    in_charge,
    leader_of,
    loses_quorum,
    loss,
    partly,
    source_for,
    successor_of,
    writers_of,
)


def entry(replica: int, **changes: Any) -> ReplicaEntry:
    up = {"state": "up", "incarnation": 1}
    made = {
        "id": replica,
        "state": "up",
        "role": "follower",
        "ballot": [1, 1],
        "applied": 10,
        "voter": "acceptor",
        "roles": {"proposer": up, "acceptor": up, "learner": up},
    } | changes
    return cast(ReplicaEntry, made)


LAME = {"proposer": {"state": "up"}, "acceptor": {"state": "down"}}
LEADER = entry(1, role="leader", ballot=[7, 1])


def test_the_leader_is_the_one_with_the_highest_ballot() -> None:
    former = entry(3, role="leader", ballot=[6, 3])
    assert leader_of([entry(2), former, LEADER]) == 1
    assert leader_of([entry(2)]) is None
    assert leader_of([]) is None


def test_the_successor_has_all_roles_and_the_lowest_id() -> None:
    lame = entry(2, roles={"learner": {"state": "down", "incarnation": 2}})
    assert successor_of([LEADER, lame, entry(4), entry(3)]) == 3
    assert successor_of([LEADER, entry(2, state="recovering")]) is None


def test_a_snapshot_comes_from_the_furthest_peer_rather_not_the_leader() -> None:
    assert source_for([LEADER, entry(2), entry(3)], 2) == 3
    assert (
        source_for([entry(1, role="leader", ballot=[7, 1], applied=11), entry(2), entry(3)], 2) == 1
    )
    assert source_for([entry(2), entry(3, state="recovering")], 2) is None
    assert source_for([entry(2), entry(3, applied=None)], 2) == 3


@pytest.mark.parametrize(
    ("up", "victim", "loses"),
    [
        ([1, 2, 3, 4, 5], 1, False),
        ([1, 2, 3], 1, True),
        ([1, 2, 3], 4, False),
        ([1, 2], 1, False),
    ],
)
def test_the_quorum_is_lost_only_if_it_is_there(up: list[int], victim: int, loses: bool) -> None:
    assert loses_quorum([entry(one) for one in up], victim, 5) is loses


def test_one_that_recovers_does_not_count() -> None:
    reported = [entry(1), entry(2), entry(3), entry(4, state="recovering")]
    assert loses_quorum(reported, 1, 5)
    assert not loses_quorum(reported, 4, 5)


def test_a_cluster_serves_with_the_votes_and_the_leader_that_its_protocol_needs() -> None:
    assert health_of([LEADER, entry(2), entry(3)], 5) == SERVING
    assert health_of([LEADER, entry(2), entry(3, pid=7, roles=LAME)], 5) == NO_QUORUM
    assert health_of([entry(2, pid=7), entry(3), entry(4)], 5) == NO_QUORUM
    assert health_of([], 5) == NOBODY
    alone = {"votes": 1, "leader": False}
    assert health_of([entry(1, role=None, needs=alone)], 1) == SERVING
    assert successor_of([entry(1, role=None, needs=alone)]) is None
    assert health_of([entry(1, roles=LAME, needs=alone, pid=7)], 1) == NO_QUORUM
    every = {"votes": 3, "leader": False}
    assert health_of([entry(one, needs=every, pid=7) for one in (1, 2)], 3) == NO_QUORUM
    assert health_of([entry(one, needs=every) for one in (1, 2, 3)], 3) == SERVING
    assert loses_quorum([entry(one, needs=every) for one in (1, 2, 3)], 2, 3)


def test_who_cannot_reach_all_that_must_vote_cannot_write_and_that_is_said() -> None:
    needs = Needs(votes=3, leader=False)
    up = [entry(one, needs=needs, pid=7) for one in (1, 2, 3)]
    assert (writers_of(up, 3), partly(up, 3)) == ([1, 2, 3], "")
    up[0]["cuts"] = [[1, 2]]
    assert (writers_of(up, 3), health_of(up, 3)) == ([3], SERVING)
    assert partly(up, 3) == "replica 3 alone can write while links are cut (1>2)"
    up[2]["cuts"] = [[3, 1], [1, 3]]
    assert (writers_of(up, 3), health_of(up, 3)) == ([], NO_QUORUM)
    assert partly(up, 3) == "no replica can write while links are cut (1>2, 1>3, 3>1)"
    led = [LEADER, entry(2, cuts=[[2, 3]]), entry(3)]
    assert (partly(led, 3), health_of(led, 3)) == ("", SERVING), "a majority is enough"


def test_whose_role_does_not_vote_cannot_write_and_that_is_said() -> None:
    """Once it is not counted the others write, and it may be the first and not know that."""
    full, rest = Needs(votes=3, leader=False, least=1), Needs(votes=2, leader=False, least=1)
    up = [entry(1, needs=full, pid=7, roles=LAME), *(entry(one, needs=full) for one in (2, 3))]
    assert (writers_of(up, 3), health_of(up, 3)) == ([], NO_QUORUM)
    assert partly(up, 3) == "no replica can write while the acceptor of replica 1 does not vote"
    assert partly([*up[:2], entry(3, state="down")], 3) == "", "that is not what they lack"
    up[1]["needs"] = up[2]["needs"] = rest
    assert (writers_of(up, 3), health_of(up, 3)) == ([2, 3], SERVING)
    assert partly(up, 3) == (
        "replicas 2, 3 alone can write while the acceptor of replica 1 does not vote"
    )


def test_in_charge_is_who_leads_or_the_first_where_nobody_needs_to() -> None:
    needs = Needs(votes=1, leader=False)
    up = ReplicaEntry(id=2, state="up", role=None, needs=needs)
    later, down = up | ReplicaEntry(id=3), up | ReplicaEntry(id=1, state="down")
    assert in_charge(ClusterStatus(leader=None, replicas=[down, later, up])) == 2
    assert in_charge(ClusterStatus(leader=3, replicas=[up, later])) == 3
    led = up | ReplicaEntry(needs=Needs(votes=1, leader=True))
    assert in_charge(ClusterStatus(leader=None, replicas=[led])) is None


def test_what_an_order_would_lose_is_said_in_the_words_of_what_the_cluster_needs() -> None:
    assert loss(Needs(votes=3, leader=True)) == "would lose the majority of 3"
    assert "all 5 must vote" in loss(Needs(votes=5, leader=False))
    assert loss(Needs(votes=5, leader=False, least=1)) == "would leave none that serves"


def test_who_need_not_vote_while_it_is_down_may_be_taken_down_unless_it_is_the_last() -> None:
    needs = Needs(votes=3, leader=False, least=1)
    up = [entry(one, needs=needs) for one in (1, 2, 3)]
    assert not loses_quorum(up, 2, 3)
    assert loses_quorum(up[:1], 1, 3)
    assert health_of([one | {"pid": 7} for one in up[:2]], 3) == NO_QUORUM, "until a view is made"
