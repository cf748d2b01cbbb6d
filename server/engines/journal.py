"""replica.log: one line an event, greppable; the decisions of quiet times in full.

Rule: a line costs nothing that matters: under load only every traced decision is written out,
which the leader chooses (`Accept.traced`) and all replicas follow. It changes no message.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from kvrmi.operations.commands import summary
from kvrmi.paxos.messages import (
    Accept,
    Accepted,
    Applied,
    Chosen,
    Entries,
    FetchSnapshot,
    Heartbeat,
    Leading,
    Learn,
    Prepare,
    Promise,
    Recall,
    Refused,
    SnapshotPage,
)
from kvrmi.roles.contract import Address, Effects, Message
from kvrmi.state.log import Entry, unpack_batch

from ..hosts import Noted
from .forwardlog import ForwardLog
from .leaderlog import LeaderLog

TRACES = 256
"""Traced decisions that are remembered until all their lines are written."""

acceptor_log = logging.getLogger("kvrmi.server.acceptor")
proposer_log = logging.getLogger("kvrmi.server.proposer")
learner_log = logging.getLogger("kvrmi.server.learner")
front_log = logging.getLogger("kvrmi.server.front")


class Journal:
    """Turns steps of the roles into lines; steps of one role come in order."""

    def __init__(self, me: int, quorum: int, clock: Callable[[], float]) -> None:
        """`quorum` is how many acceptances make a decision; `clock` gives seconds."""
        self._quorum = quorum
        self._leader = LeaderLog(me, clock)
        self._front = ForwardLog(clock).note
        self._votes: dict[int, set[int]] = {}
        self._uninformed: list[int] = []
        """Chosen slots that no Accept or Heartbeat has announced yet."""
        self._traced: dict[int, bool] = {}
        self._refused: Refused | None = None

    def of(self, role: str) -> Noted:
        """How the steps of a role are noted."""
        # A proposer that begins anew has forgotten what it knew of leaders.
        return {
            "proposer": Noted(proposer_log, self._leader.starts, self.proposer),
            "acceptor": Noted(acceptor_log, _nothing, self.acceptor),
            "learner": Noted(learner_log, _nothing, self.learner),
            "front": Noted(front_log, _nothing, self._front),
        }[role]

    def acceptor(self, sender: Address, message: Message | None, effects: Effects) -> None:
        """Note a step of the acceptor."""
        if isinstance(message, Accept):
            self._accept(message, effects)
        elif isinstance(message, Prepare):
            self._prepare(sender, message, effects)
        asks = isinstance(message, Prepare | Heartbeat)
        if asks and any(type(e.message) is Recall for e in effects.messages):
            acceptor_log.warning(
                "silent: said to have an old copy of the disk, asks whether that is so said_by=%d",
                sender.replica,
            )

    def proposer(self, sender: Address, message: Message | None, effects: Effects) -> None:
        """Note a step of the proposer."""
        if isinstance(message, Accepted):
            if message.slot in self._votes:
                self._accepted(sender, message)
        else:
            self._leader.received(sender, message)
        for envelope in effects.messages:
            to, sent = envelope.to, envelope.message
            if isinstance(sent, Accept):
                if sent.traced and sent.slot not in self._votes:
                    self._propose(sent)
            elif isinstance(sent, Chosen) and sent.entry.slot in self._votes:
                self._chosen(sent)
            elif isinstance(sent, Leading):
                self._leader.leading(sender, message, effects, sent)
            elif isinstance(sent, Prepare):
                self._leader.sent(to, sent)
        if self._uninformed:
            self._informed(effects)

    def learner(self, sender: Address, message: Message | None, effects: Effects) -> None:
        """Note a step of the learner."""
        if isinstance(message, SnapshotPage):
            _page(sender, message, effects)
        for envelope in effects.messages:
            to, sent = envelope.to, envelope.message
            if isinstance(sent, FetchSnapshot) and not sent.page:
                learner_log.info("snapshot from=%d begins", to.replica)
            elif isinstance(sent, Applied):
                for entry in _entries(message):
                    if entry.slot <= sent.slot and self._traced.pop(entry.slot, False):
                        _commit(entry, sent)
                return

    def _accept(self, message: Accept, effects: Effects) -> None:
        refusal = next((e.message for e in effects.messages if type(e.message) is Refused), None)
        if refusal is not None:
            if refusal == self._refused:
                return  # a leader repeats itself, and may do so a thousand times a second
            self._refused = refusal
            acceptor_log.info(
                "refuse slot=%d ballot=%s promised=%s reason=%s",
                message.slot, message.ballot, refusal.promised, refusal.reason,
            )  # fmt: skip
        elif message.traced:
            self._remember(message.slot)
            acceptor_log.info(
                "accept slot=%d ballot=%s bytes=%d durable",
                message.slot, message.ballot, len(message.value),
            )  # fmt: skip

    def _prepare(self, sender: Address, message: Prepare, effects: Effects) -> None:
        for sent in (envelope.message for envelope in effects.messages):
            if isinstance(sent, Promise):
                acceptor_log.info(
                    "promise ballot=%s to=%d accepted=%d",
                    sent.ballot, sender.replica, len(sent.accepted),
                )  # fmt: skip
            elif isinstance(sent, Refused):
                acceptor_log.info(
                    "refuse ballot=%s to=%d promised=%s reason=%s",
                    message.ballot, sender.replica, sent.promised, sent.reason,
                )  # fmt: skip

    def _propose(self, sent: Accept) -> None:
        self._votes[sent.slot] = set()
        while len(self._votes) > TRACES:
            del self._votes[next(iter(self._votes))]
        self._remember(sent.slot)
        commands = unpack_batch(sent.value)
        proposer_log.info(
            "propose slot=%d ballot=%s commands=%d%s",
            sent.slot, sent.ballot, len(commands), summary(commands),
        )  # fmt: skip

    def _accepted(self, sender: Address, message: Accepted) -> None:
        votes = self._votes[message.slot]
        votes.add(sender.replica)
        proposer_log.info(
            "accepted slot=%d by=%d (%d of %d)",
            message.slot, sender.replica, len(votes), self._quorum,
        )  # fmt: skip

    def _chosen(self, sent: Chosen) -> None:
        entry = sent.entry
        del self._votes[entry.slot]
        self._uninformed.append(entry.slot)
        acceptors = ",".join(map(str, entry.acceptors))
        ballot = ".".join(map(str, entry.ballot))
        proposer_log.info("chosen slot=%d ballot=%s acceptors=%s", entry.slot, ballot, acceptors)

    def _informed(self, effects: Effects) -> None:
        for sent in (envelope.message for envelope in effects.messages):
            if not isinstance(sent, Accept | Heartbeat):
                continue
            informed = [slot for slot in self._uninformed if slot <= sent.chosen]
            self._uninformed = [slot for slot in self._uninformed if slot > sent.chosen]
            by = type(sent).__name__.lower()
            for slot in informed:
                proposer_log.info("learners informed slot=%d with next %s", slot, by)
            return

    def _remember(self, slot: int) -> None:
        # Roles note under different locks; each of these three is one step of the interpreter.
        self._traced[slot] = True
        if len(self._traced) > TRACES:
            self._traced.pop(min(list(self._traced)), None)


def _entries(message: Message | None) -> tuple[Entry, ...]:
    if isinstance(message, Chosen):
        return (message.entry,)
    return message.entries if isinstance(message, Learn | Entries) else ()


def _page(sender: Address, page: SnapshotPage, effects: Effects) -> None:
    """Note the end of a snapshot, and whether it moved the learner."""
    if page.page < 0:
        learner_log.info("snapshot from=%d is gone there, begins again", sender.replica)
    elif page.last:
        sent = (envelope.message for envelope in effects.messages)
        slots = [m.slot for m in sent if isinstance(m, Applied)]
        if slots:
            learner_log.info(
                "snapshot from=%d installed pages=%d applied=%d",
                sender.replica, page.page + 1, max(slots),
            )  # fmt: skip
        else:
            learner_log.info("snapshot from=%d not used: nothing newer in it", sender.replica)


def _commit(entry: Entry, applied: Applied) -> None:
    revision = max((answer.revision for _, answer in applied.answers), default=0)
    commands = unpack_batch(entry.value)
    learner_log.info(
        "commit slot=%d commands=%d revision=%d%s",
        entry.slot, len(commands), revision, summary(commands),
    )  # fmt: skip


def _nothing() -> None:
    """Nothing is to be noted."""
