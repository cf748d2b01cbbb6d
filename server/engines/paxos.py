"""Multi-Paxos as an engine: from a checked operation to the front and back; operators' actions.

Rule: an engine knows consensus and no Pyro; the servant knows Pyro and no consensus.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

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
from .handed import Handed, Make, waited
from .moment import moment
from .opened import LOST, LOST_READ
from .served import Actions, CatchUpFailed, Turns

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
        self._me = me
        self._hosts = hosts
        self._front: RoleHost[Front] = hosts["front"]
        self._learner: RoleHost[Learner] = hosts["learner"]
        self._router = router
        self._patience = patience
        self._handed: Handed[Submission, Front] = Handed(self._front, turns, patience, NOT_UP)
        self._status = status
        self._refusals = refusals
        self.actions = Actions(
            restore=partial(restore, hosts),
            transfer=self.transfer,
            log=partial(blocks.blocks, self._learner, vocabulary),
            why=partial(blocks.why, self._learner),
            chain=partial(blocks.chain, self._learner),
            tentative=partial(pending.tentative, hosts, vocabulary),
            queue=partial(pending.queue, hosts, vocabulary),
            moment=partial(moment, hosts),
        )

    def submit(self, operation: Operation, request: tuple[str, int] | None, done: Done) -> None:
        """Begin a checked operation; `done` gets the answer within the request time."""
        known, args, consistency = operation
        if not known.reads:
            self._write(known.opcode, args, request, done)
            return
        question = pack_question(known.opcode, args)
        stale = consistency == LOCAL
        answer = self._local(question) if stale else self._read(question)
        if answer is None:
            self._confirm(Request(True, question), done)
        else:
            done(self._result(answer, stale))

    def execute(self, operation: Operation, request: tuple[str, int] | None) -> Result:
        """Carry out a checked operation; answers within the request time."""
        result = waited(lambda done: self.submit(operation, request, done), self._patience)
        return result or self._result(LOST_READ if operation.reads else LOST)

    @property
    def leader(self) -> int:
        """The replica that leads as far as known here, or 0."""
        return self._front.peek(lambda front: front.leader, 0)

    def status(self) -> dict[str, object]:
        """Return this replica's entry of the cluster's status."""
        return self._status()

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

    def _read(self, question: bytes) -> Answer | None:
        # No lock of the front's: it only compares the lease with the time, then asks the learner.
        answer = self._front.peek(lambda front: front.read(self._front.clock(), question), None)
        self._learner.carry_on()
        return answer

    def _write(self, opcode: int, args: Any, request: tuple[str, int] | None, done: Done) -> None:
        def make(front: Front, now: float, settled: Callable[[Answer], None]) -> Submission:
            id: CommandId = request or front.next_id()
            asked = Request(False, pack_command(opcode, args, id))
            return front.submission(now, asked, repeatable=request is not None, settled=settled)

        self._hand(make, done)

    def _confirm(self, question: Request, done: Done) -> None:
        """Have a read answered through the front, which has no lease now."""

        def make(front: Front, now: float, settled: Callable[[Answer], None]) -> Submission:
            return front.submission(now, question, repeatable=False, settled=settled)

        self._hand(make, done)

    def _hand(self, make: Make[Front, Submission], done: Done) -> None:
        """Leave a request to the front."""
        self._handed.hand(make, lambda answer: done(self._result(self._explained(answer))))

    def _result(self, answer: Answer, stale: bool = False) -> Result:
        return Result(*answer, self._me, self.leader, stale)

    def _explained(self, answer: Answer) -> Answer:
        """Say with a missing quorum what only this replica's log would else say."""
        refusals = self._refusals() if answer.code == "NO_QUORUM" else ()
        return answer._replace(value=f"{answer.value}. {refusals[0]}") if refusals else answer
