"""Clients of the bag, and what they must never see.

Rules: a key has one writer; every answer carries the revision it was given at, so that order can be
checked exactly: no answer is older than what was complete before its question was asked
(`Clients.settle`), and each is what the chosen log gives at that revision (audit.py).
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from kvrmi.interface import Answer, Request
from kvrmi.machine import CommandId, encode_command, encode_question
from kvrmi.paxos.effects import Effects

from .bench import TIMING

if TYPE_CHECKING:
    from kvrmi.paxos.front import Front
    from kvrmi.paxos.tickets import Ticket

    from .bag import Bag, Node

__all__ = ["Clients", "Operation"]

UNDONE = ("NO_QUORUM", "UNAVAILABLE")
"""Codes that promise that nothing was done."""

PATIENCE = TIMING.request * 1.01 + 0.2
"""By then every ticket has its answer, on the slowest clock and with the latest look at it."""


class Operation:
    """One request of a client, however often it is sent."""

    def __init__(self, payload: bytes, *, reads: bool, session: bool, since: int) -> None:
        self.payload = payload
        self.reads = reads
        self.session = session
        self.since = since
        """The highest revision that anybody had been told of before this was first asked."""
        self.answer: Answer | None = None
        self.undone = False
        """It was said that nothing was done."""
        self.ticket: Ticket | None = None
        self.node: Node | None = None
        self.started = 0
        self.sent_at = 0.0

    def send(self, node: Node, now: float) -> None:
        self.node, self.started, self.sent_at = node, node.started, now
        node.act(self._submit)

    def _submit(self, front: Front, now: float) -> Effects:
        if self.reads:
            self.answer = front.read(now, self.payload)
            if self.answer is not None:
                return Effects()
        request = Request(self.reads, self.payload)
        self.ticket, effects = front.submit(now, request, repeatable=self.session)
        return effects

    @property
    def orphaned(self) -> bool:
        """The process that took it is gone."""
        return self.node is None or not self.node.up or self.node.started != self.started


class Client:
    """Does one thing after another: writes its own key, or reads anybody's."""

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.kind = kind
        self.key = f"key of {name}"
        self.count = 0
        self.idle_until = 0.0
        self.doing: Operation | None = None

    def command(self, front: Front) -> bytes:
        """The next write; a counter's expects exactly what its last one left."""
        self.count += 1
        id: CommandId = front.next_id() if self.kind == "plain" else (self.name, self.count)
        value = str(self.count)
        if self.kind == "counter":
            before = str(self.count - 1) if self.count > 1 else None
            return encode_command("cas", (self.key, before, value), id)
        return encode_command("put", (self.key, value), id)


class Clients:
    """All of them; `step` now and then, `settle` after every event."""

    KINDS = ("plain", "session", "counter", "reader", "reader")

    def __init__(self, bag: Bag) -> None:
        self._bag = bag
        self._rng: random.Random = bag.rng
        self._all = [Client(f"{kind} {n}", kind) for n, kind in enumerate(self.KINDS)]
        self._keys = [client.key for client in self._all if client.kind != "reader"]
        self.done: list[Operation] = []
        self.counters = {c.key: c for c in self._all if c.kind == "counter"}
        self.told = 0
        """The highest revision that anybody was told of."""
        self._resting = False
        self._pause = self._rng.choice((0.002, 0.02, 0.1))
        self.step()

    def rest(self) -> None:
        """Begin nothing new; finish what is begun."""
        self._resting = True

    @property
    def idle(self) -> bool:
        return all(client.doing is None for client in self._all)

    def step(self) -> None:
        self.settle()
        for client in self._all:
            if client.idle_until <= self._bag.now:
                client.idle_until = self._bag.now + self._rng.expovariate(1 / self._pause)
                self._go_on(client)
        self._bag.after(0.005, self.step)

    def _go_on(self, client: Client) -> None:
        up = [node for node in self._bag.nodes.values() if node.up]
        if not up:
            return
        node = self._rng.choice(up)
        operation = client.doing
        if operation is None and not self._resting:
            operation = client.doing = self._new(client, node)
        if operation is not None and operation.node is None:
            operation.send(node, self._bag.now)

    def _new(self, client: Client, node: Node) -> Operation:
        if client.kind == "reader":
            question = encode_question("get", (self._rng.choice(self._keys),))
            return Operation(question, reads=True, session=False, since=self.told)
        assert node.front is not None
        command = client.command(node.front)
        session = client.kind != "plain"
        return Operation(command, reads=False, session=session, since=self.told)

    def settle(self) -> None:
        """Take what answers there are."""
        for client in self._all:
            operation = client.doing
            if operation is None or operation.node is None:
                continue
            if operation.ticket is not None and operation.ticket.answer is not None:
                operation.answer = operation.ticket.answer
            if operation.answer is not None:
                self._answered(client, operation, operation.answer)
            elif operation.orphaned:
                self._unanswered(client, operation)
            else:
                late = self._bag.now - operation.sent_at > PATIENCE
                self._bag.watch.require(not late, f"{client.name} got no answer in time")

    def _answered(self, client: Client, operation: Operation, answer: Answer) -> None:
        watch = self._bag.watch
        watch.require(answer.code != "INVALID", f"{client.name} was answered {answer}")
        if answer.code == "OK":
            floor = operation.since if operation.reads else operation.since + 1
            watch.require(
                answer.revision >= floor,
                f"{client.name} was answered {answer}, though revision {operation.since} was known",
            )
            self.told = max(self.told, answer.revision)
        elif operation.session:
            self._unanswered(client, operation)
            return
        operation.undone = answer.code in UNDONE
        self._finish(client, operation)

    def _unanswered(self, client: Client, operation: Operation) -> None:
        if operation.session:
            operation.node = operation.ticket = operation.answer = None  # to be sent again
        else:
            self._finish(client, operation)

    def _finish(self, client: Client, operation: Operation) -> None:
        self.done.append(operation)
        client.doing = None
