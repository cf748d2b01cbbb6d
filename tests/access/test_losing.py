"""Which orders would leave no leader with a majority, and that only those are named."""

from __future__ import annotations

from typing import Any

import pytest

from kvrmi.access.losing import RISKY, losing, losing_all

ROLES = ("proposer", "acceptor", "learner")


def status(count: int, down: tuple[int, ...] = (), cuts: tuple[tuple[int, int], ...] = ()) -> Any:
    replicas = [
        {
            "id": one,
            "state": "down" if one in down else "up",
            "roles": {} if one in down else {name: {"state": "up"} for name in ROLES},
            "voter": "acceptor",
            "cuts": [list(pair) for pair in cuts if one in pair],
        }
        for one in range(1, count + 1)
    ]
    return {"replicas": replicas, "quorum": count // 2 + 1}


@pytest.mark.parametrize(
    ("name", "args", "lost"),
    [
        ("kill", (3, None, None, False), "killing replica 3 would lose the majority of 2"),
        ("stop", (3, None, None, False), "stopping replica 3"),
        ("restart", (3, None, None, False), "restarting replica 3"),
        ("fail", (3, "acceptor", None, False), "failing the acceptor of replica 3"),
        ("cut", (2, 3, False), "cutting replicas 2 and 3 off from each other"),
        ("fail_link", (2, 3, False, False), "cutting the link from replica 2 to 3"),
    ],
)
def test_what_loses_the_last_majority_is_named(
    name: str, args: tuple[object, ...], lost: str
) -> None:
    found = losing(status(3, down=(1,)), name, args)
    assert found is not None
    assert found.startswith(lost)
    assert losing(status(3), name, args) is None
    assert losing(status(3, down=(1, 2)), name, args) is None, "there is none to lose"
    assert name in RISKY


def test_one_role_of_each_of_two_leaves_a_leader_elsewhere() -> None:
    assert losing(status(3), "fail", (1, "proposer", None, False)) is None
    assert losing(status(3, down=(1,)), "fail", (2, "learner", None, False)) is None
    assert losing(status(3, down=(1,)), "restart", (2, "acceptor", None, False)) is None


@pytest.mark.parametrize("name", ["cut", "fail_link"])
def test_a_link_to_itself_is_none_to_lose(name: str) -> None:
    assert losing(status(1), name, (1, 1, False)) is None


def test_cuts_that_are_there_count() -> None:
    cut = ((1, 2), (2, 1), (1, 3), (3, 1))
    assert losing(status(3, cuts=cut), "cut", (2, 3, False)) is not None
    assert losing(status(3, cuts=cut[:2]), "cut", (2, 3, False)) is None
    assert losing(status(3, cuts=((1, 2), (3, 1))), "fail_link", (2, 3, False, False)) is not None


def test_who_is_not_there_loses_nothing() -> None:
    assert losing(status(3, down=(1,)), "kill", (9, None, None, False)) is None
    assert losing(status(3, down=(1,)), "kill", (1, None, None, False)) is None


def test_cuts_of_which_none_loses_the_majority_lose_it_together() -> None:
    apart = [("cut", (one, other, False)) for one in (1, 2) for other in (3, 4)]
    assert not any(losing(status(4), name, args) for name, args in apart)
    found = losing_all(status(4), apart)
    assert found == "partition {1,2} | {3,4} would lose the majority of 3"
    assert losing_all(status(5), [("cut", (1, other, False)) for other in (2, 3, 4, 5)]) is None
