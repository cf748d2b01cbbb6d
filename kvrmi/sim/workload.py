"""Clients of the simulated cluster, and what they must never be answered.

Rules: each does one thing after another and writes down when it asked and what it was answered
(checker/history.py); a session's write is sent again until it is answered, any other is sent once.
Every answer carries the revision it was given at, so that order can be checked exactly: no answer
is older than what was complete before its question was asked (`settle`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..interface import LOCAL, Answer, Request
from ..machine import CommandId, encode_command, encode_question
from ..roles.contract import Effects
from .checker.history import FAIL, OK, UNKNOWN, Operation

if TYPE_CHECKING:
    from ..paxos.front import Front
    from ..paxos.tickets import Ticket
    from .replica import Replica
    from .world import World

__all__ = ["COUNTERS", "Asked", "Workload"]

UNDONE = ("NO_QUORUM", "UNAVAILABLE")
"""Codes that promise that nothing was done."""

KINDS = ("plain", "session", "session", "counter", "reader", "reader")
COUNTERS = "counter/"
"""Keys below it are counted up by one client each, by cas alone."""

KEYS = tuple(f"k{number}" for number in range(4))
READS = ("get", "get", "get", "get_many", "contains", "scan", "size", LOCAL)
WRITES = ("put", "put", "put", "cas", "delete", "put_many")
STEP = 0.005
HESITATION = 0.2
"""Seconds after its deadline within which every request has its answer, on the slowest clock."""


class Asked:
    """One request of a client, however often it is sent."""

    def __init__(self, op: str, args: tuple[Any, ...], payload: bytes, called: float) -> None:
        """`payload` is the machine's encoding; `called` the time before it is first sent."""
        self.op = op
        self.args = args
        self.payload = payload
        self.called = called
        self.since = 0
        """The highest revision that any client had been answered before this was first asked."""
        self.session = False
        self.answer: Answer | None = None
        self.undone = False
        """It was said that nothing was done."""
        self.replica = 0
        self.slot = -1
        """Of a local read: how far its replica had applied the log, as far as could be seen."""
        self._ticket: Ticket | None = None
        self._at: Replica | None = None
        self._started = 0
        self._sent = 0.0

    @property
    def reads(self) -> bool:
        """It changes nothing."""
        return self.op in READS

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
        replica.run(lambda: replica.act(self._submit))

    def _submit(self, front: Front, now: float) -> Effects:
        if self.local and self._at is not None:
            self.slot, self.answer = _local(self._at, self.payload)
            return Effects()
        if self.reads:
            self.answer = front.read(now, self.payload)
            if self.answer is not None:
                return Effects()
        request = Request(self.reads, self.payload)
        self._ticket, effects = front.submit(now, request, repeatable=self.session)
        return effects

    def look(self) -> None:
        """Take the answer, if there is one."""
        if self._ticket is not None and self._ticket.answer is not None:
            self.answer = self._ticket.answer

    def forget(self) -> None:
        """Be ready to be sent again."""
        self._at = self._ticket = self.answer = None

    @property
    def orphaned(self) -> bool:
        """The process that took it is gone."""
        return self._at is None or not self._at.up or self._at.starts != self._started

    def late(self, now: float, patience: float) -> bool:
        """Return whether it should have been answered by now."""
        at = self._at
        return at is not None and not at.paused and now - max(self._sent, at.resumed_at) > patience


class _Client:
    """Does one thing after another."""

    def __init__(self, world: World, number: int, kind: str) -> None:
        self.kind = kind
        self.name = f"{kind}{number}"
        self.dice = world.dice("client", number)
        self.count = 0
        self.unknowns = 0
        self.idle_until = 0.0
        self.doing: Asked | None = None

    @property
    def process(self) -> str:
        """Its name in the history: another one after each unknown outcome."""
        return f"{self.name}-{self.unknowns}" if self.unknowns else self.name

    @property
    def session(self) -> bool:
        return self.kind in ("session", "counter")

    @property
    def counter(self) -> str:
        return COUNTERS + self.name

    def next(self, front: Front, now: float) -> Asked:
        """Think of something to do."""
        if self.kind == "reader":
            kind = self.dice.choice(READS)
            op, args = self._question(kind)
            asked = args[:1] if kind == LOCAL else args
            return Asked(op, args, encode_question(op, _plain(asked)), now)
        self.count += 1
        id: CommandId = (self.name, self.count) if self.session else front.next_id()
        op, args = self._command()
        return Asked(op, args, encode_command(op, _plain(args), id), now)

    def _question(self, kind: str) -> tuple[str, tuple[Any, ...]]:
        keys = (*KEYS, *(f"{COUNTERS}counter{n}" for n, k in enumerate(KINDS) if k == "counter"))
        if kind == "get_many":
            return kind, (tuple(self.dice.sample(KEYS, 2)),)
        if kind == "size":
            return kind, ()
        key = self.dice.choice(keys)
        if kind == "scan":
            prefix = self.dice.choice(("", KEYS[0][0], COUNTERS))
            return kind, (prefix, self.dice.choice((None, key)), self.dice.choice((1, 2, 100)))
        return ("get", (key, LOCAL)) if kind == LOCAL else (kind, (key,))

    def _command(self) -> tuple[str, tuple[Any, ...]]:
        value = f"{self.name}:{self.count}"
        if self.kind == "counter":
            before = str(self.count - 1) if self.count > 1 else None
            return "cas", (self.counter, before, str(self.count))
        op = self.dice.choice(WRITES)
        key = self.dice.choice(KEYS)
        if op == "put_many":
            return op, (tuple((k, f"{value}/{k}") for k in self.dice.sample(KEYS, 2)),)
        if op == "cas":
            return op, (key, None, value)
        return op, (key,) if op == "delete" else (key, value)


