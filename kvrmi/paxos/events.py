"""The events of Multi-Paxos: what each step of a role means, at one place.

Rules: counts are of everything, events only of what is worth a line: under load only every traced
decision is reported, which the leader chooses (`Accept.traced`) and all replicas follow; elections,
refusals, snapshots and the beginning and end of each term always are. It changes no message, and
knows no log.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..cluster.counts import Counts
from ..operations.commands import summary
from ..operations.table import KEY_VALUE
from ..operations.vocabulary import Vocabulary
from ..roles.contract import Address, Effects, Message
from ..roles.events import Happened, Observe, Reporter
from ..state.log import Entry, unpack_batch
from .events_forward import ForwardEvents
from .events_leader import LEADER_NEWS, LeaderEvents
from .events_prevote import AskedEvents, AskingEvents
from .messages import (
    Accept,
    Accepted,
    Applied,
    Chosen,
    Entries,
    FetchSnapshot,
    Followed,
    Heard,
    Heartbeat,
    Leading,
    Learn,
    Prepare,
    PreVote,
    PreVoted,
    Promise,
    Recall,
    Refused,
    SnapshotPage,
)

__all__ = ["Observer"]

_MAY_SILENCE = frozenset({Prepare, Heartbeat})

TRACES = 256
"""Traced decisions that are remembered until all their events were reported."""


class Observer:
    """Turns steps of one replica's roles into events; steps of one role come in order."""

    def __init__(
        self,
        me: int,
        quorum: int,
        clock: Callable[[], float],
        happened: Happened,
        vocabulary: Vocabulary = KEY_VALUE,
    ) -> None:
        """`quorum` is how many acceptances make a decision; `clock` gives seconds.

        Commands are named as in `vocabulary`.
        """
        self.counts = Counts()
        self._named = partial(summary, of=vocabulary)
        self._quorum = quorum
        self._acceptor = Reporter("acceptor", clock, happened)
        self._proposer = Reporter("proposer", clock, happened)
        self._learner = Reporter("learner", clock, happened)
        self._leader = LeaderEvents(me, clock, self._proposer, self.counts)
        self._asking = AskingEvents(me, clock, self._proposer)
        self._asked = AskedEvents(clock, self._acceptor)
        front = Reporter("front", clock, happened)
        self._front = ForwardEvents(clock, front, self.counts, self._named)
        self._votes: dict[int, set[int]] = {}
        self._uninformed: list[int] = []
        """Chosen slots that no Accept or Heartbeat has announced yet."""
        self._traced: dict[int, bool] = {}
        self._refused: Refused | None = None
        self._steps: dict[str, Observe] = {
            "proposer": self._proposer_did,
            "acceptor": self._acceptor_did,
            "learner": self._learner_did,
            "front": self._front.note,
        }

    def step(self, role: str) -> Observe:
        """Give what takes the steps of a role: who sent which message, what came of it."""
        return self._steps[role]

    def starts(self, role: str) -> None:
        """Take note that a role is started: a proposer has forgotten what it knew of leaders."""
        if role == "proposer":
            self._leader.starts()
            self._asking.starts()

    # --- acceptor -----------------------------------------------------------------------------

    def _acceptor_did(self, sender: Address, message: Message | None, effects: Effects) -> None:
        kind = type(message)
        if kind is Accept:
            self._accept(message, effects)
        elif kind is Prepare:
            self._prepare(sender, message, effects)
        elif kind is Heartbeat or kind is PreVote:
            self._answered(effects)
        if kind in _MAY_SILENCE and any(type(e.message) is Recall for e in effects.messages):
            self._acceptor(
                "silent",
                "silent: said to have an old copy of the disk, asks whether that is so "
                f"said_by={sender.replica}",
                peer=sender.replica,
                urgent=True,
            )

    def _accept(self, message: Any, effects: Effects) -> None:
        answer: Any = effects.messages[0].message if effects.messages else None
        slot, ballot = message.slot, message.ballot
        if type(answer) is Refused:
            self.counts.refusals += 1
            if answer == self._refused:
                return  # a leader repeats itself, and may do so a thousand times a second
            self._refused = answer
            text = f"refuse slot={slot} ballot={ballot} {_refused(answer)}"
            self._acceptor("refuse", text, slot=slot, ballot=ballot, peer=ballot.replica)
        elif message.traced:
            self._remember(slot)
            text = f"accept slot={slot} ballot={ballot} bytes={len(message.value)} durable"
            self._acceptor("accept", text, slot=slot, ballot=ballot, peer=ballot.replica)

    def _prepare(self, sender: Address, message: Any, effects: Effects) -> None:
        to = sender.replica
        for sent in (envelope.message for envelope in effects.messages):
            if isinstance(sent, Promise):
                text = f"promise ballot={sent.ballot} to={to} accepted={len(sent.accepted)}"
                self._acceptor("promise", text, slot=sent.slot, ballot=sent.ballot, peer=to)
            elif isinstance(sent, Refused):
                self.counts.refusals += 1
                text = f"refuse ballot={message.ballot} to={to} {_refused(sent)}"
                self._acceptor("refuse", text, ballot=message.ballot, peer=to)

    def _answered(self, effects: Effects) -> None:
        for envelope in effects.messages:
            sent = envelope.message
            if type(sent) is PreVoted:
                self._asked.answered(envelope.to, sent)
            elif type(sent) is Heard:
                self._asked.granted(sent)

    # --- proposer -----------------------------------------------------------------------------

    def _proposer_did(self, sender: Address, message: Any, effects: Effects) -> None:
        kind = type(message)
        if kind is Accepted:
            if message.slot in self._votes:
                self._accepted(sender, message)
        elif kind in LEADER_NEWS:
            self._leader.received(sender, message)
        elif kind is Followed:
            self._asking.heard(message.ballot)
        for envelope in effects.messages:
            sent: Any = envelope.message
            kind = type(sent)
            if kind is Accept:
                if sent.traced and sent.slot not in self._votes:
                    self._propose(sent)
            elif kind is Chosen:
                self.counts.batches += 1
                self.counts.batch_bytes += len(sent.entry.value)
                if sent.entry.slot in self._votes:
                    self._chosen(sent)
            elif kind is Leading:
                self._leader.leading(sent)
            elif kind is Prepare:
                self._leader.sent(envelope.to, sent)
            elif kind is PreVote:
                self._asking.sent(message, envelope.to, sent)
        if self._uninformed:
            self._informed(effects)

    def _propose(self, sent: Accept) -> None:
        self._votes[sent.slot] = set()
        while len(self._votes) > TRACES:
            del self._votes[next(iter(self._votes))]
        self._remember(sent.slot)
        commands = unpack_batch(sent.value)
        text = f"propose slot={sent.slot} ballot={sent.ballot} commands={len(commands)}"
        self._proposer("propose", text + self._named(commands), slot=sent.slot, ballot=sent.ballot)

    def _accepted(self, sender: Address, message: Accepted) -> None:
        votes, slot, by = self._votes[message.slot], message.slot, sender.replica
        votes.add(by)
        text = f"accepted slot={slot} by={by} ({len(votes)} of {self._quorum})"
        self._proposer("accepted", text, slot=slot, ballot=message.ballot, peer=by)

    def _chosen(self, sent: Chosen) -> None:
        entry = sent.entry
        del self._votes[entry.slot]
        self._uninformed.append(entry.slot)
        acceptors = ",".join(map(str, entry.acceptors))
        ballot = ".".join(map(str, entry.ballot))
        text = f"chosen slot={entry.slot} ballot={ballot} acceptors={acceptors}"
        self._proposer("chosen", text, slot=entry.slot, ballot=ballot)

    def _informed(self, effects: Effects) -> None:
        for sent in (envelope.message for envelope in effects.messages):
            if not isinstance(sent, Accept | Heartbeat):
                continue
            informed = [slot for slot in self._uninformed if slot <= sent.chosen]
            self._uninformed = [slot for slot in self._uninformed if slot > sent.chosen]
            by = type(sent).__name__.lower()
            for slot in informed:
                text = f"learners informed slot={slot} with next {by}"
                self._proposer("learners informed", text, slot=slot, ballot=sent.ballot)
            return

    # --- learner ------------------------------------------------------------------------------

    def _learner_did(self, sender: Address, message: Any, effects: Effects) -> None:
        if type(message) is SnapshotPage:
            self._page(sender, message, effects)
        for envelope in effects.messages:
            sent: Any = envelope.message
            if type(sent) is Applied:
                self.counts.commands += len(sent.answers)
                if self._traced:
                    self._applied(message, sent)
                return
            if type(sent) is FetchSnapshot and not sent.page:
                peer = envelope.to.replica
                self._learner("snapshot", f"snapshot from={peer} begins", peer=peer)

    def _applied(self, message: Message | None, sent: Applied) -> None:
        for entry in _entries(message):
            if entry.slot <= sent.slot and self._traced.pop(entry.slot, False):
                text = _commit(entry, sent) + self._named(unpack_batch(entry.value))
                self._learner("commit", text, slot=entry.slot)

    def _page(self, sender: Address, page: SnapshotPage, effects: Effects) -> None:
        """Report the end of a snapshot, and whether it moved the learner."""
        peer = sender.replica
        slots = [e.message.slot for e in effects.messages if isinstance(e.message, Applied)]
        if page.page < 0:
            text = f"snapshot from={peer} is gone there, begins again"
        elif not page.last:
            return
        elif slots:
            applied = max(slots)
            text = f"snapshot from={peer} installed pages={page.page + 1} applied={applied}"
        else:
            text = f"snapshot from={peer} not used: nothing newer in it"
        self._learner("snapshot", text, slot=max(slots, default=0), peer=peer)

    def _remember(self, slot: int) -> None:
        # Steps of two roles come under different locks; each of these three is one step of the
        # interpreter.
        self._traced[slot] = True
        if len(self._traced) > TRACES:
            self._traced.pop(min(list(self._traced)), None)


def _refused(m: Refused) -> str:
    return f"promised={m.promised} reason={m.reason}"


def _entries(message: Message | None) -> tuple[Entry, ...]:
    if isinstance(message, Chosen):
        return (message.entry,)
    return message.entries if isinstance(message, Learn | Entries) else ()


def _commit(entry: Entry, applied: Applied) -> str:
    commands = unpack_batch(entry.value)
    own = set(commands)  # one step may have applied many slots
    revisions = (answer.revision for command, answer in applied.answers if command in own)
    revision = max(revisions, default=0)
    return f"commit slot={entry.slot} commands={len(commands)} revision={revision}"
