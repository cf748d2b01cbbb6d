"""One request of a simulated client, from its first sending to its answer.

Rule: it goes to the front of a replica as the server hands it there, and knows no operation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...operations.commands import CommandId
from ...operations.interface import LOCAL, Answer, Request
from ...paxos.front import Front
from ...paxos.learner import Learner
from ...roles.contract import Effects
from .monitor import monitor

if TYPE_CHECKING:
    from ...paxos.submissions import Submission
    from ..replica import Replica

__all__ = ["KEYS", "Asked"]

KEYS = tuple(f"k{number}" for number in range(4))
"""What clients of all kinds ask about."""


class Asked:
    """One request of a client, however often it is sent."""

    def __init__(
        self, op: str, args: tuple[Any, ...], payload: bytes, called: float, *, reads: bool
    ) -> None:
        """`payload` is the machine's encoding; `called` the time before it is first sent.

        `reads`: it changes nothing.
        """
        self.reads = reads
        self.op = op
        self.args = args
        self.payload = payload
        self.called = called
        self.since = 0
        """The highest revision that any client had been answered before this was first asked."""
        self.id: CommandId | None = None
        self.answer: Answer | None = None
        self.undone = False
        """It was said that nothing was done, of every sending."""
        self.doubt = False
        """A sending ended without an answer that says so."""
        self.replica = 0
        self.slot = -1
        """Of a local read: how far its replica had applied the log, as far as could be seen."""
        self._submission: Submission | None = None
        self._at: Replica | None = None
        self._started = 0
        self._sent = 0.0

    @property
    def session(self) -> bool:
        """It may be sent again."""
        return self.id is not None and len(self.id) == 2

    @property
    def local(self) -> bool:
        """It may be answered from whatever its replica has applied."""
        return LOCAL in self.args[1:]

    @property
    def waits(self) -> bool:
        """It was sent and is not yet answered."""
        return self._at is not None

    def send(self, replica: Replica, now: float) -> None:
        """Send it to a replica, as soon as that is not paused."""
        self.replica = replica.me
        self._at, self._started, self._sent = replica, replica.starts, now
        replica.run(lambda: replica.act("front", self._submit))

    def _submit(self, front: Front, now: float) -> Effects:
        if self.local and self._at is not None:
            self.slot, self.answer = _local(self._at, self.payload)
            return Effects()
        if self.reads:
            self.answer = front.read(now, self.payload)
            if self.answer is not None:
                return Effects()
        request = Request(self.reads, self.payload)
        self._submission, effects = front.submit(now, request, repeatable=self.session)
        return effects

    def look(self) -> None:
        """Take the answer, if there is one."""
        if self._submission is not None and self._submission.answer is not None:
            self.answer = self._submission.answer

    @property
    def settled(self) -> bool:
        """It has its answer, whether anybody has taken note of that or not."""
        self.look()
        return self.answer is not None

    def forget(self) -> None:
        """Be ready to be sent again."""
        self._at = self._submission = self.answer = None

    @property
    def orphaned(self) -> bool:
        """The process that took it is gone."""
        return self._at is None or not self._at.up or self._at.starts != self._started

    def late(self, now: float, timeout: float) -> bool:
        """Return whether it should have been answered by now."""
        at = self._at
        return at is not None and not at.paused and now - max(self._sent, at.resumed_at) > timeout


def _local(replica: Replica, question: bytes) -> tuple[int, Answer]:
    """Read at once what a replica has applied, and see how far that is."""
    learner = replica.role(Learner)
    if learner is None:
        return -1, Answer("UNAVAILABLE", "the learner is down", 0)
    return monitor(replica).stands(replica, learner), learner.read(question)
