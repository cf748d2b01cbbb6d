"""Multi-Paxos as an engine: from a checked operation to the front and back, and operators' orders.

Rule: an engine knows consensus and no Pyro; the servant knows Pyro and no consensus.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from kvrmi.operations.commands import CommandId, encode_command, encode_question
from kvrmi.operations.interface import LOCAL, OPERATIONS, Answer, Operation, Request, Result
from kvrmi.paxos.front import Front
from kvrmi.paxos.learner import Learner
from kvrmi.paxos.messages import Transfer
from kvrmi.paxos.submissions import Submission
from kvrmi.roles.contract import Effects

from ..driver import Driver
from ..hosts import Hosts
from ..rolehost import Fenced, RoleHost
from ..router import Router
from .catchup import LOOK_SECONDS, CatchUpFailed, restore

GRACE_SECONDS = 0.2
"""The front is given this much longer than a submission's deadline to settle it by itself."""

TRANSFER_SECONDS = 3.0

NOT_UP = Answer("UNAVAILABLE", "this replica is starting; nothing was done", 0)
LEARNER_DOWN = Answer("UNAVAILABLE", "this replica's learner is down; nothing was done", 0)
NOT_SETTLED = Answer("UNKNOWN_OUTCOME", "no answer in time; it may or may not take effect", 0)


class PaxosEngine:
    """Multi-Paxos: writes through the front; reads under the lease, or through the front."""

    capabilities = frozenset(OPERATIONS)

    def __init__(
        self,
        me: int,
        hosts: Hosts,
        router: Router,
        driver: Driver,
        status: Callable[[], dict[str, object]],
        refusals: Callable[[], Sequence[str]],
    ) -> None:
        """Serve as replica `me`; `status` makes its entry of the cluster's status.

        `refusals`: which peers it has no connection with although they run, and why.
        """
        self._me = me
        self._hosts = hosts
        self._front: RoleHost[Front] = hosts["front"]
        self._learner: RoleHost[Learner] = hosts["learner"]
        self._router = router
        self._driver = driver
        self._status = status
        self._refusals = refusals

    def execute(self, operation: Operation, request: tuple[str, int] | None) -> Result:
        """Carry out a checked operation; answers within the request time."""
        name, args, reads, consistency = operation
        stale = consistency == LOCAL
        if reads:
            question = encode_question(name, args)
            answer = self._local(question) if stale else self._read(question)
        else:
            id: CommandId | None = request or self._front.peek(lambda front: front.next_id(), None)
            if id is None:
                return Result(*NOT_UP, self._me, 0, stale)
            payload = encode_command(name, args, id)
            answer = self._submit(Request(False, payload), repeatable=request is not None)
        return Result(*answer, self._me, self.leader, stale)

    @property
    def leader(self) -> int:
        """The replica that leads as far as known here, or 0."""
        return self._front.peek(lambda front: front.leader, 0)

    def status(self) -> dict[str, object]:
        """Return this replica's entry of the cluster's status."""
        return self._status()

    def settle(self) -> None:
        """Make the front give up what is overdue."""
        self._front.act(lambda front, now: (None, front.wake(now)))
        self._router.run()

    def restore(self, peer: int) -> dict[str, object]:
        """Have the learner catch up with a peer. Raises Fenced, CatchUpFailed."""
        return restore(self._hosts, peer)

    def transfer(self, to: int) -> bool:
        """Hand leadership to replica `to`; True once it leads, False if it did not in time.

        Raises Fenced, and CatchUpFailed where another replica leads.
        """
        if self.leader not in (self._me, to):
            raise CatchUpFailed(
                f"only the leader hands leadership over, replica {self.leader or '?'}"
            )
        self._hosts.deliver("proposer", Transfer(to))
        deadline = time.monotonic() + TRANSFER_SECONDS
        while self.leader != to:
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def _local(self, question: bytes) -> Answer:
        try:
            return self._learner.ask(lambda learner, _: learner.read(question))
        except Fenced:
            return LEARNER_DOWN

    def _read(self, question: bytes) -> Answer:
        # No lock of the front's: it only compares the lease with the time, then asks the learner.
        answer = self._front.peek(lambda front: front.read(self._front.clock(), question), None)
        self._learner.carry_on()
        return answer or self._submit(Request(True, question), repeatable=False)

    def _submit(self, request: Request, *, repeatable: bool) -> Answer:
        def submit(front: Front, now: float) -> tuple[Submission, Effects]:
            return front.submit(now, request, repeatable=repeatable)

        submission = self._front.act(submit)
        self._router.run()
        if not self._driver.wait(submission, submission.deadline):
            self.settle()
            self._driver.wait(submission, submission.deadline + GRACE_SECONDS)
        return self._explained(submission.answer or NOT_SETTLED)

    def _explained(self, answer: Answer) -> Answer:
        """Say with a missing quorum what only this replica's log would else say."""
        refusals = self._refusals() if answer.code == "NO_QUORUM" else ()
        return answer._replace(value=f"{answer.value}. {refusals[0]}") if refusals else answer
