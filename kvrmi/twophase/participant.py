"""The participant: votes, and carries out what was decided. All of the protocol's safety is here.

Rules: a vote is durable before it is sent, and never changes; after YES nothing but the decision
releases the locks; the commit record of the participant beside a transaction's manager is the
decision, and there is no other. It does not know why a transaction was decided as it was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..operations.definition import Malformed
from ..operations.interface import PAGE_BYTES, Answer
from ..roles.contract import NOTHING, Address, Effects, Envelope, Message, NoAnswer, NotSent
from ..roles.invariants import require
from ..storage.interface import Record, Snapshot
from .book import Book, Outcome, Prepared
from .committed import Committed, page_after
from .doubt import PATIENCE_SECONDS, Doubts
from .locks import Cover, Locks, asked, touched
from .messages import (
    ABORT,
    COMMIT,
    PREPARED,
    UNKNOWN,
    Decision,
    Done,
    Doubt,
    Enter,
    Fetch,
    Found,
    Freed,
    Go,
    Inquire,
    Known,
    Page,
    Prepare,
    Read,
    Readings,
    Recover,
    Recovered,
    Result,
    State,
    Tid,
    Transaction,
    Veto,
    Vote,
    Votes,
)
from .returning import Returning
from .standing import Standing
from .views import View

__all__ = ["IN_DOUBT", "Participant"]

_ABORT = Outcome(False, 0, 0)
_DONE = Answer("OK", None, 0)
IN_DOUBT = Answer(
    "UNKNOWN_OUTCOME",
    "the same request is under way already; it may or may not take effect. Read before you retry",
    0,
)


class Participant:
    """The role of one replica that holds the store."""

    def __init__(
        self,
        standing: Standing,
        ids: Sequence[int],
        state: Committed,
        book: Book,
        now: float,
        snapshot: Callable[[], Snapshot],
        page_bytes: int = PAGE_BYTES,
    ) -> None:
        """Go on with what the disk has; `ids` are all replicas, `snapshot` opens one of it."""
        self.me = standing.me
        self.standing = standing
        self.durable = standing
        """As it stood before the last step, whose records are on the disk: the next one waited."""
        self.state = state
        self.book = book
        self.vetoes = 0
        """Transactions that it is ordered to vote against."""
        self._snapshot = snapshot
        self._page_bytes = page_bytes
        self._of = state.kind.vocabulary
        self._locks: Locks[Tid] = Locks()
        self._doubts = Doubts(self.me, ids)
        self._doubts.watch(book.prepared, now)
        for tid, prepared in book.prepared.items():
            self._locks.take(touched(prepared.command, self._of), tid)
        self._returning: Returning | None = None
        self._records: list[Record] = []
        self._handlers: Mapping[type[Message], Callable[[float, Address, Any], list[Envelope]]] = {
            Prepare: self._on_prepare,
            Go: self._on_go,
            Inquire: self._on_inquire,
            Known: self._on_known,
            Fetch: self._on_fetch,
            Page: self._on_page,
            Recover: self._on_recover,
            Read: self._on_read,
            Enter: self._on_enter,
            Veto: self._on_veto,
            NotSent: self._on_missed,
            NoAnswer: self._on_missed,
        }

    @property
    def view(self) -> View:
        """Who votes, as far as known here."""
        return self.standing.view

    @property
    def recovering(self) -> bool:
        """Whether it lacks the whole store: its disk was lost, or it was left out."""
        return not self.standing.votes

    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        """Take one message."""
        self.durable = self.standing
        handle = self._handlers.get(type(message))
        return NOTHING if handle is None else self._effects(now, handle(now, sender, message))

    def wake(self, now: float) -> Effects:
        """Ask for what is in doubt, and for what was missed."""
        self.durable = self.standing
        return self._effects(now, [])

    def _effects(self, now: float, messages: list[Envelope]) -> Effects:
        messages += self._doubts.ask(now, self.book.prepared)
        messages += self._go_back(now)
        records = (*self._records, *self.book.take_records(), *self.state.take_records())
        self._records.clear()
        back = self._returning.wake_at if self._returning else None
        due = [at for at in (self._doubts.wake_at, back) if at is not None]
        return Effects(records, tuple(messages), min(due, default=None))

    # --- reading ----------------------------------------------------------------------------------

    def _on_read(self, now: float, sender: Address, m: Read) -> list[Envelope]:
        """Answer questions: in a step, so that what they see is durable."""
        read = self.state.read if m.stale else self.read
        return [Envelope(sender, Readings(m.number, tuple(map(read, m.questions))))]

    def read(self, question: bytes) -> Answer | None:
        """Answer a question as of now; None while that is not certain: ask again.

        The answer has a revision only where nothing else is prepared either: all that is decided
        is applied then, so no later answer has a lower one. Else it is 0.
        """
        if not self.standing.votes or self.in_the_way(asked(question, self._of)):
            return None
        answer = self.state.read(question)
        return answer._replace(revision=0) if self.book.prepared else answer

    def in_the_way(self, cover: Cover) -> Tid | None:
        """Find a prepared transaction that touches one of these keys."""
        held = self._locks.holder(cover)
        return None if held is None else held[1]

    # --- voting -----------------------------------------------------------------------------------

    def _on_prepare(self, now: float, sender: Address, m: Prepare) -> list[Envelope]:
        freed = self._adopt(m.view)
        self.book.finish(sender.replica, m.finished)
        votes = [self.vote(Tid(sender.replica, one.number), one, m.view) for one in m.transactions]
        voted = [Tid(sender.replica, vote.number) for vote in votes]
        undecided = [tid for tid in voted if tid in self.book.prepared]
        self._doubts.watch(undecided, now + PATIENCE_SECONDS)
        return [*freed, Envelope(sender, Votes(m.round, self.view, tuple(votes)))]

    def vote(self, tid: Tid, asked_for: Transaction, view: View) -> Vote:
        """Vote on a transaction that began in that view, as before if it did before."""
        if tid in self.book.prepared:
            same = self.book.prepared[tid].command == asked_for.command
            require(same, f"transaction {tid} comes with another command")
            return self._yes(tid)
        known = self.book.outcomes.get(tid)
        if known is not None and known.commit:
            return self._yes(tid)  # it was, or it would not be committed
        if known is not None or self.book.over(tid):
            return Vote(tid.number, False, self._no("the transaction is over"))
        no = self.refusal(tid, asked_for.command, view)
        if no is not None:
            self.book.decide(tid, _ABORT)
            return Vote(tid.number, False, no)
        self.book.prepare(tid, Prepared(asked_for.command, view.number))
        self._locks.take(touched(asked_for.command, self._of), tid)
        return self._yes(tid)

    def _yes(self, tid: Tid) -> Vote:
        return Vote(tid.number, True, Answer("OK", None, self.state.revision))

    def refusal(self, tid: Tid, command: bytes, view: View) -> Answer | None:
        """Say why it votes NO, or what the command was answered before; None: it votes YES."""
        if tid.manager == self.me and tid.number < self.standing.first:
            return self._no("its transaction manager has started again")
        if view.number < self.view.number:
            return self._no(f"view {view.number} is over")
        if not self.standing.votes:
            return self._no("it has not received the store from a peer yet")
        if self.vetoes:
            self.vetoes -= 1
            return self._no("it was ordered to vote so")
        try:
            return self.state.known(command) or self._conflict(touched(command, self._of))
        except Malformed:
            return Answer("INVALID", "malformed command", 0)

    def _conflict(self, cover: Cover) -> Answer | None:
        held = self._locks.holder(cover)
        if held is None:
            return None
        lock, tid = held
        if isinstance(lock, tuple):
            return IN_DOUBT
        return self._no(f"a write of replica {tid.manager} holds the key")

    def _no(self, why: str) -> Answer:
        return Answer("ABORTED", f"replica {self.me} voted ABORT: {why}; nothing was done", 0)

    # --- carrying out -----------------------------------------------------------------------------

    def _on_go(self, now: float, sender: Address, m: Go) -> list[Envelope]:
        results = [self.go(Tid(sender.replica, one.number), one) for one in m.decisions]
        return [Envelope(sender, Done(tuple(results))), self._freed()]

    def go(self, tid: Tid, decision: Decision) -> Result:
        """Carry out a decision of the transaction's manager; again, it changes nothing."""
        known = self.book.outcomes.get(tid)
        if known is not None:
            mine = tid.manager == self.me  # what is on record here was decided
            same = mine or known.commit is decision.commit
            require(same, f"transaction {tid} has two outcomes: {known} and {decision}")
            return Result(tid.number, known.commit, _DONE)
        answer = _DONE
        if tid in self.book.prepared:
            answer = self._settle(tid, decision.commit, decision.revision)
        elif not decision.commit and not self.book.over(tid):
            self.book.decide(tid, _ABORT)  # it may come before what asks for a vote
        return Result(tid.number, decision.commit, answer)

    def _settle(self, tid: Tid, commit: bool, revision: int) -> Answer:
        """Record what became of a prepared one, carry it out and let go of its locks."""
        prepared = self.book.prepared[tid]
        self.book.decide(tid, Outcome(commit, revision, prepared.view))
        self._locks.free(touched(prepared.command, self._of), tid)
        self._doubts.settled(tid)
        return self.state.apply(prepared.command, revision) if commit else _DONE

    def _freed(self) -> Envelope:
        return Envelope(Address(self.me, "manager"), Freed(self.view))

    # --- the manager beside it --------------------------------------------------------------------

    def _on_recover(self, now: float, sender: Address, m: Recover) -> list[Envelope]:
        """Begin its numbers anew; what it left undecided never was, and is aborted."""
        if self.standing.whole < 0:
            return []  # on this disk its numbers could be used ones; it asks again
        self.standing = self.standing.next_epoch()
        self._records.append(self.standing.record())
        self.abort_undecided()
        committed = tuple(
            (Decision(tid.number, True, one.revision), one.view)
            for tid, one in self.book.committed_by(self.me)
        )
        return [Envelope(sender, Recovered(self.standing.first, self.view, committed))]

    def abort_undecided(self) -> None:
        """Abort what a manager that is gone had asked for, and not had committed."""
        for tid in [tid for tid in self.book.prepared if tid.manager == self.me]:
            self._settle(tid, False, 0)

    # --- doubt ------------------------------------------------------------------------------------

    def _on_inquire(self, now: float, sender: Address, m: Inquire) -> list[Envelope]:
        found = tuple(self.known(doubt, sender.replica) for doubt in m.doubts)
        return [Envelope(sender, Known(found))]

    def known(self, doubt: Doubt, asker: int) -> Found:
        """Say what became of a transaction; one that this has no part in never commits then."""
        tid = doubt.tid
        outcome = self.book.outcomes.get(tid)
        if outcome is not None:
            return Found(tid, COMMIT if outcome.commit else ABORT, outcome.revision)
        if tid in self.book.prepared:
            return Found(tid, PREPARED, 0)
        if self.book.over(tid):
            # Every member that never left has carried its commits out: it was none.
            stayed = tid.manager == self.me and asker in self.view.since(doubt.view)
            return Found(tid, ABORT if stayed else UNKNOWN, 0)
        if not self._had_a_vote(doubt):
            return Found(tid, UNKNOWN, 0)
        self.book.decide(tid, _ABORT)
        return Found(tid, ABORT, 0)

    def _had_a_vote(self, doubt: Doubt) -> bool:
        """Whether it cannot commit without a record here."""
        if doubt.tid.manager == self.me:
            return self.standing.whole >= 0 and doubt.tid.number >= self.standing.origin
        since = self.standing.member_since
        return self.standing.votes and since is not None and since <= doubt.view

    def _on_known(self, now: float, sender: Address, m: Known) -> list[Envelope]:
        self._doubts.heard(sender.replica)
        for tid, state, revision in m.found:
            self._hear(tid, state, revision)
        return [self._freed()]

    def _hear(self, tid: Tid, state: State, revision: int) -> None:
        if tid in self.book.prepared and state in (COMMIT, ABORT):
            self._settle(tid, state == COMMIT, revision)

    def _on_missed(self, now: float, sender: Address, m: NotSent | NoAnswer) -> list[Envelope]:
        if isinstance(m.message, Inquire):
            self._doubts.silent(m.peer)
        elif isinstance(m.message, Fetch) and self._returning is not None:
            self._returning.again(m.peer, now)
        return []

    # --- views ------------------------------------------------------------------------------------

    def _on_enter(self, now: float, sender: Address, m: Enter) -> list[Envelope]:
        return self._adopt(m.view)

    def _adopt(self, view: View) -> list[Envelope]:
        """Take a newer view over, durably with whatever this step says."""
        if view.number <= self.view.number:
            return []
        self.standing = self.standing.adopt(view)
        self._records.append(self.standing.record())
        return [self._freed()]

    def _go_back(self, now: float) -> list[Envelope]:
        """Fetch the store if something was missed."""
        if not self.standing.returning:
            self._returning = None
            return []
        if self._returning is None or self._returning.view != self.view:
            self._returning = Returning(self.me, self.view, tuple(self.state.tables), now)
        return self._returning.ask(now)

    def _on_fetch(self, now: float, sender: Address, m: Fetch) -> list[Envelope]:
        freed = self._adopt(m.view)
        there = m.table in self.state.tables and self.gives(sender.replica, m.view)
        rows, last = self._rows(m) if there else ((), False)
        page = Page(m.view.number, there, m.table, m.after, rows, last)
        return [*freed, Envelope(sender, page)]

    def gives(self, to: int, view: View) -> bool:
        """Whether its store is whole, and all that is older than the other's membership decided."""
        member = view.member(to)
        if member is None or view.number != self.view.number or not self.standing.votes:
            return False
        return all(one.view >= member.since for one in self.book.prepared.values())

    def _rows(self, m: Fetch) -> Any:
        with contextlib.closing(self._snapshot()) as disk:
            return page_after(disk, m.table, m.after, self._page_bytes)

    def _on_page(self, now: float, sender: Address, m: Page) -> list[Envelope]:
        if self._returning is None or self._returning.view != self.view:
            return []
        messages = self._returning.take(now, sender, m)
        if messages is not None:
            return messages
        self.install(self._returning)
        return [self._freed()]

    def install(self, given: Returning) -> None:
        """Put the store that was given in the place of ours; what was prepared is decided in it."""
        self.state, records = self.state.replaced(given.rows)
        for tid, prepared in list(self.book.prepared.items()):
            self._locks.free(touched(prepared.command, self._of), tid)
            self._doubts.settled(tid)
            if tid.manager == self.me:
                self.book.decide(tid, _ABORT)
            else:
                self.book.drop(tid)
        self.standing = self.standing.fetched()
        self._records += [*records, self.standing.record()]

    def _on_veto(self, now: float, sender: Address, m: Veto) -> list[Envelope]:
        self.vetoes = m.votes
        return []
