"""Bugs to plant: each must be found by the simulator within a thousand seeds.

Rule: a bug is a class of Parts that differs from the production parts in one thing; its docstring
says what is wrong and what comes of it. Its name in the table is its class's in small letters. It
names nothing private of production.
"""

from __future__ import annotations

import re

from ...operations.interface import Answer
from ...roles.contract import Address, Effects, Message
from ...twophase.committed import Committed
from ...twophase.manager import Manager, Open
from ...twophase.messages import (
    ABORT,
    PREPARED,
    UNKNOWN,
    Decision,
    Done,
    Doubt,
    Found,
    Go,
    Known,
    Prepare,
    Recovered,
    Result,
    Tid,
    Transaction,
    Vote,
)
from ...twophase.participant import Participant
from ...twophase.standing import Standing
from ...twophase.views import View
from ...twophase.voting import Round
from ..hosting import Host
from .parts import Parts

__all__ = ["BUGS"]


class VotesBeforeTheSync(Parts):
    """Messages leave before their records are durable: a crash forgets a vote, or a decision."""

    host = Host(syncs_first=False)


class _MajorityRound(Round):
    def commits(self, number: int) -> bool:
        yes = [one for one in self.view.ids if self.voted(one, number)]
        return 2 * len(yes) > len(self.view.ids)


class MajorityDecides(Parts):
    """A majority of YES commits; who voted NO does not have the transaction."""

    class managers(Manager):
        rounds = _MajorityRound


class _SilentRound(Round):
    def commits(self, number: int) -> bool:
        return bool(self.heard) and all(
            self.voted(one, number) for one in self.view.ids if one in self.heard
        )


class SilenceIsYes(Parts):
    """Who has not voted in time counts as YES: it commits what somebody has never seen."""

    class managers(Manager):
        rounds = _SilentRound


class NoLocks(Parts):
    """A key that another transaction holds is no reason for a NO: commits come in any order."""

    class participants(Participant):
        def refusal(self, tid: Tid, command: bytes, view: View) -> Answer | None:
            no = super().refusal(tid, command, view)
            return None if no is not None and "holds the key" in str(no.value) else no


class RequestsAreForgotten(Parts):
    """Nobody looks whether a request was carried out before: a retry takes effect again."""

    class committed(Committed):
        def known(self, command: bytes) -> Answer | None:
            super().known(command)
            return None


class ForgetsItsNo(Parts):
    """A NO is not recorded: asked again, the participant may say YES."""

    class participants(Participant):
        def vote(self, tid: Tid, asked_for: Transaction, view: View) -> Vote:
            fresh = tid not in self.book.prepared and tid not in self.book.outcomes
            no = self.refusal(tid, asked_for.command, view) if fresh else None
            if no is not None:
                return Vote(tid.number, False, no)
            return super().vote(tid, asked_for, view)


class GivesUpAfterItsYes(Parts):
    """Who is in doubt takes "prepared here too" for an abort, as nobody committed."""

    class participants(Participant):
        def receive(self, now: float, sender: Address, message: Message) -> Effects:
            if isinstance(message, Known):
                message = Known(tuple(_given_up(one) for one in message.found))
            return super().receive(now, sender, message)


def _given_up(found: Found) -> Found:
    return found._replace(state=ABORT) if found.state == PREPARED else found


class ForgottenMeansAborted(Parts):
    """A participant of which a transaction is forgotten says ABORT of it, whoever asks."""

    class participants(Participant):
        def known(self, doubt: Doubt, asker: int) -> Found:
            found = super().known(doubt, asker)
            return found._replace(state=ABORT) if found.state == UNKNOWN else found


class AbortsWithoutRecord(Parts):
    """Who has not voted yet says ABORT to who is in doubt, does not record it, and votes YES."""

    class participants(Participant):
        def known(self, doubt: Doubt, asker: int) -> Found:
            tid = doubt.tid
            if tid in self.book.prepared or tid in self.book.outcomes or self.book.over(tid):
                return super().known(doubt, asker)
            return Found(tid, ABORT, 0)


