"""The leader's lease: from before the sending, by a quorum of answers to that sending alone."""

from __future__ import annotations

from kvrmi.paxos.lease import REMEMBERED, LeaderLease

from .bench import START, TIMING

USABLE = TIMING.usable_lease


def test_without_answers_there_is_no_lease() -> None:
    lease = LeaderLease(2, TIMING)
    lease.next_beat(START)
    assert not lease.usable(START)


def test_a_quorum_of_answers_makes_it_usable_from_before_the_sending() -> None:
    lease = LeaderLease(2, TIMING)
    beat = lease.next_beat(START)
    assert not lease.heard(beat, 1)
    assert not lease.usable(START)
    assert lease.heard(beat, 2)
    assert lease.usable(START + USABLE - 0.001)
    assert not lease.usable(START + USABLE)


def test_it_is_shorter_than_what_acceptors_grant() -> None:
    assert TIMING.lease * (1 - TIMING.drift) > USABLE > 0
    assert TIMING.hold >= TIMING.lease * (1 + TIMING.drift)


def test_answers_to_different_heartbeats_do_not_add_up() -> None:
    lease = LeaderLease(2, TIMING)
    first, second = lease.next_beat(START), lease.next_beat(START + 0.1)
    assert not lease.heard(first, 1)
    assert not lease.heard(second, 2)
    assert not lease.usable(START + 0.1)


def test_one_replica_is_counted_once() -> None:
    lease = LeaderLease(2, TIMING)
    beat = lease.next_beat(START)
    assert not lease.heard(beat, 2)
    assert not lease.heard(beat, 2)


def test_a_late_answer_to_an_old_heartbeat_takes_nothing_back() -> None:
    lease = LeaderLease(2, TIMING)
    old, new = lease.next_beat(START), lease.next_beat(START + 0.5)
    for beat in (new, old):
        lease.heard(beat, 1)
        lease.heard(beat, 2)
    assert lease.usable(START + 0.5 + USABLE - 0.001)
    assert (lease.contact, lease.confirmed) == (START + 0.5, new)


def test_a_late_quorum_makes_a_lease_that_is_already_over() -> None:
    lease = LeaderLease(2, TIMING)
    beat = lease.next_beat(START)
    lease.heard(beat, 1)
    lease.heard(beat, 2)
    assert not lease.usable(START + 10)


def test_an_ended_lease_stays_ended() -> None:
    """Late grants are ignored: the ballot was given up for good."""
    lease = LeaderLease(2, TIMING)
    beat = lease.next_beat(START)
    lease.heard(beat, 1)
    lease.end()
    assert not lease.heard(beat, 2)
    assert not lease.usable(START)


def test_heartbeats_long_gone_are_forgotten() -> None:
    lease = LeaderLease(1, TIMING)
    first = lease.next_beat(START)
    for _ in range(REMEMBERED):
        lease.next_beat(START)
    assert not lease.heard(first, 1)


def test_heartbeats_are_numbered_apart() -> None:
    lease = LeaderLease(1, TIMING)
    assert lease.next_beat(START) != lease.next_beat(START)
