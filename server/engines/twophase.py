"""Two-phase commit as an engine: from a checked operation to the transaction manager and back.

Rule: it knows the manager and the participant, and no Pyro. Every read is a step of the
participant's, as only what is durable there may be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import convert

from kvrmi.operations.commands import CommandId, pack_command, pack_question
from kvrmi.operations.definition import UNREADABLE
from kvrmi.operations.interface import LOCAL, Answer, Done, Operation, Request, Result
from kvrmi.operations.past import OUTCOME, PAST
from kvrmi.operations.vocabulary import Vocabulary
from kvrmi.twophase.manager import Manager
from kvrmi.twophase.messages import Enter, Veto
from kvrmi.twophase.submissions import Submission
from kvrmi.twophase.views import View

from ..hosts import Hosts
from ..router import Router
from .handed import Handed, waited
from .opened import LOST, LOST_READ
from .served import Actions, Turns

__all__ = ["TwoPhaseEngine"]

_NOT_UP = Answer("UNAVAILABLE", "this replica is starting; nothing was done", 0)


class TwoPhaseEngine:
    """Two-phase commit: writes through the manager, reads from the own store."""

    name = "2pc"
    leader = 0

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
        """Serve as replica `me`; parameters as those of every engine."""
        self.capabilities = frozenset(vocabulary.clients) - {one.name for one in PAST} | {
            OUTCOME.name
        }
        self.actions = Actions(enter=self.enter, veto=self.veto)
        self.status = status
        self._me = me
        self._hosts = hosts
        self._patience = patience
        self._handed: Handed[Submission, Manager] = Handed(
            hosts["manager"], turns, patience, _NOT_UP
        )

    def submit(self, operation: Operation, request: tuple[str, int] | None, done: Done) -> None:
        """Begin a checked operation; `done` gets the answer within the request time."""
        known, args, consistency = operation
        stale = consistency == LOCAL

        def make(manager: Manager, now: float, settled: Callable[[Answer], None]) -> Submission:
            if known.reads:
                payload = pack_question(known.opcode, args)
            else:
                id: CommandId = request or manager.next_id()
                payload = pack_command(known.opcode, args, id)
            asked = Request(known.reads, payload)
            return manager.submission(now, asked, stale=stale, settled=settled)

        self._handed.hand(make, lambda answer: done(self._result(answer, stale)))

    def execute(self, operation: Operation, request: tuple[str, int] | None) -> Result:
        """Carry out a checked operation; answers within the request time."""
        result = waited(lambda done: self.submit(operation, request, done), self._patience)
        return result or self._result(LOST_READ if operation.reads else LOST, False)

    def veto(self, votes: int) -> None:
        """Have the participant vote ABORT on so many transactions from now on. Raises Fenced."""
        self._hosts.deliver("participant", Veto(votes))

    def enter(self, view: object) -> None:
        """Have the participant take a newer view over. Raises Fenced; ValueError if it is none."""
        try:
            found = convert(view, View)
        except UNREADABLE as error:
            raise ValueError(str(error)) from error
        self._hosts.deliver("participant", Enter(found))

    def _result(self, answer: Answer, stale: bool) -> Result:
        """Make the result; a read beside an open write has no place in the order of revisions."""
        code, value, revision = answer
        return Result(code, value, revision or None, self._me, self.leader, stale)