class Workload:
    """All clients; they `settle` whatever is answered now and then."""

    def __init__(self, world: World, kinds: Sequence[str] = KINDS) -> None:
        """Begin at once, with a client of each of `kinds`."""
        self.history: list[Operation] = []
        self.done: list[Asked] = []
        self.told = 0
        """The highest revision that any client was answered."""
        self._world = world
        self._clients = [_Client(world, number, kind) for number, kind in enumerate(kinds)]
        self._resting = False
        self._patience = world.parts.timing.request * (1 + world.drift) + HESITATION
        dice = world.dice("workload")
        self._pause = dice.choice((0.005, 0.05, 0.2))
        self.last_ok = 0.0
        """When a write was last acknowledged."""
        self._step()

    @property
    def counters(self) -> dict[str, int]:
        """How far each counter was counted, by key."""
        return {
            client.counter: client.count for client in self._clients if client.kind == "counter"
        }

    @property
    def idle(self) -> bool:
        """Nobody waits for an answer."""
        return all(client.doing is None for client in self._clients)

    def rest(self) -> None:
        """Begin nothing new; finish what is begun."""
        self._resting = True

    def _step(self) -> None:
        self.settle()
        for client in self._clients:
            if client.idle_until <= self._world.now:
                client.idle_until = self._world.now + client.dice.soon(self._pause)
                self._go_on(client)
        self._world.after(STEP, self._step)

    def _go_on(self, client: _Client) -> None:
        up = [replica for replica in self._world.replicas.values() if replica.front is not None]
        if not up:
            return
        replica = client.dice.choice(up)
        asked = client.doing
        if asked is None and not self._resting and replica.front is not None:
            asked = client.doing = client.next(replica.front, self._world.now)
            asked.session, asked.since = client.session, self.told
        if asked is not None and not asked.waits:
            self._world.trace(client.name, f"asks r{replica.me} {asked.op}{asked.args}")
            asked.send(replica, self._world.now)

    def settle(self) -> None:
        """Take what answers there are."""
        for client in self._clients:
            asked = client.doing
            if asked is None or not asked.waits:
                continue
            asked.look()
            if asked.answer is not None:
                self._answered(client, asked, asked.answer)
            elif asked.orphaned:
                self._unanswered(client, asked)
            else:
                late = asked.late(self._world.now, self._patience)
                self._world.watch.require(not late, f"{client.name} got no answer in time")

    def _answered(self, client: _Client, asked: Asked, answer: Answer) -> None:
        require = self._world.watch.require
        self._world.trace(client.name, f"gets {answer.code} {answer.value!r} @{answer.revision}")
        require(answer.code != "INVALID", f"{client.name} was answered {answer}")
        if answer.code == "OK":
            floor = asked.since if asked.reads else asked.since + 1
            require(
                asked.local or answer.revision >= floor,
                f"{client.name} was answered {answer}, though revision {asked.since} was known",
            )
            self.told = max(self.told, answer.revision)
            if not asked.reads:
                self.last_ok = self._world.now
        elif asked.session:
            self._unanswered(client, asked)
            return
        asked.undone = answer.code in UNDONE
        self._finish(client, asked)

    def _unanswered(self, client: _Client, asked: Asked) -> None:
        if asked.session:
            asked.forget()
        else:
            self._finish(client, asked)

    def _finish(self, client: _Client, asked: Asked) -> None:
        self.done.append(asked)
        client.doing = None
        operation = _record(client.process, asked, self._world.now)
        self.history.append(operation)
        if operation.outcome == UNKNOWN:
            client.unknowns += 1


def _record(client: str, asked: Asked, now: float) -> Operation:
    answer = asked.answer
    question = (client, asked.op, asked.args, asked.called)
    if answer is None or (answer.code != "OK" and not asked.undone):
        if asked.reads:
            return Operation(*question, now, FAIL)
        return Operation(*question, math.inf, UNKNOWN)
    if asked.undone:
        return Operation(*question, now, FAIL)
    value = None if asked.op in ("put", "put_many") else answer.value
    value = _frozen(value)
    return Operation(*question, now, OK, value, answer.revision, asked.replica)


def _local(replica: Replica, question: bytes) -> tuple[int, Answer]:
    """Read at once what a replica has applied, and see how far that is."""
    if replica.learner is None:
        return -1, Answer("UNAVAILABLE", "the learner is down", 0)
    return replica.world.watch.stands(replica, replica.learner), replica.learner.read(question)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _plain(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give the arguments as the machine's encoding wants them: lists, not tuples."""
    return tuple(
        [list(item) if isinstance(item, tuple) else item for item in arg]
        if isinstance(arg, tuple)
        else arg
        for arg in args
    )
