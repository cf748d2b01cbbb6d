"""Clients of the simulated cluster, and what they must never be answered.

Rules: each does one thing after another and writes down when it asked and what it was answered
(checker/history.py); a session's write is sent again until it is answered, any other is sent once.
Every answer carries the revision it was given at, so that order can be checked exactly: no answer
is older than what was complete before its question was asked (`settle`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ...access.request_ids import RequestId, RequestIds
from ...checker.history import FAIL, OK, UNKNOWN, Operation
from ...operations.commands import encode_command, encode_question
from ...operations.interface import LOCAL, Answer
from ...operations.table import NUMBERED
from ...paxos.front import Front
from .asked import KEYS, Asked
from .request_ids import expired, numbered

if TYPE_CHECKING:
    from ..replica import Replica
    from ..world import World

__all__ = ["COUNTERS", "KINDS", "VISITORS", "Client", "Workload"]

UNDONE = ("NO_QUORUM", "UNAVAILABLE")
"""Codes that promise that nothing was done."""

VISITORS = ("read visitor", "session visitor")
"""They ask when a fault wants it (World.visit)."""
KINDS = ("plain", "session", "lane", "session", "counter", "reader", "reader", *VISITORS)
"""A lane has requests open in the session of the one before it, at the same time."""
OPENING = ("delete", ("never there",))
"""The first command of a session changes nothing: it runs again if the session was evicted."""
GIVES_UP = 0.3
"""Chance that the client of a session does so after an answer that is none."""
COUNTERS = "counter/"
"""Keys below it are counted up by one client each, by cas alone."""

READS = ("get", "get", "get", "get_many", "contains", "scan", "size", LOCAL)
WRITES = ("put", "put", "put", "cas", "delete", "put_many")
STEP = 0.005
HESITATION = 0.2
"""Seconds after its deadline within which every request has its answer, on the slowest clock."""


class Client:
    """Does one thing after another."""

    def __init__(self, world: World, number: int, kind: str, before: Client | None = None) -> None:
        """Be one of a kind; a lane uses the session of the one `before` it."""
        self.kind = kind
        self.name = f"{kind}{number}"
        self.draws = world.draws("client", number)
        self.count = 0
        self.unsure = False
        """Whether one more step was counted is not known."""
        self.unknowns = 0
        self.idle_until = 0.0
        self.doing: Asked | None = None
        shared = before.ids if kind == "lane" and before else None
        self.ids: RequestIds = shared or numbered(self.name)
        self.number = 0

    @property
    def process(self) -> str:
        """Its name in the history: another one after each unknown outcome."""
        return f"{self.name}-{self.unknowns}" if self.unknowns else self.name

    @property
    def session(self) -> bool:
        """Whether its writes have request ids."""
        return self.kind in ("session", "lane", "counter", VISITORS[True])

    @property
    def counter(self) -> str:
        """The key that it alone counts up."""
        return COUNTERS + self.name

    def next(self, front: Front, now: float) -> Asked | None:
        """Think of something to do; None while its session has no room."""
        if self.kind.startswith("read"):
            kind = "get" if self.kind in VISITORS else self.draws.choice(READS)
            op, args = self._question(kind)
            plain = args[:1] if kind == LOCAL else args
            return Asked(op, args, encode_question(op, _plain(plain)), now, reads=True)
        id = self.ids.take() if self.session else front.next_id()
        if id is None:
            return None
        self.number += 1
        op, args = OPENING if self.session and id[1] == 1 else self._command()
        asked = Asked(op, args, encode_command(op, _plain(args), id), now, reads=False)
        asked.id = id
        return asked

    def gives_up(self) -> bool:
        """Return whether it asks no more after an answer that is none; counters count on."""
        return self.kind in VISITORS or (self.kind != "counter" and self.draws.chance(GIVES_UP))

    def _question(self, kind: str) -> tuple[str, tuple[Any, ...]]:
        keys = (*KEYS, *(f"{COUNTERS}counter{n}" for n, k in enumerate(KINDS) if k == "counter"))
        if kind == "get_many":
            return kind, (tuple(self.draws.sample(KEYS, 2)),)
        if kind == "size":
            return kind, ()
        key = self.draws.choice(keys)
        if kind == "scan":
            prefix = self.draws.choice(("", KEYS[0][0], COUNTERS))
            return kind, (prefix, self.draws.choice((None, key)), self.draws.choice((1, 2, 100)))
        return ("get", (key, LOCAL)) if kind == LOCAL else (kind, (key,))

    def _command(self) -> tuple[str, tuple[Any, ...]]:
        value = f"{self.name}:{self.number}"
        if self.kind == "counter":
            before = str(self.count) if self.count else None
            return "cas", (self.counter, before, str(self.count + 1))
        op = self.draws.choice(WRITES)
        key = self.draws.choice(KEYS)
        if op == "put_many":
            return op, (tuple((k, f"{value}/{k}") for k in self.draws.sample(KEYS, 2)),)
        if op == "cas":
            return op, (key, None, value)
        return op, (key,) if op == "delete" else (key, value)

    def finished(self, asked: Asked) -> None:
        """Go on, in another session if the cluster has forgotten this one."""
        self.doing = None
        answer = asked.answer
        done = answer is not None and answer.code == "OK"
        if asked.id is not None and len(asked.id) == 2:
            request = RequestId(*asked.id)
            if answer is not None and expired(answer):
                self.ids.expire(request)
            self.ids.give_back(request, answered=done)
            if asked.op == "cas":  # the opening of another session settles nothing
                self.unsure = not done
        # A step that was done before, as far as anybody knew in vain, is done now.
        self.count += done and asked.op == "cas" and self.kind == "counter"


class Others(Protocol):
    """Clients of another kind, at work beside these."""

    @property
    def idle(self) -> bool:
        """Nobody of them waits for an answer."""
        ...

    def rest(self) -> None:
        """Begin nothing new; finish what is begun."""
        ...


class Workload:
    """All clients; they `settle` whatever is answered now and then."""

    def __init__(
        self, world: World, kinds: Sequence[str] = KINDS, client: type[Client] = Client
    ) -> None:
        """Begin at once, with a client of each of `kinds`; of another machine's if it is said."""
        self.history: list[Operation] = []
        self.done: list[Asked] = []
        self.reported = 0
        """The highest revision that any client was answered."""
        self._world = world
        self._clients: list[Client] = []
        for number, kind in enumerate(kinds):
            before = self._clients[-1] if self._clients else None
            self._clients.append(client(world, number, kind, before))
        self.others: Others | None = None
        """Who else writes into this history, in some runs."""
        self._resting = False
        self._timeout = world.timing.request * (1 + world.drift) + HESITATION
        draws = world.draws("workload")
        self._pause = draws.choice((0.005, 0.05, 0.2))
        self.last_ok = 0.0
        """When a write was last acknowledged."""
        world.visit = self._visit
        self._step()

    @property
    def counters(self) -> dict[str, tuple[int, ...]]:
        """How far each counter may have been counted, by key."""
        return {
            client.counter: (client.count, client.count + 1)[: 1 + client.unsure]
            for client in self._clients
            if client.kind == "counter"
        }

    @property
    def idle(self) -> bool:
        """Nobody waits for an answer."""
        rest = self.others is None or self.others.idle
        return rest and all(client.doing is None for client in self._clients)

    def rest(self) -> None:
        """Begin nothing new; finish what is begun."""
        self._resting = True
        if self.others is not None:
            self.others.rest()

    def _step(self) -> None:
        self.settle()
        for client in self._clients:
            waits = client.kind in VISITORS and client.doing is None
            if not waits and client.idle_until <= self._world.now:
                client.idle_until = self._world.now + client.draws.soon(self._pause)
                self._go_on(client)
        self._world.after(STEP, self._step)

    def _go_on(self, client: Client) -> None:
        up = [replica for replica in self._world.replicas.values() if replica.up]
        if up:
            self._ask(client, client.draws.choice(up))

    def _visit(self, replica: Replica, writes: bool) -> Callable[[], bool]:
        self.settle()
        client = next((it for it in self._clients if it.kind == VISITORS[writes]), None)
        if client is None or client.doing is not None or not replica.up:
            return lambda: False
        self._ask(client, replica)
        asked = client.doing
        return lambda: asked is not None and asked.settled

    def _ask(self, client: Client, replica: Replica) -> None:
        asked, front = client.doing, replica.role(Front)
        if asked is None and not self._resting and front is not None:
            asked = client.doing = client.next(front, self._world.now)
            if asked is not None:
                asked.since = self.reported
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
                late = asked.late(self._world.now, self._timeout)
                self._world.require(not late, f"{client.name} got no answer in time")

    def _answered(self, client: Client, asked: Asked, answer: Answer) -> None:
        require = self._world.require
        self._world.trace(client.name, f"gets {answer.code} {answer.value!r} @{answer.revision}")
        require(answer.code != "INVALID", f"{client.name} was answered {answer}")
        if answer.code == "OK":
            floor = asked.since if asked.reads else asked.since + 1
            require(
                asked.local or answer.revision >= floor,
                f"{client.name} was answered {answer}, though revision {asked.since} was known",
            )
            self.reported = max(self.reported, answer.revision)
            if not asked.reads:
                self.last_ok = self._world.now
        elif asked.session and not expired(answer) and not client.gives_up():
            asked.doubt |= answer.code not in UNDONE
            asked.forget()
            return
        asked.undone = answer.code in UNDONE and not asked.doubt
        self._finish(client, asked)

    def _unanswered(self, client: Client, asked: Asked) -> None:
        if asked.session:
            asked.doubt = True
            asked.forget()
        else:
            self._finish(client, asked)

    def _finish(self, client: Client, asked: Asked) -> None:
        self.done.append(asked)
        client.finished(asked)
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
    value = None if asked.op in NUMBERED else answer.value
    value = _frozen(value)
    return Operation(*question, now, OK, value, answer.revision, asked.replica)


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
