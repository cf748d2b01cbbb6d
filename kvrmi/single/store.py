"""The store: commands of many clients, one batch after the other, each durable before its answers.

Rules: one batch is under way at a time, and what comes meanwhile makes the next one; a batch is
applied when the writer has it on its disk, so what can be read is durable; each submission is
answered once, at its deadline at the latest. What was applied goes to the store's own file behind
the answers; after a crash the writer has what that file lacks. It does not know what a command
means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..operations.interface import Answer
from ..roles.contract import NOTHING, Address, Effects, Envelope, Message
from ..roles.invariants import require
from ..state.log import Entry, Log, pack_batch
from ..state.replicated import Replicated
from ..storage.interface import Snapshot
from .messages import Append, Appended, Durable, Stored, StoredSince, WriterUp
from .submissions import STARTING, UNKNOWN, Submission, Waiting

__all__ = ["NO_BALLOT", "Store"]

FLUSH = 0.5
"""Seconds that what was applied may wait for the store's file."""
FLUSH_BYTES = 4 << 20
"""Applied bytes that make that due at once."""
NO_BALLOT = (0, 0)
"""Of an entry that nobody voted on."""


class Store:
    """The state and who waits for it. A Role: kvrmi/roles/contract.py is its contract."""

    def __init__(self, me: int, state: Replicated, open_snapshot: Callable[[], Snapshot]) -> None:
        """Take up `state`, of the store's file, of which `open_snapshot` gives snapshots."""
        self.state = state
        self._open_snapshot = open_snapshot
        self._me = Address(me, "store")
        self._writer = Address(me, "writer")
        self._ready = False
        self._waiting = Waiting()
        self._under_way: list[Submission] = []
        self.batch = b""
        """The one that is under way, packed; b"": none is."""
        self._durable = state.applied
        self._unwritten = 0
        self._flush_at = 0.0
        self._on: Mapping[type, Callable[[float, Any], Effects]] = {
            Appended: self._on_appended,
            Durable: self._on_durable,
            Stored: self._on_stored,
            WriterUp: self._on_writer_up,
        }

    @property
    def applied(self) -> int:
        """The last batch applied."""
        return self.state.applied

    @property
    def log(self) -> Log:
        """The end of the log."""
        return self.state.log

    def snapshot(self) -> Snapshot:
        """Open a snapshot of what its file holds, which lags; for one thread, which closes it."""
        return self._open_snapshot()

    @property
    def waiting(self) -> tuple[Submission, ...]:
        """Commands that are in no batch yet."""
        return self._waiting.all

    @property
    def under_way(self) -> tuple[Submission, ...]:
        """Commands of the batch that is being made durable."""
        return tuple(self._under_way)

    # --- clients ----------------------------------------------------------------------------------

    def read(self, question: bytes) -> Answer:
        """Answer from memory: what is there is durable, and all that was answered is there."""
        return self.state.read(question) if self._ready else STARTING

    def take(self, now: float, submissions: Iterable[Submission]) -> Effects:
        """Take what was submitted; what came together may go into one batch."""
        if not self._ready:
            for submission in submissions:
                submission.settle(STARTING)
            return NOTHING
        self._waiting.add(submissions)
        return self._begin()

    # --- as a role --------------------------------------------------------------------------------

    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        """Handle one message."""
        handler = self._on.get(type(message))
        return handler(now, message) if handler else NOTHING

    def wake(self, now: float) -> Effects:
        """Answer what is overdue, and write what is due."""
        self._waiting.expire(now)
        for submission in self._under_way:
            if submission.deadline <= now:
                submission.settle(UNKNOWN)
        if not self._unwritten or now < self._flush_at:
            return Effects(wake_at=self._wake_at())
        flushed = self.flush(now)
        return Effects(flushed.records, flushed.messages, self._wake_at())

    def flush(self, now: float) -> Effects:
        """Write what is held back, due or not."""
        if not self._unwritten:
            return NOTHING
        self._unwritten = 0
        durable = Envelope(self._me, Durable(self.applied))
        return Effects(self.state.take_records(), (durable,))

    def _wake_at(self) -> float | None:
        times = [one.deadline for one in self._oldest() if one.settled is not None]
        return min([*times, *[self._flush_at] * bool(self._unwritten)], default=None)

    def _oldest(self) -> list[Submission]:
        return [*self._under_way, *self._waiting.all[:1]]

    # --- batches ----------------------------------------------------------------------------------

    def _begin(self) -> Effects:
        """Have the next batch made durable, if none is under way and there is one."""
        if self.batch or not self._waiting:
            return NOTHING
        self._under_way = self._waiting.batch()
        self.batch = pack_batch([one.request.payload for one in self._under_way])
        append = Append(self.applied + 1, self.batch, self._durable)
        return Effects(
            messages=(Envelope(self._writer, append),), wake_at=self._under_way[0].deadline
        )

    def _on_appended(self, now: float, m: Appended) -> Effects:
        require(bool(self.batch), f"batch {m.slot} is durable, and none was under way")
        value, self.batch = self.batch, b""
        submissions, self._under_way = self._under_way, []
        answers = self._apply(now, m.slot, value)
        for submission, (_, answer) in zip(submissions, answers, strict=True):
            submission.settle(answer)
        begun = self._begin()
        return Effects(begun.records, begun.messages, self._wake_at())

    def _apply(self, now: float, slot: int, value: bytes) -> list[tuple[bytes, Answer]]:
        if not self._unwritten:
            self._flush_at = now + FLUSH
        self._unwritten += len(value) + 1
        if self._unwritten > FLUSH_BYTES:
            self._flush_at = now
        return self.state.append(Entry(slot, NO_BALLOT, (), value))

    def _on_durable(self, now: float, m: Durable) -> Effects:
        self._durable = max(self._durable, m.slot)
        self.state.history.durable(self._durable)
        return NOTHING

    # --- the start --------------------------------------------------------------------------------

    def _on_writer_up(self, now: float, m: WriterUp) -> Effects:
        if self._ready:
            return NOTHING
        return Effects(messages=(Envelope(self._writer, StoredSince(self.applied)),))

    def _on_stored(self, now: float, m: Stored) -> Effects:
        """Apply what the writer kept beyond the store's file; then all that was answered is here.

        It may hold a last batch that nobody was answered: its clients do not know what became of
        it, and now it took effect.
        """
        for slot, value in m.batches:
            if slot > self.applied:
                self._apply(now, slot, value)
        self._ready = True
        return Effects(wake_at=self._wake_at())
