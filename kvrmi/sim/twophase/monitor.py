"""What must hold of two-phase commit after every step of a run, whatever went wrong.

Rules: it looks and never touches; votes and outcomes are taken from what leaves participants and
from what is on their disks at that moment, not from what managers think.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...roles.contract import Effects, Envelope, Role
from ...storage.interface import Put
from ...twophase.book import key_of, read_outcome
from ...twophase.messages import Done, Go, Prepare, Tid, Vote, Votes
from ...twophase.participant import Participant
from ...twophase.views import View

if TYPE_CHECKING:
    from ..replica import Replica
    from ..world import World

__all__ = ["Monitor", "monitor"]


class Monitor:
    """Remembers what was voted, decided and carried out, and compares."""

    def __init__(self, world: World) -> None:
        """Begin with a cluster in which nothing was asked."""
        self.outcomes: dict[Tid, bool] = {}
        """What is on record of each transaction at whatever participant: committed, or not."""
        self._require = world.require
        self._world = world
        self._members: dict[Tid, View] = {}
        self._votes: dict[tuple[int, Tid], bool] = {}
        self._applied: dict[Tid, set[int]] = {}
        self._began: dict[bytes, list[Tid]] = {}
        self._recorded: dict[int, list[tuple[Tid, bool]]] = {}

    @property
    def commits(self) -> int:
        """How many transactions were committed."""
        return sum(self.outcomes.values())

    # --- participants -----------------------------------------------------------------------------

    def stepped(self, replica: Replica, name: str, role: Role, effects: Effects) -> None:
        """Take note of the outcomes that a step records; they count once they are durable."""
        if name != "participant":
            return
        for tid, commit in self._recorded.pop(replica.me, ()):
            if _row(replica, "outcomes", tid):  # a crash came first, and the disk has it
                self._outcome(replica, tid, commit)
        puts = (one for one in effects.records if isinstance(one, Put))
        self._recorded[replica.me] = [read_outcome(one) for one in puts if one.table == "outcomes"]

    def left(self, replica: Replica, name: str, messages: tuple[Envelope, ...]) -> None:
        """Look at what leaves a role, its records being durable."""
        if name == "participant":
            for tid, commit in self._recorded.pop(replica.me, ()):
                self._outcome(replica, tid, commit)
        for to, sent in ((one.to, one.message) for one in messages):
            if isinstance(sent, Votes):
                for vote in sent.votes:
                    self._voted(replica, Tid(to.replica, vote.number), vote)
            elif isinstance(sent, Prepare):
                self._asked(replica, sent)
            elif isinstance(sent, Go) and to.replica != replica.me:
                self._sent(replica, sent)
            elif isinstance(sent, Done):
                self._done(replica, to.replica, sent)

    def after_event(self) -> None:
        """Nothing more is to be seen from outside."""

    def _voted(self, replica: Replica, tid: Tid, vote: Vote) -> None:
        participant = replica.role(Participant)
        if participant is not None and participant.book.over(tid):
            return  # it says so, and whoever asked before its end has no use for that
        again = (replica.me, tid) in self._votes
        before = self._votes.setdefault((replica.me, tid), vote.yes)
        changed = before is not vote.yes and (vote.yes or self.outcomes.get(tid) is not False)
        self._require(not changed, f"replica {replica.me} changes its vote on {tid}")
        if vote.yes and not again and participant is not None:
            self._require(
                participant.standing.votes or tid in participant.book.outcomes,
                f"replica {replica.me} votes, and has not received the store",
            )
            on_record = _row(replica, "prepared", tid) or _row(replica, "outcomes", tid)
            self._require(bool(on_record), f"replica {replica.me} votes YES on {tid}, not durably")

    def _outcome(self, replica: Replica, tid: Tid, commit: bool) -> None:
        known = self.outcomes.setdefault(tid, commit)
        self._require(
            known is commit,
            f"transaction {tid} has two outcomes: replica {replica.me} recorded one",
        )
        if not commit:
            return
        view = self._members[tid]
        without = [id for id in view.ids if not self._votes.get((id, tid))]
        self._require(not without, f"transaction {tid} is committed without votes of {without}")
        self._applied.setdefault(tid, set()).add(replica.me)

    def _done(self, replica: Replica, manager: int, m: Done) -> None:
        participant = replica.role(Participant)
        for number, committed, _ in m.results:
            tid = Tid(manager, number)
            over = participant is not None and participant.book.over(tid)
            there = self._carried_out(replica, tid) or over or self._away(replica, tid)
            self._require(
                there or not committed, f"replica {replica.me} answers Go of {tid}, not durably"
            )

    def _carried_out(self, replica: Replica, tid: Tid) -> bool:
        return (
            replica.me in self._applied.get(tid, ()) or _row(replica, "outcomes", tid) is not None
        )

    def _away(self, replica: Replica, tid: Tid) -> bool:
        """Whether it has missed the transaction, or got it with a store."""
        participant = replica.role(Participant)
        since = participant.standing.member_since if participant else None
        return since is None or since > self._members[tid].number

    # --- managers ---------------------------------------------------------------------------------

    def _asked(self, replica: Replica, m: Prepare) -> None:
        for number, command in m.transactions:
            tid = Tid(replica.me, number)
            if self._members.setdefault(tid, m.view) is m.view:
                began = self._began.setdefault(command, [])
                began += [tid] if tid not in began else []
        for tid, commit in self.outcomes.items():
            if commit and tid.manager == replica.me and tid.number < m.finished:
                self._everywhere(tid, m.view, "finished")

    def _sent(self, replica: Replica, m: Go) -> None:
        participant = replica.role(Participant)
        for number, commit, _ in m.decisions:
            tid = Tid(replica.me, number)
            row = _row(replica, "outcomes", tid)
            over = participant is not None and participant.book.over(tid)
            on_record = row is not None and read_outcome(Put("", key_of(tid), row))[1]
            self._require(
                on_record or over or not commit,
                f"the commit of {tid} is sent, and is not on record at its manager",
            )
            self._require(not (on_record and not commit), f"the abort of the commit {tid} is sent")

    def _everywhere(self, tid: Tid, view: View, what: str) -> None:
        members = view.since(self._members[tid].number)
        replicas = self._world.replicas
        without = [id for id in members if not self._carried_out(replicas[id], tid)]
        self._require(not without, f"{tid} is {what}, and not carried out at {without}")

    def acknowledged(self, manager: int, command: bytes, view: View) -> None:
        """Check what a write needs that is acknowledged by a manager with that view."""
        began = self._began.get(command, ())
        committed = [tid for tid in began if self.outcomes.get(tid)]
        self._require(bool(committed), f"acknowledged, and not committed: {command!r}")
        self._require(len(committed) == 1, f"{command!r} took effect twice: {committed}")
        own = [tid for tid in began if tid.manager == manager]
        if own and own[-1] == committed[0]:  # else an earlier sending was, and its answer came back
            self._everywhere(committed[0], view, "acknowledged")

    def undone(self, command: bytes) -> None:
        """Check a write of which it was always answered that nothing was done."""
        committed = [tid for tid in self._began.get(command, ()) if self.outcomes.get(tid)]
        self._require(not committed, f"said to be undone, and committed: {command!r}")


def monitor(world: World) -> Monitor:
    """Give the monitor of a world in which this protocol runs."""
    if not isinstance(world.monitor, Monitor):
        raise TypeError("another protocol runs in this world")
    return world.monitor


def _row(replica: Replica, table: str, tid: Tid) -> bytes | None:
    return replica.disks["participant"].row(table, key_of(tid))
