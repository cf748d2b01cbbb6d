"""When to try, and whom to let lead: liveness only."""

from __future__ import annotations

import random

import pytest

from kvrmi.paxos.ballot import NO_BALLOT
from kvrmi.paxos.election import FAR_BEHIND, LAG_WAIT, REACH, STAGGER, Election, HandOver

from .bench import IDS, START, TIMING, ballot


def election(me: int = 1, seed: int = 1) -> Election:
    return Election(me, IDS, START, random.Random(seed), TIMING)


def test_at_first_the_first_in_priority_tries_first() -> None:
    due = [election(me).due for me in IDS]
    assert due == sorted(due)
    assert due[0] == START
    assert due[1] > START


@pytest.mark.parametrize("seed", range(20))
def test_a_leader_heard_of_is_given_an_election_time(seed: int) -> None:
    mine = election(seed=seed)
    assert mine.followed(START, ballot(1, 2), 0)
    assert START + TIMING.election_min <= mine.due <= START + TIMING.election_max
    assert not mine.followed(START, ballot(1, 2), 0)
    assert mine.leader == ballot(1, 2)


def test_waits_are_drawn_anew_each_time() -> None:
    mine = election()
    waits = set()
    for _ in range(5):
        mine.followed(START, ballot(1, 2), 0)
        waits.add(mine.due)
    assert len(waits) == 5


def test_priority_and_lag_lengthen_our_own_wait_only() -> None:
    first, last, lagging = election(1), election(3), election(1)
    first.followed(START, ballot(1, 2), 0)
    last.followed(START, ballot(1, 2), 0)
    lagging.followed(START, ballot(1, 2), FAR_BEHIND + 1)
    assert last.due - first.due == pytest.approx(2 * STAGGER)
    assert lagging.due - first.due == pytest.approx(LAG_WAIT)


def test_a_dead_leader_is_succeeded_as_soon_as_its_lease_is_over() -> None:
    mine = election(2)
    mine.followed(START, ballot(1, 1), 0)
    mine.unreachable(START + 0.1, 1)
    assert START + TIMING.lease < mine.due < START + TIMING.election_min


def test_the_next_in_priority_does_not_wait_for_the_dead() -> None:
    """Neither for the leader, nor for one that died before it: that costs a client 30 ms each."""
    second, third = election(2), election(3)
    for mine in (second, third):
        mine.followed(START, ballot(1, 1), 0)
    third.unreachable(START, 2)
    for mine in (second, third):
        mine.unreachable(START + 0.1, 1)
    assert second.due == third.due < START + TIMING.lease + STAGGER


def test_who_is_back_has_its_priority_again() -> None:
    mine, other = election(2), election(2)
    mine.unreachable(START, 1)
    for one in (mine, other):
        one.followed(START + REACH + 0.01, ballot(1, 3), 0)
    assert mine.due == other.due


def test_a_dead_follower_hurries_nobody() -> None:
    mine = election(2)
    mine.followed(START, ballot(1, 1), 0)
    due = mine.due
    mine.unreachable(START + 0.1, 3)
    assert mine.due == due


def test_lost_attempts_are_spaced_further_and_further_up_to_a_cap() -> None:
    mine = election()
    waits = []
    for _ in range(30):
        mine.lost(START)
        waits.append(mine.due - START)
    assert all(wait <= 1.5 * TIMING.backoff_min for wait in waits[:5])
    assert all(TIMING.backoff_min <= wait <= TIMING.backoff_cap for wait in waits[5:])
    assert waits[-1] == TIMING.backoff_cap


def test_back_off_begins_again_once_somebody_led() -> None:
    mine = election()
    for _ in range(30):
        mine.lost(START)
    mine.followed(START, ballot(1, 2), 0)
    mine.lost(START)
    assert mine.due - START <= 1.5 * TIMING.backoff_min


def test_silence_of_an_election_time_makes_a_leader_forgotten() -> None:
    mine = election()
    assert not mine.silence(START + 10)
    mine.followed(START, ballot(1, 2), 0)
    assert not mine.silence(START + TIMING.election_min - 0.01)
    assert mine.silence(START + TIMING.election_min)
    assert mine.leader == NO_BALLOT


def test_who_follows_nobody_any_more_knows_why() -> None:
    mine = election()
    mine.followed(START, ballot(1, 2), 0)
    mine.asked(NO_BALLOT, hears=False)
    assert mine.ended == "nobody who answers follows a leader"
    mine.followed(START, ballot(1, 2), 0)
    assert mine.ended == ""
    mine.silence(START + TIMING.election_min)
    assert mine.ended == "no heartbeat in time"


def test_who_stands_back_lets_others_go_first() -> None:
    mine = election()
    mine.stand_back(START, "", opened=True)
    assert mine.leader == NO_BALLOT
    assert mine.due >= START + TIMING.election_min
    mine.at_once(START)
    assert mine.due == START


def test_lag_counts_when_the_leader_is_found_dead_too() -> None:
    """A replica far behind could not serve before it has caught up: others come first."""
    near, far = election(2), election(2)
    for mine, lag in ((near, FAR_BEHIND), (far, FAR_BEHIND + 1)):
        mine.followed(START, ballot(1, 1), lag)
        mine.unreachable(START + 0.1, 1)
    assert far.due - near.due == pytest.approx(LAG_WAIT)


def test_who_could_not_open_its_term_lets_others_go_first_for_longer() -> None:
    well, stuck = election(), election()
    well.stand_back(START, "", opened=True)
    stuck.stand_back(START, "", opened=False)
    assert stuck.due - well.due == pytest.approx(LAG_WAIT)


# --- handing over ---------------------------------------------------------------------------------


def handed(to: HandOver, now: float, *, urgent: bool = False) -> int:
    return to.successor(now, (1, 2), urgent=urgent)


def test_a_successor_must_have_been_fit_for_the_quiet_time() -> None:
    to = HandOver(3.0, 2.0)
    assert not handed(to, START)
    to.offered(START, 2, True)
    to.offered(START + 2, 2, True)
    assert not handed(to, START + 2.9)
    assert handed(to, START + 3.0) == 2


def test_of_two_the_lower_id_is_taken_and_of_others_none() -> None:
    to = HandOver(0.0, 2.0)
    for replica in (3, 2, 1):
        to.offered(START, replica, True)
    assert handed(to, START) == 1
    to.offered(START, 1, False)
    to.offered(START, 2, False)
    assert not handed(to, START)


def test_unfitness_begins_the_quiet_time_anew() -> None:
    to = HandOver(3.0, 2.0)
    to.offered(START, 2, True)
    to.offered(START + 2, 2, False)
    to.offered(START + 2.5, 2, True)
    assert not handed(to, START + 5)
    assert handed(to, START + 5.5) == 2


def test_in_need_fitness_is_enough() -> None:
    to = HandOver(3.0, 2.0)
    assert not handed(to, START, urgent=True)
    to.offered(START, 2, True)
    assert handed(to, START, urgent=True) == 2


def test_who_flaps_waits_twice_as_long_each_time() -> None:
    to = HandOver(3.0, 2.0)
    for quiet in (3.0, 6.0, 12.0):
        to.offered(START, 1, True)
        assert not handed(to, START + quiet - 0.1)
        assert handed(to, START + quiet) == 1
        to.handed(1)
        assert not handed(to, START + quiet)


def test_a_new_term_begins_with_nobody_known_to_be_fit() -> None:
    to = HandOver(0.0, 2.0)
    to.offered(START, 1, True)
    to.forget()
    assert not handed(to, START)
