"""The learner: applies chosen batches in slot order, and keeps what they make.

Rules: an entry is applied once, in order, only when chosen; what is applied is written behind the
answer (`wake`), since whatever the disk lacks can be learned again; the acceptor may forget a slot
only when this disk holds it (`Durable`). It knows no ballots' meaning and counts no votes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

from ..operations.interface import PAGE_BYTES, Answer
from ..roles.contract import NOTHING, Address, Effects, Envelope, Message, NoAnswer, NotSent
from ..roles.invariants import require
from ..state.log import Entry, Log, stored_page
from ..state.replicated import Replicated
from ..state.snapshot import SnapshotSink, SnapshotSource
from ..storage.interface import Corrupt, Record, Snapshot
from .catchup import CatchUp, Progress
from .messages import (
    Applied,
    Ask,
    Behind,
    Chosen,
    Durable,
    Entries,
    Fetch,
    FetchSnapshot,
    Learn,
    Restore,
    SnapshotPage,
)

__all__ = ["Learner", "Restored"]

FLUSH = 0.5
"""Seconds that applied entries may wait for the disk."""

FLUSH_BYTES = 4 << 20
"""Applied bytes that make a flush due at once."""

SOURCE_IDLE = 20.0
"""Seconds after which a snapshot is closed, and the log behind it let go, if nobody asks for it."""


class Restored(NamedTuple):
    """The last snapshot installed: `missed` counts the client commands that it brought."""

    slot: int
    peer: int
    keys: int
    digest: str
    missed: int


class _Source(NamedTuple):
    """A snapshot that a peer pulls, and then the log behind it."""

    name: str
    snapshot: SnapshotSource
    used: float


class Learner:
    """One learner over one disk. A Role: kvrmi/roles/contract.py is its contract with its host."""

    def __init__(
        self,
        me: int,
        ids: tuple[int, ...],
        state: Replicated,
        open_snapshot: Callable[[], Snapshot],
        page_bytes: int = PAGE_BYTES,
    ) -> None:
        """`open_snapshot` gives a snapshot of the disk, for peers that lag too far behind.

        They get it, and entries, in pages of at most so many bytes.
        """
        self.me = me
        self.state = state
        self.restored: Restored | None = None
        self._open_snapshot = open_snapshot
        self._page_bytes = page_bytes
        self._catchup = CatchUp(me, ids)
        self._pending: dict[int, Entry] = {}
        self._unwritten = 0
        self._durable = state.applied
        state.log.rest()
        self._stated = False
        self._flush_at = 0.0
        self._sources: dict[int, _Source] = {}
        """By the peer that pulls."""
        self._named = 0
        self._goal = 0
        """Where the peer stood that a Restore named."""
        self._on: dict[type, Callable[[float, Address, Any], Effects]] = {
            Chosen: self._on_chosen,
            Learn: self._on_learn,
            Fetch: self._on_fetch,
            Entries: self._on_entries,
            FetchSnapshot: self._on_fetch_snapshot,
            SnapshotPage: self._on_snapshot_page,
            Ask: self._on_ask,
            Durable: self._on_durable,
            Behind: self._on_behind,
            Restore: self._on_restore,
            NotSent: self._on_unanswered,
            NoAnswer: self._on_unanswered,
        }

    @property
    def log(self) -> Log:
        """The end of the log."""
        return self.state.log

    @property
    def applied(self) -> int:
        """The last slot applied."""
        return self.log.applied

    @property
    def target(self) -> int:
        """The last slot known to be chosen."""
        return max(self._catchup.target, self.log.applied)

    @property
    def restoring(self) -> bool:
        """True while a snapshot is being pulled, or what a Restore asked for is not here yet."""
        return self._catchup.pulling or self._catchup.wished or self.applied < self._goal

    @property
    def progress(self) -> Progress | None:
        """How far the snapshot has come that is being pulled."""
        return self._catchup.progress

    @property
    def source(self) -> int:
        """The peer that is asked for what is missing."""
        return self._catchup.source

    @property
    def giver(self) -> int:
        """The peer that the last Restore was carried out with; 0: none yet."""
        return self._catchup.giver

    def read(self, question: bytes) -> Answer:
        """Answer from the state as applied now; the caller sees to how fresh that must be."""
        return self.state.read(question)

    def snapshot(self) -> Snapshot:
        """Open a snapshot of what its disk holds, which lags; for one thread, which closes it."""
        return self._open_snapshot()

    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        """Handle one message."""
        handler = self._on.get(type(message))
        return handler(now, sender, message) if handler else NOTHING

    def wake(self, now: float) -> Effects:
        """Write what is due, close idle snapshots, ask for what is missing."""
        for peer, source in list(self._sources.items()):
            if now - source.used > SOURCE_IDLE:
                self._let_go(peer)
        records: tuple[Record, ...] = ()
        messages = (*self._state_durable(), *self._ask(now))
        if self._unwritten and now >= self._flush_at:
            records, durable = self._flush()
            messages += durable
        return Effects(records, messages, now + FLUSH)

    def flush(self, now: float) -> Effects:
        """Write what is held back, due or not: a clean end must leave nothing to learn again."""
        if not self._unwritten:
            return NOTHING
        records, messages = self._flush()
        return Effects(records, messages)

    def close(self) -> None:
        """Let go of open snapshots, and of itself: the state is freed without a collector."""
        for source in self._sources.values():
            source.snapshot.close()
        self._sources.clear()
        self._on.clear()

    # --- learning -----------------------------------------------------------------------------

    def _on_chosen(self, now: float, sender: Address, m: Chosen) -> Effects:
        return self._take(now, (m.entry,))

    def _on_learn(self, now: float, sender: Address, m: Learn) -> Effects:
        self._catchup.heard(m.ballot.replica, m.chosen)
        return self._take(now, m.entries)

    def _on_entries(self, now: float, sender: Address, m: Entries) -> Effects:
        if self._catchup.wished and sender.replica == self._catchup.source:
            self._goal = m.applied
        self._catchup.answered(now, sender.replica, m, self.applied)
        return self._take(now, m.entries)

    def _on_behind(self, now: float, sender: Address, m: Behind) -> Effects:
        self._catchup.heard(m.peer, m.slot)
        return self._take(now, ())

    def _on_restore(self, now: float, sender: Address, m: Restore) -> Effects:
        """Catch up with a peer: from its log as far as that reaches, else by its snapshot."""
        self._catchup.wish(now, m.peer)
        return Effects(messages=self._ask(now))

    def _on_ask(self, now: float, sender: Address, m: Ask) -> Effects:
        report = Envelope(sender, self._report(self.applied, ()))
        durable = Envelope(sender, Durable(self._durable))
        return Effects(messages=(report, durable) if sender.role == "acceptor" else (report,))

    def _on_durable(self, now: float, sender: Address, m: Durable) -> Effects:
        self._durable = max(self._durable, m.slot)
        self.state.history.durable(self._durable)
        if self._durable == self.applied:
            self.log.rest()
        return NOTHING

    def _on_unanswered(self, now: float, sender: Address, m: NotSent | NoAnswer) -> Effects:
        if isinstance(m.message, Fetch | FetchSnapshot) and m.peer == self._catchup.source:
            self._catchup.unanswered(now, gone=isinstance(m, NotSent))
        return NOTHING

    def _take(self, now: float, entries: tuple[Entry, ...]) -> Effects:
        applied = self.applied
        for entry in entries:
            if entry.slot > applied:
                known = self._pending.setdefault(entry.slot, entry)
                require(known.value == entry.value, f"slot {entry.slot} was chosen twice")
        messages = self._apply(now)
        return Effects(messages=messages + self._ask(now), wake_at=self._flush_at or None)

    def _apply(self, now: float) -> tuple[Envelope, ...]:
        answers: list[tuple[bytes, Answer]] = []
        voters = self.state.voters
        before = self.applied
        while entry := self._pending.pop(self.applied + 1, None):
            self._flush_at = self._flush_at if self._unwritten else now + FLUSH
            answers += self.state.append(entry)
            self._unwritten += len(entry.value) + 1
        if self.applied == before:
            return ()
        if self._unwritten > FLUSH_BYTES:
            self._flush_at = now
        return self._announce(before, tuple(answers), self.state.voters != voters)

    def _announce(
        self, after: int, answers: tuple[tuple[bytes, Answer], ...], voters_changed: bool
    ) -> tuple[Envelope, ...]:
        roles = ("proposer", "front", "acceptor") if voters_changed else ("proposer", "front")
        report = self._report(after, answers)
        return tuple(Envelope(Address(self.me, role), report) for role in roles)

    def _report(self, after: int, answers: tuple[tuple[bytes, Answer], ...]) -> Applied:
        return Applied(after, self.applied, answers, self.state.voters)

    def _ask(self, now: float) -> tuple[Envelope, ...]:
        return self._catchup.ask(now, self.applied, self.applied + 1 not in self._pending)

    # --- the disk -----------------------------------------------------------------------------

    def _flush(self) -> tuple[tuple[Record, ...], tuple[Envelope, ...]]:
        self._unwritten = 0
        self._flush_at = 0.0
        return self.state.take_records(), self._print_durable()

    def _state_durable(self) -> tuple[Envelope, ...]:
        """Say once what this disk holds: less than before, if it was begun anew."""
        if self._stated:
            return ()
        self._stated = True
        return (Envelope(Address(self.me, "acceptor"), Durable(self._durable)),)

    def _print_durable(self) -> tuple[Envelope, ...]:
        """Leaves after the records: the acceptor may forget slots, and we know it ourselves."""
        durable = Durable(self.applied)
        return tuple(Envelope(Address(self.me, role), durable) for role in ("acceptor", "learner"))

    # --- serving others -----------------------------------------------------------------------

    def _on_fetch(self, now: float, sender: Address, m: Fetch) -> Effects:
        peer, log = sender.replica, self.log
        entries: tuple[Entry, ...] = ()
        if log.oldest <= m.slot < log.first:
            entries = self._stored_entries(m.slot)
            self._used(peer, now)
        else:
            entries = log.page(m.slot, self._page_bytes)
            self._let_go(peer)  # it has caught up, or needs another snapshot
        answer = Entries(m.slot, entries, log.oldest, self.applied)
        return Effects(messages=(Envelope(sender, answer),))

    def _stored_entries(self, slot: int) -> tuple[Entry, ...]:
        with contextlib.closing(self._open_snapshot()) as snapshot:
            return stored_page(snapshot, slot, self._page_bytes)

    def _on_fetch_snapshot(self, now: float, sender: Address, m: FetchSnapshot) -> Effects:
        source = self._sources.get(sender.replica)
        # One that is asked for again, because its first page was late, is not opened anew.
        if not m.name and (source is None or source.snapshot.begun):
            source = self._open_source(now, sender.replica)
        page = SnapshotPage(m.name, -1, b"", True)
        if source is not None and source.snapshot.slot + 1 < self.log.oldest:
            self._let_go(sender.replica)  # the disk lags: what follows is not in the log any more
        elif source is not None and m.name in ("", source.name):
            self._used(sender.replica, now)
            with contextlib.suppress(ValueError):  # asked out of order: it has to begin again
                page = SnapshotPage(source.name, m.page, *source.snapshot.page(m.page))
        return Effects(messages=(Envelope(sender, page),))

    def _open_source(self, now: float, peer: int) -> _Source:
        self._let_go(peer)
        self._named += 1
        snapshot = SnapshotSource(self._open_snapshot(), self.state.kind, self._page_bytes)
        source = _Source(f"{self.me}-{self._named}", snapshot, now)
        self._sources[peer] = source
        self.log.held = True
        return source

    def _used(self, peer: int, now: float) -> None:
        if peer in self._sources:
            self._sources[peer] = self._sources[peer]._replace(used=now)

    def _let_go(self, peer: int) -> None:
        """Close what `peer` pulled: it has it all, or is gone; the log behind it may be trimmed."""
        source = self._sources.pop(peer, None)
        if source is not None:
            source.snapshot.close()
        self.log.held = bool(self._sources)

    # --- being restored -----------------------------------------------------------------------

    def _on_snapshot_page(self, now: float, sender: Address, m: SnapshotPage) -> Effects:
        sink = self._catchup.add_page(now, sender.replica, m, self.applied, self.state)
        if sink is None:
            return Effects(messages=self._ask(now))
        return self._install(now, sender.replica, sink)

    def _install(self, now: float, peer: int, sink: SnapshotSink) -> Effects:
        """Move the learner, and nothing else: what the acceptor promised is no peer's business."""
        require(sink.slot > self.applied, "a snapshot must not move a learner back")
        missed = sink.revision - self.state.revision
        try:
            state = sink.load()
        except Corrupt:
            self._catchup.want_snapshot(peer)
            self._catchup.unanswered(now)
            return NOTHING
        state.log.held = bool(self._sources)
        self.state = state
        self.restored = Restored(sink.slot, peer, sink.keys, sink.digest, missed)
        self._pending = {s: e for s, e in self._pending.items() if s > sink.slot}
        # Written behind like all that is applied: only Durable waits for the disk.
        self._unwritten, self._flush_at = 1, now
        messages = (
            *self._announce(self.applied, (), True),  # of what the snapshot jumped over, none
            *self._apply(now),
            *self._ask(now),
        )
        return Effects(messages=messages, wake_at=now)
