"""Connections of simulated stores to replicas: refused, broken, silent and late, as sockets are.

Rules: of each request the store hears once, and no more than a socket would say; what left may be
carried out whatever it hears, also long after it gave up. A connection stands until it breaks or
its process ends, which is not always noticed before the next request.
It knows what a replica serves, and nothing of attempts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from ...access.findings import Look, Lost, Unsent
from ...errors import KVError, from_code
from ...operations.commands import encode_command, encode_question
from ...operations.interface import Answer, Request, check, check_request
from ...paxos.front import Front
from ...roles.contract import NOTHING, Effects

if TYPE_CHECKING:
    from ...paxos.submissions import Submission
    from ..draws import Draws
    from ..replica import Replica
    from ..world import World

__all__ = ["Outcome", "Wire"]

Outcome: TypeAlias = dict[str, Any] | Unsent | Lost | KVError
"""What call() returns, or what is raised in its place."""

CONNECT = 1.0
"""Seconds a replica has to accept a connection, as in access/connections.py."""
LAG = 0.004
LATEST = 6.0
CHANCES = (0.01, 0.05, 0.2)
"""Of a connection that breaks, and of a request or an answer that is late; runs draw theirs."""
UNNOTICED = 0.5
"""Chance that a store does not notice that a connection it used lately was closed."""
STEP = 0.01


class Wire:
    """One store's connections to all replicas."""

    def __init__(self, world: World, draws: Draws) -> None:
        """Connect to nobody yet."""
        self.world = world
        self.draws = draws
        self.breaks = draws.choice(CHANCES)
        self.lates = draws.choice(CHANCES)
        self.standing: dict[int, int] = {}
        """To which start of which replica's process a connection leads."""

    def ask(
        self,
        to: int,
        arguments: Sequence[Any],
        seconds: float,
        report: Callable[[Outcome], None],
    ) -> None:
        """Send a request; `report` gets what comes of it, in `seconds` at the latest."""
        _Exchange(self, self.world.replicas[to], arguments, seconds, report).begin()

    def look(
        self, at: Sequence[int], seconds: float, report: Callable[[Sequence[Look]], None]
    ) -> None:
        """Ask them for their status; `report` gets all, in this order, when the last is there."""
        looks: list[Look] = [_late(Unsent)] * len(at)
        waits = 0.0
        for index, each in enumerate(at):
            looks[index], after = self._seen(self.world.replicas[each], seconds)
            waits = max(waits, after)
        self.world.after(min(waits, seconds), partial(report, looks))

    def _seen(self, replica: Replica, seconds: float) -> tuple[Look, float]:
        """Give a replica's status, and the time after which it is known."""
        if not replica.up:
            return _refused(), self.delay()
        front = replica.role(Front)
        if replica.paused or front is None or self.draws.chance(self.lates):
            return _late(Unsent), seconds
        if self.draws.chance(self.breaks):
            return _broken(), self.delay()
        return {"leader": front.leader or None}, self.delay()

    def delay(self) -> float:
        """Draw how long something is on its way."""
        late = self.draws.chance(self.lates)
        return self.draws.between(0, LATEST) if late else self.draws.between(0.0001, LAG)


class _Exchange:
    """One request, on its way, with its replica, and back."""

    def __init__(
        self,
        wire: Wire,
        replica: Replica,
        arguments: Sequence[Any],
        seconds: float,
        report: Callable[[Outcome], None],
    ) -> None:
        self._wire = wire
        self._world = wire.world
        self._replica = replica
        self._arguments = arguments
        self._seconds = seconds
        self._report = report
        self._process = 0
        self._answer: Answer | None = None
        self._submission: Submission | None = None
        self._over = False

    def begin(self) -> None:
        """Connect, unless a connection stands."""
        wire, replica = self._wire, self._replica
        self._after(self._seconds, _late(Lost))
        process = wire.standing.pop(replica.me, 0)
        if process and (process == replica.starts or wire.draws.chance(UNNOTICED)):
            self._send(process)
        elif not replica.up:
            self._after(0.001, _refused())
        elif replica.paused or wire.draws.chance(wire.lates):
            self._after(min(self._seconds, CONNECT), _late(Unsent))
        else:
            connected = wire.draws.between(0.0001, LAG)
            self._world.after(connected, partial(self._send, replica.starts))

    def _send(self, process: int) -> None:
        if self._over:
            return
        self._process = process
        if self._wire.draws.chance(self._wire.breaks):
            self._after(self._wire.delay(), _broken())
        else:
            self._world.after(self._wire.delay(), self._arrive)

    def _arrive(self) -> None:
        """Have it read, if the process is still there; whether anybody waits for it or not."""
        if self._stands:
            self._replica.run(partial(self._replica.act, "front", self._submit))
        self._look()

    @property
    def _stands(self) -> bool:
        return self._replica.up and self._replica.starts == self._process

    def _submit(self, front: Front, now: float) -> Effects:
        """Do as the servant and the engine do."""
        name, args, *request = self._arguments
        operation = check(name, args)
        if operation.reads:
            payload = encode_question(operation.name, operation.args)
            self._answer = front.read(now, payload)
            if self._answer is not None:
                return NOTHING
        else:
            id = check_request(request[0])
            assert id is not None
            payload = encode_command(operation.name, operation.args, id)
        asked = Request(operation.reads, payload)
        self._submission, effects = front.submit(now, asked, repeatable=not operation.reads)
        return effects

    def _look(self) -> None:
        """Send the answer when it is there."""
        if self._submission is not None:
            self._answer = self._submission.answer
        if self._over:
            return
        if self._answer is not None:
            broken = self._wire.draws.chance(self._wire.breaks)
            outcome = _broken() if broken else self._outcome(self._answer)
            self._after(self._wire.delay(), outcome)
        elif not self._stands:
            self._end(_broken())
        else:
            self._world.after(STEP, self._look)

    def _outcome(self, answer: Answer) -> Outcome:
        if answer.code != "OK":
            return from_code(answer.code, str(answer.value))
        front = self._replica.role(Front)
        return {
            "value": answer.value,
            "revision": answer.revision,
            "replica": self._replica.me,
            "leader": (front.leader or None) if front is not None else None,
            "stale": False,
        }

    def _after(self, seconds: float, outcome: Outcome) -> None:
        self._world.after(seconds, partial(self._end, outcome))

    def _end(self, outcome: Outcome) -> None:
        if self._over:
            return
        self._over = True
        if not isinstance(outcome, Unsent | Lost):
            self._wire.standing[self._replica.me] = self._process
        self._report(outcome)


def _late(kind: type[Unsent] | type[Lost]) -> Unsent | Lost:
    error = kind("timed out")
    error.__cause__ = TimeoutError()
    return error


def _refused() -> Unsent:
    error = Unsent("connection refused")
    error.__cause__ = ConnectionRefusedError()
    return error


def _broken() -> Lost:
    return Lost("the connection was closed")
