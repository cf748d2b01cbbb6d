"""Replicas of a run are configured each for itself, from the start."""

from __future__ import annotations

from kvrmi.paxos.learner import Learner
from kvrmi.paxos.proposer import Proposer
from kvrmi.sim.hosting import Configured
from kvrmi.sim.paxos.configured import LONG, SHORT, configured, pages
from kvrmi.sim.paxos.parts import Pages, Parts, make_world

from .test_schedules import TIMEOUT, leader, written

IDS = (1, 2, 3)


def test_logs_and_pages_are_of_each_replicas_own_length() -> None:
    files = {1: Configured(keep=2), 2: Configured(keep=5), 3: Configured(keep=1000)}
    parts = Parts().with_sizes({1: Pages(1, 1), 2: Pages(300, 400)}, 1000)
    world = make_world("own lengths", 3, parts=parts, configured=files.__getitem__)
    written(world, 20)
    world.run(2.0)
    learners = [world.replicas[me].role(Learner) for me in IDS]
    kept = [one.log.applied - one.log.oldest + 1 for one in learners if one]
    assert kept[:2] == [2, 5]
    assert kept[2] > 20
    assert [parts.pages_of(me).learned for me in IDS] == [1, 400, Parts().pages.learned]


def test_times_that_differ_from_the_start_cost_leases_and_end_with_the_faults() -> None:
    files = {1: Configured(timing=SHORT), 2: Configured(timing=LONG), 3: Configured()}
    world = make_world("own times", 3, configured=files.__getitem__)
    assert [world.replicas[me].factory.odd for me in IDS] == [True, True, False]
    world.run(TIMEOUT)
    proposers = [world.replicas[me].role(Proposer) for me in IDS]
    assert not any(one.may_read(world.replicas[one.me].clock()) for one in proposers if one)
    for me in (1, 2):
        world.replicas[me].retime(None)
    assert leader(world)


def test_a_seed_gives_the_same_files_and_some_seeds_odd_ones() -> None:
    drawn = [configured(str(seed), IDS, (3, 1000)) for seed in range(60)]
    assert drawn[7] == configured("7", IDS, (3, 1000))
    assert pages("7", IDS) == pages("7", IDS)
    odd = [run for run in drawn if any(file.timing for file in run.values())]
    assert 0 < len(odd) < 20
    assert any(len({file.keep for file in run.values()}) == 2 for run in drawn)
