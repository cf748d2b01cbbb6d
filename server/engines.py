"""Engines: what carries out a checked operation behind the remote object.

Rule: an engine knows consensus and no Pyro; the servant knows Pyro and no consensus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from kvrmi.interface import LOCAL, OPERATIONS, Answer, Engine, Operation, Request, Result
from kvrmi.machine import CommandId, encode_command, encode_question
from kvrmi.paxos.declaration import PAXOS
from kvrmi.paxos.front import Front
from kvrmi.paxos.learner import Learner
from kvrmi.paxos.tickets import Ticket
from kvrmi.roles.contract import Effects
from kvrmi.roles.declaration import Declaration

from .driver import Driver
from .hosts import Hosts, Noted
from .journal import Journal
from .rolehost import Fenced, RoleHost
from .router import Router

GRACE_SECONDS = 0.2
"""The front is given this much longer than a ticket's deadline to settle it by itself."""

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
        def submit(front: Front, now: float) -> tuple[Ticket, Effects]:
            return front.submit(now, request, repeatable=repeatable)

        ticket = self._front.act(submit)
        self._router.run()
        if not self._driver.wait(ticket, ticket.deadline):
            self.settle()
            self._driver.wait(ticket, ticket.deadline + GRACE_SECONDS)
        return self._explained(ticket.answer or NOT_SETTLED)

    def _explained(self, answer: Answer) -> Answer:
        """Say with a missing quorum what only this replica's log would else say."""
        refusals = self._refusals() if answer.code == "NO_QUORUM" else ()
        return answer._replace(value=f"{answer.value}. {refusals[0]}") if refusals else answer


class Served(Engine, Protocol):
    """An engine as its replica uses it."""

    @property
    def leader(self) -> int:
        """The replica that leads as far as known here, or 0."""
        ...

    def settle(self) -> None:
        """Give up what is overdue of other replicas' deferred requests."""
        ...


class Notes(Protocol):
    """What writes the log of a replica."""

    def of(self, role: str) -> Noted:
        """How the steps of a role are noted."""
        ...


class EngineKind(NamedTuple):
    """What a replica of an engine is made of: its roles, what serves clients, what logs them."""

    declared: Declaration
    engine: Callable[..., Served]
    journal: Callable[..., Notes]


ENGINES = {"paxos": EngineKind(PAXOS, PaxosEngine, Journal)}
"""Every engine, by its name in the cluster file."""
