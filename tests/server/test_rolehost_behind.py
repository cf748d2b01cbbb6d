"""A role whose records are written behind its steps: who reports that they are durable."""

from __future__ import annotations

from collections.abc import Callable

from kvrmi.roles.contract import Envelope
from kvrmi.storage.interface import Record

from .stubs import PEER, Outside, StubRole, host_of
from .test_rolehost import ASK, LEARN, LEARNER, SlowDisk, answering


class HeldDisk(SlowDisk):
    """Reports when the test says so that something was written behind."""

    def begin(self, turn: int, records: tuple[Record, ...], done: Callable[[], None]) -> None:
        self.done = done


def test_what_a_former_incarnation_wrote_behind_is_not_reported_after_a_restart() -> None:
    """Its successor may have been loaded from another file: the old one was found damaged."""
    outside, disk = Outside(), HeldDisk()
    host = host_of(lambda: StubRole(answering), outside, disk=disk, behind=True)
    host.deliver(PEER, ASK)
    host.fail("test")
    host.start()
    disk.done()
    assert outside.posted == []
    host.deliver(PEER, ASK)
    disk.done()
    assert outside.posted == [(host.address, Envelope(LEARNER, LEARN))]
