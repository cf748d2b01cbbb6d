"""Multi-Paxos as an engine: from a checked operation to the front and back, and operators' orders.

Rule: an engine knows consensus and no Pyro; the servant knows Pyro and no consensus.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from kvrmi.operations.commands import CommandId, pack_command, pack_question
from kvrmi.operations.interface import LOCAL, Answer, Done, Operation, Request, Result
from kvrmi.operations.vocabulary import Vocabulary
from kvrmi.paxos.front import Front
from kvrmi.paxos.learner import Learner
from kvrmi.paxos.messages import Transfer
from kvrmi.paxos.submissions import Submission

from ..hosts import Hosts
from ..rolehost import Fenced, RoleHost
from ..router import Router
from . import blocks, pending
from .catchup import LOOK_SECONDS, restore
from .opened import GRACE_SECONDS, LOST, LOST_READ, Opened
from .served import CatchUpFailed, Orders, Turns

TRANSFER_SECONDS = 3.0

NOT_UP = Answer("UNAVAILABLE", "this replica is starting; nothing was done", 0)
LEARNER_DOWN = Answer("UNAVAILABLE", "this replica's learner is down; nothing was done", 0)


class PaxosEngine:
    """Multi-Paxos: writes through the front; reads under the lease, or through the front."""

    name = "paxos"

    def __init__(
        self,
        me: int,
        hosts: Hosts,
        router: Router,
        turns: Turns,
        patience: float,
        status: Callable[[], dict[str, object]],
        refusals: Callable[[], Sequence[str]],
        vocabulary: Vocabulary,
    ) -> None:
        """Serve as replica `me`; `status` makes its entry of the cluster's status.

        `turns` is the reactor of its clients. `patience`: seconds that a request may take.
        `refusals`: which peers it has no connection with although they run, and why.
        `vocabulary`: what it is asked, all of which it carries out.
        """
        self.capabilities = frozenset(vocabulary.clients)
        self.orders = Orders(
            restore=self.restore,
            transfer=self.transfer,
            log=self.log,
            why=self.why,
            chain=self.chain,
            tentative=self.tentative,
            queue=self.queue,
        )
        self._vocabulary = vocabulary
        self._me = me
        self._hosts = hosts
        self._front: RoleHost[Front] = hosts["front"]
        self._learner: RoleHost[Learner] = hosts["learner"]
        self._router = router
        self._soon = turns.soon
        self._patience = patience
        self._submitted: deque[Submission] = deque()
        self._opened = Opened(self._front.clock, patience)
        turns.add_timer(self._opened.left, self._opened.look)
        self._status = status
        self._refusals = refusals

    def submit(self, operation: Operation, request: tuple[str, int] | None, done: Done) -> None:
        """Begin a checked operation; `done` gets the answer within the request time."""
        known, args, consistency = operation
        if known.reads:
            question = pack_question(known.opcode, args)
            stale = consistency == LOCAL
            answer = self._local(question) if stale else self._read(question)
            if answer is None:
                self._enqueue(Request(True, question), False, done)
            else:
                done(self._result(answer, stale))
            return
        id: CommandId | None = request or self._front.peek(lambda front: front.next_id(), None)
        if id is None:
            done(self._result(NOT_UP))
        else:
            payload = pack_command(known.opcode, args, id)
            self._enqueue(Request(False, payload), request is not None, done)

    def execute(self, operation: Operation, request: tuple[str, int] | None) -> Result:
        """Carry out a checked operation; answers within the request time."""
        answers: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self.submit(operation, request, answers.put)
        try:
            return answers.get(timeout=self._patience + 3 * GRACE_SECONDS)
        except queue.Empty:  # the reactor does not turn
            return self._result(LOST_READ if operation.reads else LOST)

    @property
    def leader(self) -> int:
        """The replica that leads as far as known here, or 0."""
        return self._front.peek(lambda front: front.leader, 0)

    def status(self) -> dict[str, object]:
        """Return this replica's entry of the cluster's status."""
        return self._status()

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

    def log(self, first: int | None, most: int) -> dict[str, object]:
        """List blocks of the log from slot `first` on, None: the last ones. Raises Fenced."""
        return blocks.blocks(self._learner, self._vocabulary, first, most)

    def why(self, key: str) -> dict[str, object]:
        """Find the decision that gave a key its value. Raises Fenced, CatchUpFailed."""
        return blocks.why(self._learner, key)

    def chain(self) -> dict[str, object]:
        """Compute the log's hash chain anew from the disk. Raises Fenced."""
        return blocks.chain(self._learner)

    def tentative(self) -> dict[str, object]:
        """List blocks that are accepted here and not known to be chosen. Raises Fenced."""
        return pending.tentative(self._hosts, self._vocabulary)

    def queue(self) -> dict[str, object]:
        """List the requests that are not answered yet, by what they wait for. Raises Fenced."""
        return pending.queue(self._hosts, self._vocabulary)

    def _local(self, question: bytes) -> Answer:
        try:
            return self._learner.ask(lambda learner, _: learner.read(question))
        except Fenced:
            return LEARNER_DOWN

    def _read(self, question: bytes) -> Answer | None:
        # No lock of the front's: it only compares the lease with the time, then asks the learner.
        answer = self._front.peek(lambda front: front.read(self._front.clock(), question), None)
        self._learner.carry_on()
        return answer

    def _enqueue(self, request: Request, repeatable: bool, done: Done) -> None:
        """Leave a request to the reactor's thread: what is left in one round comes as one."""

        def answered(answer: Answer) -> None:
            # The front settles it within a step: who asked is answered after that.
            self._soon(lambda: done(self._result(self._explained(answer))))

        settled = partial(self._opened.settled, answered)
        submission = self._front.peek(
            lambda front: front.submission(
                self._front.clock(), request, repeatable=repeatable, settled=settled
            ),
            None,
        )
        if submission is None:
            done(self._result(NOT_UP))
            return
        self._opened.add(answered, submission)
        self._submitted.append(submission)
        self._soon(self._hand_on)  # each time: two threads may both find that they are not first

    def _hand_on(self) -> None:
        """Give the front what was submitted; the reactor runs the router afterwards."""
        submissions = []
        while self._submitted:
            submissions.append(self._submitted.popleft())
        if not submissions:
            return
        try:
            self._front.act(lambda front, now: (None, front.take(now, submissions)))
        except Fenced:
            for submission in submissions:
                submission.settle(NOT_UP)

    def _result(self, answer: Answer, stale: bool = False) -> Result:
        return Result(*answer, self._me, self.leader, stale)

    def _explained(self, answer: Answer) -> Answer:
        """Say with a missing quorum what only this replica's log would else say."""
        refusals = self._refusals() if answer.code == "NO_QUORUM" else ()
        return answer._replace(value=f"{answer.value}. {refusals[0]}") if refusals else answer
