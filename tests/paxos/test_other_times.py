"""Replicas with different times: nobody relies on a lease that somebody else does not keep.

The handshake keeps such replicas apart; this must hold without it.
"""

from __future__ import annotations

import dataclasses

import pytest
from msgspec.structs import replace

from kvrmi.cluster.timing import Timing
from kvrmi.paxos.acceptor import Acceptor
from kvrmi.paxos.messages import Heard, Heartbeat, Prepare, Promise, Refused
from kvrmi.paxos.stable import TABLES
from kvrmi.storage.memory import MemoryStorage

from .bench import START, TIMING, Bench, Benches, acceptor, ballot, proposer
from .leader import heard, leader

B2, B3 = ballot(5, 2), ballot(6, 3)
SHORT = Timing(heartbeat=0.02, lease=0.12, election_min=0.6)
LONG = TIMING.slow()


def load(
    benches: Benches, disk: MemoryStorage, timing: Timing, now: float, *, founding: bool = False
) -> Bench[Acceptor]:
    return benches(Acceptor.load(1, disk, now, timing, founding=founding), disk, now)


def granting(benches: Benches, disk: MemoryStorage, timing: Timing) -> Bench[Acceptor]:
    """A grant was given to replica 2 just now, under these times."""
    bench = load(benches, disk, timing, START, founding=True)
    bench.deliver(proposer(2), Prepare(B2, 1, 0))
    bench.deliver(proposer(2), Heartbeat(B2, 1, 0, 0, timing.lease, 0))
    assert len(bench.find(Heard)) == 1
    bench.drain()
    return bench


def holds_for(bench: Bench[Acceptor]) -> float:
    """Seconds from now until it promises to somebody else, which then it does."""
    for hundredths in range(500):
        bench.deliver(proposer(3), Prepare(B3, 1, 0))
        if bench.find(Promise):
            return hundredths / 100
        bench.drain()
        bench.now += 0.01
    raise AssertionError("it holds for ever")


@pytest.mark.parametrize("other", [SHORT, LONG])
def test_a_heartbeat_that_asks_for_another_lease_gets_none(benches: Benches, other: Timing) -> None:
    bench = load(benches, MemoryStorage(TABLES), TIMING, START, founding=True)
    bench.deliver(proposer(2), Prepare(B2, 1, 0))
    bench.drain()
    beat = Heartbeat(B2, 1, 0, 0, other.lease, 0)
    bench.answer(proposer(2), beat, Refused(B2, B2, "lease length"))
    assert holds_for(bench) == 0


@pytest.mark.parametrize("other", [SHORT, LONG])
def test_an_answer_that_grants_another_lease_does_not_count(
    benches: Benches, other: Timing
) -> None:
    bench = leader(benches)
    bench.wake(TIMING.heartbeat)
    beat = bench.find(Heartbeat)[0].beat
    for replica in (1, 2, 3):
        bench.deliver(acceptor(replica), replace(heard(beat), lease=other.lease))
    assert not bench.role.may_read(bench.now)


@pytest.mark.parametrize(("before", "after"), [(LONG, TIMING), (TIMING, SHORT), (TIMING, LONG)])
def test_a_restart_with_other_times_holds_for_the_longer_of_both(
    benches: Benches, before: Timing, after: Timing
) -> None:
    """The leader of before relies on what was granted under the times of before."""
    bench = granting(benches, MemoryStorage(TABLES), before)
    assert bench.disk is not None
    bench = load(benches, bench.disk, after, bench.now)
    assert holds_for(bench) == pytest.approx(max(before.hold, after.hold), abs=0.011)


def test_the_longer_hold_is_forgotten_only_when_no_grant_of_before_is_left(
    benches: Benches,
) -> None:
    disk = MemoryStorage(TABLES)
    granting(benches, disk, LONG)
    # A second start within the hold, after a grant of the short kind: still the long hold.
    bench = load(benches, disk, TIMING, START)
    bench.deliver(proposer(2), Prepare(ballot(7, 2), 1, 0))
    bench.deliver(proposer(2), Heartbeat(ballot(7, 2), 1, 0, 0, TIMING.lease, 0))
    bench.drain()
    bench = load(benches, disk, TIMING, START + 0.1)
    # A grant after it: from here on only grants of these times can be left.
    bench.now += LONG.hold
    bench.deliver(proposer(2), Heartbeat(ballot(7, 2), 2, 0, 0, TIMING.lease, 0))
    bench.drain()
    bench = load(benches, disk, TIMING, bench.now)
    bench.now += TIMING.hold - 0.01
    bench.answer(
        proposer(3), Prepare(ballot(9, 3), 1, 0), Refused(ballot(9, 3), ballot(7, 2), "lease")
    )
    bench.now += 0.02
    bench.deliver(proposer(3), Prepare(ballot(9, 3), 1, 0))
    assert bench.find(Promise)


def test_a_longer_hold_is_durable_before_a_grant_that_needs_it(benches: Benches) -> None:
    """The ballot may have been promised under the times of before."""
    disk = MemoryStorage(TABLES)
    granting(benches, disk, TIMING)
    bench = load(benches, disk, LONG, START)
    bench.deliver(proposer(2), Heartbeat(B2, 2, 0, 0, LONG.lease, 0))
    assert len(bench.find(Heard)) == 1
    bench.drain()
    bench = load(benches, disk, TIMING, bench.now)
    assert holds_for(bench) == pytest.approx(LONG.hold, abs=0.011)


def test_whole_numbers_of_seconds_are_the_same_times() -> None:
    """A file may say `lease = 1`; replicas compare what they read."""
    whole = dataclasses.replace(TIMING, heartbeat=0.2, lease=1, election_min=1, election_max=2)
    assert whole == dataclasses.replace(whole, lease=1.0, election_min=1.0, election_max=2.0)
    assert type(whole.lease) is float
