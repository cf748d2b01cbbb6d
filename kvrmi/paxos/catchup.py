"""How a learner gets what it lacks: entries while a peer keeps them, else a snapshot.

Rules: one question at a time; a question that nobody answered is asked of the next peer; while a
snapshot is on its way no entries are asked for. It decides whom to ask what; the learner applies.
"""

from __future__ import annotations

from ..snapshot import SnapshotSink
from ..storage.interface import Corrupt
from .effects import Address, Envelope
from .messages import Fetch, FetchSnapshot, SnapshotPage

__all__ = ["CatchUp"]

PATIENCE = 1.0
"""Seconds until an unanswered question counts as lost."""


class CatchUp:
    """What is known to be chosen, who has it, and what was asked."""

    def __init__(self, me: int, ids: tuple[int, ...]) -> None:
        """`ids` are all replicas; with no other there is nobody to ask."""
        self.target = 0
        self._me = me
        self._peers = tuple(i for i in ids if i != me)
        self._source = self._peers[0] if self._peers else 0
        self._asked_until = 0.0
        self._sink: SnapshotSink | None = None
        self._name = ""
        self._page = 0

    @property
    def restoring(self) -> bool:
        """True while a snapshot is wanted or on its way."""
        return self._sink is not None

    @property
    def source(self) -> int:
        """The peer that is asked next."""
        return self._source

    def heard(self, peer: int, chosen: int) -> None:
        """Everything up to `chosen` is chosen, says `peer`, who had it when that became known.

        Only news makes it the one to ask: it may have lost its state since, and who says the same
        again and again must not keep us from asking the others in turn.
        """
        if chosen > self.target and peer in self._peers and not self.restoring:
            self._source = peer
        self.target = max(self.target, chosen)

    def want_snapshot(self, peer: int) -> None:
        """Pull a snapshot, from `peer` if it is one of ours."""
        if self._peers and not self.restoring:
            self._source = peer if peer in self._peers else self._source
            self._begin_snapshot()

    def ask(self, now: float, applied: int, gap: bool) -> tuple[Envelope, ...]:
        """Give the question to send now, if any. `gap`: the slot after `applied` is missing."""
        if now < self._asked_until or not self._peers:
            return ()
        if self._sink is not None:
            question: FetchSnapshot | Fetch = FetchSnapshot(self._name, self._page)
        elif gap and self.target > applied:
            question = Fetch(applied + 1)
        else:
            return ()
        self._asked_until = now + PATIENCE
        return (Envelope(Address(self._source, "learner"), question),)

    def answered(self) -> None:
        """Note that the open question was answered; the next may follow at once."""
        self._asked_until = 0.0

    def unanswered(self, now: float) -> None:
        """Begin again with another peer, a little later: the one asked did not answer."""
        if not self._peers:
            return
        position = self._peers.index(self._source)
        self._source = self._peers[(position + 1) % len(self._peers)]
        self._asked_until = now + 0.05
        if self.restoring:
            self._begin_snapshot()

    def add_page(self, now: float, sender: int, m: SnapshotPage) -> SnapshotSink | None:
        """Take a page; the finished sink once it was the last."""
        sink = self._sink
        if sink is None or sender != self._source or m.page not in (self._page, -1):
            return None
        if self._name not in ("", m.name):
            return None  # a page of a snapshot that was given up
        try:
            if m.page < 0:
                raise Corrupt("the peer gave this snapshot up")
            sink.add(m.data, m.last)
        except Corrupt:
            self.unanswered(now)
            return None
        self.answered()
        self._name, self._page = m.name, m.page + 1
        if not m.last:
            return None
        self._sink = None
        return sink

    def _begin_snapshot(self) -> None:
        self._sink = SnapshotSink()
        self._name, self._page = "", 0
