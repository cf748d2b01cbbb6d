"""Clients of the simulated store of two-phase commit, and what they were answered.

Rules: each does one thing after another and writes down when it asked and what it was answered
(checker/history.py); a session's write is sent again, to any replica, until it is answered. Whether
an answer was right is not known here.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from ...checker.history import FAIL, OK, UNKNOWN, Operation
from ...operations.commands import CommandId, encode_command, encode_question
from ...operations.interface import Answer, Request
from ...operations.table import NUMBERED
from ...roles.contract import Effects
from ...twophase.manager import Manager
from ...twophase.submissions import Submission
from .monitor import monitor

if TYPE_CHECKING:
    from ..replica import Replica
    from ..world import World
    from .coordinator import Coordinator

__all__ = ["CLIENTS", "Client"]

CLIENTS = 5
KEYS = ("a", "b", "c")
HESITATION = 0.2
"""Seconds by which an answer may be later than a request's time: a role may be interrupted."""
_UNDONE = ("ABORTED", "UNAVAILABLE")
_WRITES = ("put", "put", "delete", "cas", "put_many")
_READS = ("get", "get", "contains", "get_many", "scan", "size")


class Client:
    """Writes and reads; every second one in a session, whose writes it sends again."""

    def __init__(
        self, world: World, coordinator: Coordinator, number: int, history: list[Operation]
    ) -> None:
        """Begin soon, and add to `history`."""
        self.rests = False
        self.last_ok = 0.0
        """When a write was last acknowledged."""
        self._world = world
        self._monitor = monitor(world)
        self._coordinator = coordinator
        self._name = f"client{number}"
        self._session = number % 2 == 1
        self._history = history
        self._draws = world.draws("client", number)
        self._pause = self._draws.choice((0.01, 0.05, 0.3))
        self._count = self._sequence = self._processes = 0
        self._doing: _Doing | None = None
        world.after(0.1, self._step)

    @property
    def idle(self) -> bool:
        """Whether nothing is open."""
        return self._doing is None

    def _step(self) -> None:
        if self._doing is not None:
            self._look(self._doing)
        elif not self.rests:
            self._doing = self._next()
        if self._doing is not None and self._doing.at is None:
            self._send(self._doing)
        self._world.after(self._draws.soon(self._pause) + 0.001, self._step)

    def _next(self) -> _Doing:
        self._count += 1
        called = self._world.now
        if self._draws.chance(0.5):
            op, args = self._question()
            return _Doing(op, args, called, reads=True)
        id: CommandId | None = None
        op, args = self._command()
        if self._session:
            self._sequence += 1
            id = (f"{self._name}-{self._processes}", self._sequence)
            if self._sequence == 1:
                op, args = "delete", ("never there",)
        return _Doing(op, args, called, id=id)

    def _question(self) -> tuple[str, tuple[Any, ...]]:
        op = self._draws.choice(_READS)
        if op == "get_many":
            return op, (tuple(self._draws.sample(KEYS, 2)),)
        if op == "scan":
            return op, ("", None, 100)
        return op, () if op == "size" else (self._draws.choice(KEYS),)

    def _command(self) -> tuple[str, tuple[Any, ...]]:
        op, key = self._draws.choice(_WRITES), self._draws.choice(KEYS)
        value = f"{self._name}:{self._count}"
        if op == "put_many":
            return op, (tuple((k, f"{value}/{k}") for k in self._draws.sample(KEYS, 2)),)
        if op == "cas":
            return op, (key, None, value)
        return op, (key,) if op == "delete" else (key, value)

    # --- asking -----------------------------------------------------------------------------------

    def _send(self, doing: _Doing) -> None:
        replica = self._world.replicas[self._draws.choice(self._world.ids)]
        if not replica.up:
            return
        doing.at, doing.starts, doing.sent = replica, replica.starts, self._world.now
        doing.surely = self._coordinator.knows(replica)
        replica.run(partial(replica.act, "manager", partial(self._submit, doing, replica.starts)))

    def _submit(self, doing: _Doing, starts: int, manager: Manager, now: float) -> Effects:
        if self._doing is not doing or doing.starts != starts:
            return Effects()  # the replica was paused, and this client has gone on
        request = Request(doing.reads, doing.payload(manager))
        doing.submission = manager.submission(now, request)
        doing.view = manager.view
        return manager.take(now, (doing.submission,))

    def _look(self, doing: _Doing) -> None:
        at = doing.at
        answer = doing.submission.answer if doing.submission else None
        if at is None:
            return
        if answer is not None:
            self._answered(doing, at, answer)
        elif not at.up or at.starts != doing.starts:
            doing.doubt = True
            self._again(doing)
        elif not at.paused:
            patience = self._world.timing.request * (1 + self._world.drift) + HESITATION
            since = max(doing.sent, at.resumed_at)
            late = self._world.now - since > patience
            self._world.require(not late, f"{self._name} got no answer in time")

    def _answered(self, doing: _Doing, at: Replica, answer: Answer) -> None:
        self._world.trace(self._name, f"{doing.op}{doing.args} at r{at.me}: {answer}")
        self._world.require(answer.code != "INVALID", f"{self._name} was answered {answer}")
        if answer.code == "OK":
            self._done(doing, at, answer)
        elif doing.reads or (answer.code in _UNDONE and not doing.doubt):
            if not doing.reads:
                self._monitor.undone(doing.command)
            self._end(Operation(*self._asked(doing), self._world.now, FAIL))
        else:
            doing.doubt |= answer.code not in _UNDONE
            if answer.value == "session expired":
                self._doubtful(doing)
            else:
                self._again(doing)

    def _again(self, doing: _Doing) -> None:
        """Send it again, or leave it in doubt."""
        doing.at = doing.submission = None
        gives_up = self._draws.chance(0.02)
        if doing.reads:
            self._end(Operation(*self._asked(doing), self._world.now, FAIL))
        elif doing.id is None or gives_up:
            self._doubtful(doing)

    def _doubtful(self, doing: _Doing) -> None:
        """Leave it in doubt, and go on in another session."""
        self._end(Operation(*self._asked(doing), math.inf, UNKNOWN))
        self._processes += 1
        self._sequence = 0

    def _done(self, doing: _Doing, at: Replica, answer: Answer) -> None:
        if not doing.reads:
            manager = at.role(Manager)
            if manager is not None:
                self._monitor.acknowledged(at.me, doing.command, manager.view)
            self.last_ok = self._world.now
        elif not (doing.surely and self._coordinator.knows(at)):
            self._end(Operation(*self._asked(doing), self._world.now, FAIL))
            return  # it may be stale: that is not claimed of who was left out
        value = None if doing.op in NUMBERED else _frozen(answer.value)
        revision = answer.revision or None if doing.reads else answer.revision
        self._end(Operation(*self._asked(doing), self._world.now, OK, value, revision, at.me))

    def _asked(self, doing: _Doing) -> tuple[str, str, tuple[Any, ...], float]:
        return (f"{self._name}-{self._processes}", doing.op, doing.args, doing.called)

    def _end(self, operation: Operation) -> None:
        self._doing = None
        self._history.append(operation)


class _Doing:
    """One request of a client, however often it is sent."""

    def __init__(
        self,
        op: str,
        args: tuple[Any, ...],
        called: float,
        *,
        id: CommandId | None = None,
        reads: bool = False,
    ) -> None:
        self.op = op
        self.args = args
        self.called = called
        self.id = id
        self.reads = reads
        self.command = b""
        self.at: Replica | None = None
        self.starts = 0
        self.sent = 0.0
        self.surely = False
        self.doubt = False
        self.submission: Submission | None = None
        self.view: Any = None

    def payload(self, manager: Manager) -> bytes:
        args = [_listed(one) for one in self.args]
        if self.reads:
            return encode_question(self.op, args)
        self.command = encode_command(self.op, args, self.id or manager.next_id())
        return self.command


def _listed(value: Any) -> Any:
    return (
        [list(one) if isinstance(one, tuple) else one for one in value]
        if isinstance(value, tuple)
        else value
    )


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value
