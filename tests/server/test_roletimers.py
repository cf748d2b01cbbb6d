"""Timers of a role: its world hears when it is due, so that nobody looks at the clock in vain."""

from __future__ import annotations

from kvrmi.roles.contract import Effects

from .stubs import PEER, Outside, StubRole, host_of
from .test_rolehost import ASK


def test_the_world_hears_when_it_is_due_and_when_it_comes_and_goes() -> None:
    """So that nobody has to look at the clock every few milliseconds."""
    times = iter([5.0, 7.0, 4.0])
    outside = Outside()
    role = StubRole(lambda sender, message: Effects(wake_at=next(times)))
    host = host_of(lambda: role, outside, clock=lambda: 1.0)
    assert (outside.wakes, outside.changes) == ([1.0], 1)
    host.wake_if_due(1.0)
    host.work()
    for _ in range(3):
        host.deliver(PEER, ASK)
    assert outside.wakes == [1.0, 5.0, 4.0]  # what is later wakes nobody
    host.fail("test", 0.5)
    assert outside.changes == 2
    assert host.back_at == 1.5


def test_who_waits_for_its_turn_is_not_due_again() -> None:
    """Else the timers would not sleep while a disk hangs."""
    host = host_of(StubRole, clock=lambda: 0.0)
    assert host.inbox.due_at == 0.0
    host.wake_if_due(0.0)
    assert host.inbox.due_at is None
    host.work()
    assert host.inbox.due_at is None
