"""What a role's disk has to do for it: the write that the role waits for, or those behind it.

Rules: a role whose disk is not written behind handles nothing while a write is under way; no lock
is held meanwhile; what was under way when the role went down is not written after its next start.
It does not know what a step means.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from kvrmi.roles.breaking import PATIENCE_SECONDS
from kvrmi.roles.contract import Address, Effects, Envelope, Message

from .rolework import Disk

__all__ = ["Fenced", "Step", "Write", "Writes"]


class Fenced(Exception):
    """The role is down, another incarnation, or stuck: the message was not handled."""


class Step(NamedTuple):
    """What a role made of a message, or of a wake call without one."""

    sender: Address
    message: Message | None
    effects: Effects


class Write:
    """A step whose messages wait for its records, and with them all later steps."""

    __slots__ = ("incarnation", "step", "turn")

    def __init__(self, step: Step, turn: int, incarnation: int) -> None:
        """`turn` is the disk's, `incarnation` the role's, when the step was done."""
        self.step = step
        self.turn = turn
        self.incarnation = incarnation


class Writes:
    """One role's, in all its incarnations."""

    def __init__(self, role: str, disk: Disk | None, behind: bool, lock: threading.Lock) -> None:
        """`lock` is the role's; `behind`: later steps do not wait for records of earlier ones."""
        self.under_way: Write | None = None
        self._role = role
        self._disk = disk
        self._behind = behind
        self._lock = lock
        self._ended = threading.Condition(lock)

    def enter(self) -> None:
        """Take the role's lock while no write is under way. Raises Fenced."""
        if not self._lock.acquire(timeout=PATIENCE_SECONDS):
            raise Fenced(f"{self._role} is stuck")
        if self.under_way is None:
            return
        if not self._ended.wait_for(lambda: self.under_way is None, PATIENCE_SECONDS):
            self._lock.release()
            raise Fenced(f"{self._role} waits for its disk")

    def take(
        self, step: Step, incarnation: int, leave: Callable[[tuple[Envelope, ...]], None]
    ) -> None:
        """Begin to write a step's records behind, and `leave` follows; or let all wait for it."""
        if self._disk is None:
            raise RuntimeError(f"{self._role} has no disk, and records")
        turn, effects = self._disk.turn, step.effects
        if self._behind:
            self._disk.begin(turn, effects.records, partial(leave, effects.messages))
        else:
            self.under_way = Write(step, turn, incarnation)

    def end(self, write: Write) -> None:
        """Have the role go on after a write. Raises Fenced if it went down meanwhile."""
        if self.under_way is not write:
            raise Fenced(f"{self._role} was restarted")
        self.drop()

    def drop(self) -> None:
        """Wait for nothing any more."""
        self.under_way = None
        self._ended.notify_all()

    def carry_out(self, write: Write) -> None:
        """Write in this thread, with or without the lock. Raises Fenced, and what the disk raises.

        Fenced: it was not written, since the role was started anew.
        """
        if self._disk is None or not self._disk.write(write.turn, write.step.effects.records):
            raise Fenced(f"{self._role} was restarted")

    def begin(self, write: Write, done: Callable[[], None]) -> None:
        """Have it written in another thread, which calls `done`; with or without the lock."""
        if self._disk is not None:
            self._disk.begin(write.turn, write.step.effects.records, done)

    def fence(self) -> bool:
        """Drop what is not written yet. False: the disk does not come to an end."""
        return self._disk is None or self._disk.fence()