class GoBeforeTheRecord(Parts):
    """Go leaves for all at once: the manager dies before its own participant has recorded it."""

    class managers(Manager):
        def decided(self, one: Open, decision: Decision) -> None:
            super().decided(one, decision)
            self.spread(one, decision)


class AcknowledgesTooEarly(Parts):
    """A write is answered when the first participant has carried it out, not the last."""

    class managers(Manager):
        def spread(self, one: Open, decision: Decision) -> None:
            if decision.commit and one.answer is not None:
                one.settle(one.answer)
            super().spread(one, decision)


class RecoversNothing(Parts):
    """A manager that starts again does not send on what it had decided, and says all is over."""

    class managers(Manager):
        def receive(self, now: float, sender: Address, message: Message) -> Effects:
            if isinstance(message, Recovered):
                message = Recovered(message.first, message.view, ())
            return super().receive(now, sender, message)


class NumbersBeginAnew(Parts):
    """A manager that starts again uses its numbers again."""

    class participants(Participant):
        def __init__(self, standing: Standing, *rest: object) -> None:
            super().__init__(standing._replace(epoch=0), *rest)  # type: ignore[arg-type]


class KeepsTheUndecided(Parts):
    """A manager that starts again leaves prepared what it has not decided, locked for ever."""

    class participants(Participant):
        def abort_undecided(self) -> None:
            pass


class ReadsThePrepared(Parts):
    """A read does not wait for a prepared key: others have carried the write out already."""

    class participants(Participant):
        def read(self, question: bytes) -> Answer | None:
            return self.state.read(question) if self.standing.votes else None


class ReadsBeforeTheStore(Parts):
    """A member that is back answers reads from the store that it left with."""

    class participants(Participant):
        def read(self, question: bytes) -> Answer | None:
            return super().read(question) or (
                self.state.read(question) if self.standing.returning else None
            )


class VotesBeforeTheStore(Parts):
    """A member that is back votes before it has the store."""

    class participants(Participant):
        def refusal(self, tid: Tid, command: bytes, view: View) -> Answer | None:
            no = super().refusal(tid, command, view)
            return None if no is not None and "received the store" in str(no.value) else no


class GivesWhileInDoubt(Parts):
    """The store is given while an older transaction is prepared: who gets it misses that one."""

    class participants(Participant):
        def gives(self, to: int, view: View) -> bool:
            whole = self.standing.votes and self.view.number == view.number
            return whole and view.member(to) is not None


class OldViewsAreTaken(Parts):
    """A participant votes in a view that is over: members of the new one miss the transaction."""

    class participants(Participant):
        def refusal(self, tid: Tid, command: bytes, view: View) -> Answer | None:
            no = super().refusal(tid, command, view)
            return None if no is not None and "is over" in str(no.value) else no


class GoIsNotRepeated(Parts):
    """A Go without an answer is taken for carried out."""

    class managers(Manager):
        def receive(self, now: float, sender: Address, message: Message) -> Effects:
            lost = getattr(message, "message", None)
            if isinstance(lost, Go):
                results = (Result(one.number, True, _NOTHING) for one in lost.decisions)
                to = Address(message.peer, "participant")  # type: ignore[attr-defined]
                return super().receive(now, to, Done(tuple(results)))
            return super().receive(now, sender, message)


_NOTHING = Answer("OK", None, 0)


class FinishedTooEarly(Parts):
    """Outcomes are forgotten with the next round, whoever still has to know them."""

    class participants(Participant):
        def receive(self, now: float, sender: Address, message: Message) -> Effects:
            if isinstance(message, Prepare):
                message = Prepare(message.round, message.view, message.round, message.transactions)
            return super().receive(now, sender, message)


_KINDS = [kind for kind in globals().values() if isinstance(kind, type) and issubclass(kind, Parts)]
BUGS: dict[str, type[Parts]] = {
    re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", kind.__name__).lower(): kind
    for kind in _KINDS
    if kind is not Parts
}
"""Every bug, by its name."""
