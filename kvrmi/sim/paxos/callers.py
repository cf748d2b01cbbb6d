"""Clients that call a store, as programs do: the attempts of connect(), in virtual time.

Rules: what is asked of whom, and what is reported in the end, kvrmi/access decides, as it is; here
its steps are carried out (wire.py) and what it reports is written down. Several callers share a
store, hence its session and what it knows of replicas. Each call ends within its time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ...access.attempts import Ask, Attempts, Done, GiveUp, LookAt, Step, Take
from ...access.candidates import Candidate, Candidates
from ...access.findings import Lost, Unsent
from ...access.lookup import Endpoint
from ...access.request_ids import RequestId
from ...checker.history import FAIL, OK, UNKNOWN, Operation
from ...errors import InvalidRequest, KVError, UnknownOutcome
from ...operations.interface import check
from .asked import KEYS
from .request_ids import numbered
from .wire import Outcome, Wire
from .workload import Workload

if TYPE_CHECKING:
    from ..world import World

__all__ = ["BESIDE", "Call", "Callers"]

BESIDE = ("plain", "counter", "reader")
"""Which other clients there are in a run with callers."""
STORES = (0, 0, 0, 1, 2)
"""Each caller's store."""
TIMEOUTS = (0.4, 1.5, 5.0, 10.0)
OPERATIONS = ("put", "put", "put", "cas", "delete", "get", "get", "contains")
LEAST = 0.001
"""Seconds that the one attempt may take which is made however little time there is."""
STEP = 0.01


class Call:
    """One call of one caller, however many attempts it takes."""

    def __init__(self, caller: str, op: str, args: tuple[Any, ...], called: float) -> None:
        """Begin at `called`."""
        self.caller = caller
        self.operation = check(op, args)
        self.args = args
        self.called = called
        self.since = 0
        """The highest revision that anybody had been answered before."""
        self.ids: list[RequestId] = []
        """The request ids it had: another only where that is safe."""
        self.answer: dict[str, Any] | None = None
        self.error: KVError | None = None
        self.ended = math.inf

    @property
    def undone(self) -> bool:
        """It was reported that nothing was done."""
        return self.error is not None and not isinstance(self.error, UnknownOutcome)

    def record(self) -> Operation:
        """Give it as an operation of a history."""
        question = (self.caller, self.operation.name, self.args, self.called)
        if self.answer is not None:
            value = None if self.operation.name == "put" else self.answer["value"]
            who = (self.answer["revision"], self.answer["replica"])
            return Operation(*question, self.ended, OK, value, *who)
        if self.undone:
            return Operation(*question, self.ended, FAIL)
        return Operation(*question, math.inf, UNKNOWN)


class _Store:
    """What the callers of one store share."""

    def __init__(self, world: World, number: int) -> None:
        known = [Candidate(Endpoint(id, f"r{id}", 1, f"kvrmi.replica{id}")) for id in world.ids]
        self.candidates = Candidates(known, "the simulator")
        self.ids = numbered(f"store{number}")
        self.wire = Wire(world, world.draws("store", number))


class Callers:
    """All callers of a run, beside the clients of a workload, into whose history they write."""

    def __init__(self, world: World, workload: Workload, attempts: type[Attempts]) -> None:
        """Begin at once; calls are carried out by `attempts`."""
        self.world = world
        self.attempts = attempts
        self.workload = workload
        self.done: list[Call] = []
        self.resting = False
        stores = [_Store(world, number) for number in sorted(set(STORES))]
        self._all = [_Caller(self, n, stores[store]) for n, store in enumerate(STORES)]

    @property
    def idle(self) -> bool:
        """Nobody waits for an answer."""
        return all(caller.doing is None for caller in self._all)

    def rest(self) -> None:
        """Begin nothing new; finish what is begun."""
        self.resting = True


