"""The plan of a nemesis: from the seed alone, enough of everything, and whom each fault hits."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest

from client.nemesis.faults import SHAPES, Aim, Fault, Kind, links, victims
from client.nemesis.plan import PAUSE, WHOLE, Mix, draw

IDS = (1, 2, 3, 4, 5)
DEADLY = (Kind.KILL, Kind.KILL_ALL, Kind.WIPE, Kind.DAMAGE)


def test_the_seed_decides() -> None:
    assert draw(7, IDS, 600) == draw(7, IDS, 600)
    assert draw(7, IDS, 600) != draw(8, IDS, 600)


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    short = draw(7, IDS, 60)
    assert draw(7, IDS, 600)[: len(short)] == short


@pytest.mark.parametrize("seed", range(20))
def test_ten_minutes_hold_a_hundred_kills_and_every_kind(seed: int) -> None:
    plan = draw(seed, IDS, 600)
    assert sum(step.fault.hits for step in plan if step.fault.kind in DEADLY) >= 110
    assert {step.fault.kind for step in plan} == set(Kind)
    cuts = {step.fault.detail for step in plan if step.fault.kind is Kind.CUT}
    assert cuts == set(SHAPES)
    wiped = {step.fault.detail for step in plan if step.fault.kind is Kind.WIPE}
    assert wiped == {"acceptor", "learner", "all"}
    damaged = {step.fault.detail for step in plan if step.fault.kind is Kind.DAMAGE}
    assert damaged == {"acceptor", "learner"}
    leaders = [step for step in plan if step.fault[:2] == (Kind.KILL, Aim.LEADER)]
    assert len(leaders) >= 30


def test_pauses() -> None:
    plan = draw(1, IDS, 600)
    gaps = [later.at - earlier.at for earlier, later in pairwise(plan)]
    assert min(gaps) >= PAUSE[0]
    assert max(gaps) <= PAUSE[1]
    assert plan[-1].at < 600


def test_what_lasts_ends() -> None:
    for step in draw(2, IDS, 3000):
        if step.fault.kind in (Kind.STOP, Kind.ROLE, Kind.CUT, Kind.HANG, Kind.COORDINATOR):
            assert 0.2 <= step.fault.lasting <= 6.0


KINDS = {
    "acceptors": {Kind.ROLE},
    "roles": {Kind.ROLE},
    "processes": {Kind.KILL, Kind.KILL_ALL, Kind.STOP},
    "links": {Kind.CUT},
}
LOST = {Kind.WIPE, Kind.DAMAGE}


@pytest.mark.parametrize("only", KINDS)
def test_what_is_chosen_alone_is_alone(only: str) -> None:
    plan = draw(3, IDS, 600, Mix(only))
    assert {step.fault.kind for step in plan} == KINDS[only]
    with_disks = draw(3, IDS, 600, Mix(only, amnesia=True))
    assert {step.fault.kind for step in with_disks} == KINDS[only] | LOST
    roles = {step.fault.detail for step in plan if step.fault.kind is Kind.ROLE}
    assert roles in (set(), {"acceptor"}, {"acceptor", "learner", "proposer"})


def test_all_is_everything_but_disks_and_the_launcher() -> None:
    kinds = {step.fault.kind for step in draw(3, IDS, 600, Mix())}
    assert kinds == set(Kind) - LOST - {Kind.COORDINATOR, Kind.NAMES}
    assert {step.fault.kind for step in draw(3, IDS, 600, WHOLE)} == set(Kind)


def test_the_seed_decides_any_mix() -> None:
    mix = Mix("processes", (1.0, 2.0), (3.0, 4.0))
    plan = draw(7, IDS, 100, mix)
    assert plan == draw(7, IDS, 100, mix) != draw(8, IDS, 100, mix)
    gaps = [later.at - earlier.at for earlier, later in pairwise(plan)]
    assert 1.0 <= min(gaps) <= max(gaps) <= 2.0
    assert all(3.0 <= step.fault.lasting <= 4.0 for step in plan)


@pytest.mark.parametrize(
    ("aim", "hits", "leader", "alive", "expected"),
    [
        (Aim.LEADER, 1, 4, IDS, (4,)),
        (Aim.LEADER, 2, 4, IDS, (4, 3)),
        (Aim.LEADER, 1, None, IDS, (3,)),
        (Aim.LEADER, 1, 4, (1, 2), (1,)),
        (Aim.FOLLOWER, 2, 3, IDS, (1, 5)),
        (Aim.ANY, 2, 3, IDS, (3, 1)),
        (Aim.ANY, 5, 3, (2, 4), (4, 2)),
        (Aim.ANY, 1, 3, (), ()),
    ],
)
def test_victims(
    aim: Aim, hits: int, leader: int | None, alive: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    fault = Fault(Kind.KILL, aim, hits, (3, 1, 5, 4, 2))
    assert victims(fault, leader, alive) == expected


ORDER = (4, 2, 1, 5, 3)


def neighbours(shape: str, replica: int) -> set[int]:
    """Whom a replica can talk to in both directions."""
    cut = links(shape, ORDER)
    return {one for one in IDS if one != replica and not {(one, replica), (replica, one)} & cut}


def test_one_way_cuts_go_one_way() -> None:
    deaf, mute = links("deaf", ORDER), links("mute", ORDER)
    assert deaf == {(one, 4) for one in IDS if one != 4}
    assert mute == {(4, one) for one in IDS if one != 4}
    assert links("isolated", ORDER) == deaf | mute


def test_split_leaves_a_minority_with_the_first() -> None:
    assert neighbours("split", 4) == {2}
    assert neighbours("split", 1) == {3, 5}


def test_star_leaves_only_the_second_a_majority() -> None:
    assert neighbours("star", 2) == {1, 3, 4, 5}
    assert all(neighbours("star", one) == {2} for one in (1, 3, 4, 5))


def test_chain_leaves_neighbours() -> None:
    assert neighbours("chain", 4) == {2}
    assert neighbours("chain", 1) == {2, 5}
    assert links("chain", ORDER) == {link[::-1] for link in links("chain", ORDER)}


def test_pair() -> None:
    assert links("pair", ORDER) == {(4, 2), (2, 4)}


@pytest.mark.parametrize("shape", SHAPES)
def test_somebody_still_reaches_a_majority(shape: str) -> None:
    assert max(len(neighbours(shape, one)) + 1 for one in IDS) >= 3
    assert links(shape, ORDER) < set(permutations(IDS, 2))
