"""How a learner gets what it lacks: entries while a peer keeps them, else a snapshot.

Rules: one question at a time; a question that nobody answered is asked of the next peer, but a page
of a snapshot of the same one for a while, since all that came so far would be lost; who has served
us is asked on, because it keeps its log for us; while a snapshot is on its way no entries are asked
for. It decides whom to ask what; the learner applies.
"""

from __future__ import annotations

from typing import NamedTuple

from ..roles.contract import Address, Envelope
from ..state.replicated import Replicated
from ..state.snapshot import SnapshotSink
from ..storage.interface import Corrupt
from .messages import Entries, Fetch, FetchSnapshot, SnapshotPage

__all__ = ["GIVE_UP", "TIMEOUT", "CatchUp", "Progress"]

TIMEOUT = 1.0
"""Seconds until an unanswered question counts as lost."""
GIVE_UP = 5.0
"""Seconds without a page until a snapshot is begun anew with another peer."""
AGAIN = 0.05
"""Seconds between an answer that did not come and the next question."""


class Progress(NamedTuple):
    """How far a snapshot has come: `keys` of `of` are here, in so many bytes."""

    peer: int
    keys: int
    of: int
    bytes: int


class CatchUp:
    """What is known to be chosen, who has it, and what was asked."""

    def __init__(self, me: int, ids: tuple[int, ...]) -> None:
        """`ids` are all replicas; with no other there is nobody to ask."""
        self.target = 0
        self.giver = 0
        """The peer that answered the last wish, or gave the last snapshot; 0: none yet."""
        self._me = me
        self._peers = tuple(i for i in ids if i != me)
        self._source = self._peers[0] if self._peers else 0
        self._served = False
        """The source has answered with something that we lacked."""
        self._asked_until = 0.0
        self._wished = False
        """Somebody wants us to catch up with the source, which has not said yet how far it is."""
        self._sink: SnapshotSink | None = None
        self._name = ""
        self._page = 0
        self._give_up_at = 0.0

    @property
    def pulling(self) -> bool:
        """True while a snapshot is wanted or on its way."""
        return self._sink is not None

    @property
    def wished(self) -> bool:
        """True until the peer that we shall catch up with has said how far it is."""
        return self._wished

    @property
    def source(self) -> int:
        """The peer that is asked next."""
        return self._source

    @property
    def progress(self) -> Progress | None:
        """How far the snapshot has come that is on its way."""
        sink = self._sink
        if sink is None:
            return None
        return Progress(self._source, sink.keys_added, sink.keys, sink.bytes)

    def heard(self, peer: int, chosen: int) -> None:
        """Everything up to `chosen` is chosen, says `peer`, who had it when that became known.

        Only news makes it the one to ask: it may have lost its state since, and who says the same
        again and again must not keep us from asking the others in turn.
        """
        if chosen > self.target and peer in self._peers and not self._settled:
            self._source = peer
        self.target = max(self.target, chosen)

    def wish(self, now: float, peer: int) -> None:
        """Catch up with `peer` if it is one of ours, whether anything is known to be missing.

        Another is asked only once it has not answered for GIVE_UP.
        """
        if self._peers and not self.pulling:
            self._source = peer if peer in self._peers else self._source
            self._wished = True
            self._asked_until = 0.0
            self._give_up_at = now + GIVE_UP

    def want_snapshot(self, peer: int) -> None:
        """Pull a snapshot, from `peer` if it is one of ours."""
        if self._peers and not self.pulling:
            self._source = peer if peer in self._peers else self._source
            self._begin_snapshot()

    def ask(self, now: float, applied: int, gap: bool) -> tuple[Envelope, ...]:
        """Give the question to send now, if any. `gap`: the slot after `applied` is missing."""
        behind = gap and self.target > applied
        if not behind:
            self._served = False
        if now < self._asked_until or not self._peers:
            return ()
        if self._sink is not None:
            question: FetchSnapshot | Fetch = FetchSnapshot(self._name, self._page)
        elif behind or self._wished:
            question = Fetch(applied + 1)
        else:
            return ()
        self._asked_until = now + TIMEOUT
        return (Envelope(Address(self._source, "learner"), question),)

    def answered(self, now: float, peer: int, m: Entries, applied: int) -> None:
        """Note an answer to a question for entries; the next may follow at once."""
        if self.pulling:
            return
        self._asked_until = 0.0
        if peer == self._source:
            self.giver = peer if self._wished else self.giver
            self._wished = False
            self._served = bool(m.entries)
            if self._served:
                self._give_up_at = now + GIVE_UP
        if m.slot == applied + 1:
            if m.slot < m.first:
                self.want_snapshot(peer)
            elif not m.entries:
                self.unanswered(now)  # that peer has no more than we do
        if m.applied > applied:
            self.heard(peer, m.applied)

    @property
    def _settled(self) -> bool:
        """Whether the peer to ask stands, whoever has news."""
        return self.pulling or self._served or self._wished

    def unanswered(self, now: float, *, gone: bool = False) -> None:
        """Ask again a little later: another peer, or the same while it may still send its page.

        So, too, with pages of entries: others lack the log behind the snapshot that it gave us. But
        not of a peer that is `gone`, for all that could be found: nothing was sent to it.
        """
        if not self._peers:
            return
        begun = self._sink is not None and bool(self._name)
        served = self._served and not gone
        if (begun or self._wished or served) and now < self._give_up_at:
            self._asked_until = now + AGAIN
        else:
            self._turn_away(now)

    def _turn_away(self, now: float) -> None:
        position = self._peers.index(self._source)
        self._source = self._peers[(position + 1) % len(self._peers)]
        self._served = False
        self._asked_until = now + AGAIN
        if self.pulling:
            self._begin_snapshot()

    def add_page(
        self,
        now: float,
        sender: int,
        m: SnapshotPage,
        applied: int,
        mine: Replicated,
    ) -> SnapshotSink | None:
        """Take a page; the finished sink once it was the last, and is ahead of `applied`.

        `mine`: the state that the sink's shall replace, while both are in memory.
        """
        sink = self._sink
        if sink is None or sender != self._source or m.page not in (self._page, -1):
            return None
        if self._name not in ("", m.name):
            return None  # a page of a snapshot that was given up
        try:
            if m.page < 0:
                raise Corrupt("the peer gave this snapshot up")
            sink.add(m.data, m.last, mine)
        except Corrupt:
            self._turn_away(now)
            return None
        if sink.slot <= applied:
            self._sink = None
            self._turn_away(now)
            return None
        self._asked_until = 0.0
        self._give_up_at = now + GIVE_UP
        self._name, self._page = m.name, m.page + 1
        if not m.last:
            return None
        self._sink = None
        self._served = True
        self.giver = sender
        return sink

    def _begin_snapshot(self) -> None:
        self._sink = SnapshotSink()
        self._name, self._page = "", 0