class _Caller:
    """One thread of a program: calls one thing after another."""

    def __init__(self, callers: Callers, number: int, store: _Store) -> None:
        self._callers = callers
        self._world = callers.world
        self._store = store
        self._draws = callers.world.draws("caller", number)
        self._pause = self._draws.choice((0.02, 0.1, 0.3))
        self._name = f"caller{number}"
        self._unknowns = 0
        self._count = 0
        self._timeout = 0.0
        self._request: RequestId | None = None
        self.doing: Call | None = None
        self._later()

    def _later(self) -> None:
        self._world.after(self._draws.soon(self._pause), self._begin)

    def _begin(self) -> None:
        if self._callers.resting:
            return
        self._count += 1
        name = f"{self._name}-{self._unknowns}" if self._unknowns else self._name
        self.doing = call = Call(name, *self._draw(), self._world.now)
        call.since = self._callers.workload.reported
        self._timeout = self._draws.choice(TIMEOUTS)
        self._world.trace(self._name, f"calls {call.operation.name}{call.args}")
        attempts = self._callers.attempts(
            self._store.candidates, call.operation, self._timeout, self._world.now
        )
        self._follow(call, attempts, attempts.begin(self._world.now))

    def _draw(self) -> tuple[str, tuple[Any, ...]]:
        op, key = self._draws.choice(OPERATIONS), self._draws.choice(KEYS)
        value = f"{self._name}:{self._count}"
        if op == "put":
            return op, (key, value)
        return op, (key, None, value) if op == "cas" else (key,)

    # --- steps, as failover.py carries them out -----------------------------------------------

    def _follow(self, call: Call, attempts: Attempts, step: Step) -> None:
        wire, world = self._store.wire, self._world
        if isinstance(step, Ask):
            to = step.candidate.endpoint.replica
            world.trace(self._name, f"asks r{to} for {step.seconds:.3f} s, as {self._request}")
            heard = partial(self._heard, call, attempts)
            wire.ask(to, step.arguments, step.seconds, heard)
        elif isinstance(step, Done | GiveUp):
            self._finish(call, step)
        elif isinstance(step, Take):
            self._give_up(step)
            self._take(call, attempts, world.now + step.seconds)
        elif isinstance(step, LookAt):
            at = [candidate.endpoint.replica for candidate in step.candidates]
            world.trace(self._name, f"looks at {at}")
            wire.look(at, step.seconds, partial(self._seen, call, attempts))
        else:
            world.after(step.seconds, partial(self._paused, call, attempts))

    def _heard(self, call: Call, attempts: Attempts, outcome: Outcome) -> None:
        if isinstance(outcome, Unsent | Lost | KVError):
            self._world.trace(self._name, f"hears {type(outcome).__name__}: {outcome}")
            self._follow(call, attempts, attempts.failed(outcome, self._world.now))
        else:
            self._follow(call, attempts, attempts.answered(outcome))

    def _seen(self, call: Call, attempts: Attempts, looks: Sequence[Any]) -> None:
        self._follow(call, attempts, attempts.looked(looks, self._world.now))

    def _paused(self, call: Call, attempts: Attempts) -> None:
        self._follow(call, attempts, attempts.paused(self._world.now))

    def _give_up(self, step: Take) -> None:
        """Give back the id in use, if another is taken, as session.py does."""
        if step.expired is not None:
            self._store.ids.expire(step.expired)
        if self._request is not None:
            self._store.ids.give_back(self._request, answered=False)
            self._request = None

    def _take(self, call: Call, attempts: Attempts, deadline: float) -> None:
        self._request = self._store.ids.take()
        if self._request is None and self._world.now < deadline:
            wait = min(STEP, deadline - self._world.now)
            self._world.after(wait, partial(self._take, call, attempts, deadline))
            return
        if self._request is not None:
            call.ids.append(self._request)
        self._follow(call, attempts, attempts.took(self._request, self._world.now))

    # --- the end ------------------------------------------------------------------------------

    def _finish(self, call: Call, step: Done | GiveUp) -> None:
        if isinstance(step, Done):
            call.answer = step.answer
        else:
            call.error = step.error
        if self._request is not None:
            self._store.ids.give_back(self._request, answered=call.answer is not None)
        self._request = self.doing = None
        call.ended = self._world.now
        self._world.trace(self._name, f"gets {call.answer or repr(call.error)}")
        self._check(call)
        self._callers.done.append(call)
        self._callers.workload.history.append(call.record())
        self._unknowns += isinstance(call.error, UnknownOutcome)
        self._later()

    def _check(self, call: Call) -> None:
        require, reads = self._world.require, call.operation.reads
        took = call.ended - call.called
        require(
            took <= self._timeout + 2 * LEAST, f"{self._name} took {took} s, not {self._timeout}"
        )
        require(not isinstance(call.error, InvalidRequest), f"{self._name}: {call.error}")
        unsure = reads and isinstance(call.error, UnknownOutcome)
        require(not unsure, f"{self._name}: a read of unknown outcome")
        if call.answer is not None:
            floor = call.since if reads else call.since + 1
            require(
                call.answer["revision"] >= floor,
                f"{self._name} got {call.answer}, though revision {call.since} was known",
            )
            workload = self._callers.workload
            workload.reported = max(workload.reported, call.answer["revision"])
