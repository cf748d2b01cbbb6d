"""What callers were answered, compared with the chosen log.

Rules: what was reported as done is in the log with that answer; what was reported as not done has
no effect there; and no call has two, whatever ids it had. One exception is the protocol's: the
first command of a session runs again if the cluster has forgotten the session in between; the
history then gets it once more, of unknown outcome.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from ...checker.history import UNKNOWN, Operation
from ...operations.commands import CommandId, command_id, encode_question
from ...operations.interface import Answer
from ...state.log import unpack_batch
from ...state.replicated import Replicated
from .monitor import monitor
from .request_ids import Sessions

if TYPE_CHECKING:
    from ..world import World
    from .callers import Call, Callers
    from .parts import Parts

__all__ = ["audit_callers"]


class _Log:
    """The chosen log, replayed: what each id came to, and every read at its revision."""

    def __init__(self, world: World, parts: Parts, reads: dict[int, list[Call]]) -> None:
        self.effects = Counter[CommandId]()
        self.again = Counter[CommandId]()
        """Effects after the first, of a session that was forgotten: the protocol allows them."""
        self.answers: defaultdict[CommandId, list[Answer]] = defaultdict(list)
        self._require = world.require
        self._reads = reads
        limit = parts.session_limit
        self._state = Replicated(parts.machines, session_limit=limit)
        self._sessions = Sessions(limit)
        self._check_reads()
        chosen = monitor(world).chosen
        slot = 1
        while slot in chosen:
            for command in unpack_batch(chosen[slot]):
                self._apply(command)
            slot += 1

    def _apply(self, command: bytes) -> None:
        id, before = command_id(command), self._state.revision
        allowed = len(id) == 2 and self._sessions.may_do(*id)
        self.answers[id].append(self._state.apply(command))
        if self._state.revision == before:
            return
        self.again[id] += self.effects[id] > 0 and allowed
        self.effects[id] += 1
        if len(id) == 2:
            self._sessions.add(*id)
        self._check_reads()

    def _check_reads(self) -> None:
        for call in self._reads.pop(self._state.revision, ()):
            name, args = call.operation.name, call.operation.args
            right = self._state.read(encode_question(name, args))
            read = call.answer and call.answer["value"]
            self._require(read == right.value, f"{call.caller} read {read}, not {right}")


def audit_callers(world: World, callers: Callers, parts: Parts) -> None:
    """Compare every call; the history gets what ran again by the protocol's exception."""
    require = world.require
    reads: dict[int, list[Call]] = {}
    for call in callers.done:
        if call.operation.reads and call.answer is not None:
            reads.setdefault(call.answer["revision"], []).append(call)
    log = _Log(world, parts, reads)
    require(not reads, f"callers read at revisions that never were: {sorted(reads)}")
    for call in callers.done:
        if not call.operation.reads:
            _check(world, call, log)
            again = sum(log.again[id] for id in call.ids)
            callers.workload.history.extend([_once_more(call)] * again)


def _check(world: World, call: Call, log: _Log) -> None:
    require = world.require
    effects = sum(log.effects[id] - log.again[id] for id in call.ids)
    what = f"{call.operation.name}{call.args} of {call.caller}, as {call.ids}"
    require(effects <= 1, f"took effect {effects} times: {what}")
    if call.answer is not None:
        got = Answer("OK", call.answer["value"], call.answer["revision"])
        require(effects == 1, f"reported as done, and not in the log: {what}")
        require(got in log.answers[call.ids[-1]], f"answered {got}, not as in the log: {what}")
    elif call.undone:
        require(not effects, f"reported as not done ({call.error}), and in the log: {what}")


def _once_more(call: Call) -> Operation:
    name, process = call.operation.name, f"{call.caller} again"
    return Operation(process, name, call.args, call.called, math.inf, UNKNOWN)
