"""The acceptor: safety alone. No caller, however wrong, can make it unsafe.

Rules: a promise never goes down; a value is accepted only at the promised ballot or above; what an
answer states is in the records of the same step, and the host makes those durable first.
It does not know who leads, what a value means, or how many replicas there are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ..roles.contract import NOTHING, Address, Effects, Envelope, Message
from ..roles.invariants import DiskLost, require
from ..storage.interface import Put, Readable, Record, Trim
from .ballot import Ballot
from .doubt import RETRY, Doubt
from .informing import Informing
from .messages import (
    Accept,
    Accepted,
    AcceptedValue,
    Applied,
    Ask,
    Copied,
    Copy,
    Durable,
    Heard,
    Heartbeat,
    Prepare,
    PreVote,
    PreVoted,
    Promise,
    Recalled,
    Refused,
    Release,
    Released,
)
from .rejoin import COPIED, MUST_COPY, Rejoin
from .silence import followed, silent
from .stable import State, accepted_row, read_accepted

if TYPE_CHECKING:
    from ..cluster.timing import Timing

__all__ = ["PAGE_BYTES", "Acceptor"]

PAGE_BYTES = 1 << 20
"""An answer that lists accepted values stops after so many bytes of them, or one value."""

EPOCH_SHIFT = 40
"""Writes of one epoch that can be counted, as a power of two."""


class Acceptor:
    """One acceptor over one disk. A Role: kvrmi/roles/contract.py is its contract with its host."""

    informing: type[Informing] = Informing

    def __init__(
        self,
        me: int,
        timing: Timing,
        state: State,
        accepted: dict[int, tuple[Ballot, bytes]],
        hold_until: float,
        rejoin: Rejoin | None = None,
        page_bytes: int = PAGE_BYTES,
    ) -> None:
        """Use `load` instead; this takes what a disk held."""
        self.me = me
        self.state = state
        self.accepted = accepted
        self.rejoin = rejoin
        self._timing = timing
        self._page_bytes = page_bytes
        # Until then only the owner of the promised ballot gets a promise. A grant is renewed by
        # heartbeats; a hold stands in for the grants forgotten in a restart, and nobody ends it.
        self._grant_until = 0.0
        self._hold_until = hold_until
        self._informing = self.informing(me, state.truncated)
        self._trim = state.truncated
        self._doubt: Doubt | None = None
        self._asked = False
        self._on: dict[type, Callable[[float, Address, Any], Effects]] = {
            Accept: self._on_accept,
            Heartbeat: self._on_heartbeat,
            Prepare: self._on_prepare,
            PreVote: self._on_pre_vote,
            Release: self._on_release,
            Copy: self._on_copy,
            Durable: self._on_durable,
            Applied: self._on_applied,
        }

    @classmethod
    def load(
        cls,
        me: int,
        disk: Readable,
        now: float,
        timing: Timing,
        *,
        founding: bool = False,
        rejoin: Rejoin | None = None,
        page_bytes: int = PAGE_BYTES,
    ) -> Acceptor:
        """Take up what `disk` holds, and hold promises back for one lease.

        `founding` (a folder formatted with the cluster, never run before) spares it the hold.
        `rejoin` is given when the disk is new but the replica is not: no vote until it is done.
        Raises Corrupt where a record is damaged.
        """
        row = disk.read("acceptor", "state")
        state = State.unpack(row) if row else State(stage=MUST_COPY if rejoin else 0)
        accepted = {int(slot): read_accepted(data) for slot, data in disk.scan("accepted")}
        hold_until = 0.0 if founding else now + max(state.hold, timing.hold)
        return cls(me, timing, state, accepted, hold_until, rejoin, page_bytes)

    @property
    def recovering(self) -> bool:
        """True while this acceptor must not vote."""
        return self.rejoin is not None

    @property
    def voting(self) -> bool:
        """False while this acceptor must not vote, for whatever reason."""
        return self.rejoin is None and self._doubt is None

    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        """Handle one message; a request always gets exactly one answer. Raises DiskLost."""
        if self.rejoin is not None:
            return self._while_recovering(self.rejoin, now, sender, message)
        if self._doubt is not None:
            return self._while_in_doubt(self._doubt, now, sender, message)
        handler = self._on.get(type(message))
        return handler(now, sender, message) if handler else NOTHING

    def wake(self, now: float) -> Effects:
        """Ask what the log says of us, once; else only a rejoin or a doubt has something to do."""
        if self.rejoin is not None:
            return self.rejoin.wake(now)
        if self._doubt is None:
            asked, self._asked = self._asked, True
            return NOTHING if asked else _answer(Address(self.me, "learner"), Ask())
        if now >= self._doubt.until:
            self._doubt = None
            return NOTHING
        return Effects(messages=self._doubt.ask(), wake_at=now + RETRY)

    # --- voting -------------------------------------------------------------------------------

    def _on_pre_vote(self, now: float, sender: Address, m: PreVote) -> Effects:
        granted = m.ballot > self.state.promised and self.open_to(m.ballot, now)
        answer = Envelope(sender, PreVoted(m.ballot, granted, self.state.promised))
        return Effects(messages=(answer, *self._learn_rest()))

    def _on_prepare(self, now: float, sender: Address, m: Prepare) -> Effects:
        if m.seen > self.state.writes:
            return self._fall_silent(now, sender, m)
        refusal = self._refusal(sender, m.ballot, now)
        if refusal:
            return _answer(sender, refusal)
        records: tuple[Record, ...] = ()
        if m.ballot > self.state.promised:
            records = (self._write(promised=m.ballot),)
        first = max(m.slot, self.state.truncated + 1)
        page, more = self._page(first)
        promise = Promise(
            m.ballot,
            self.state.epoch,
            self.state.writes,
            m.slot,
            page,
            self.state.truncated,
            more,
        )
        return Effects(records, (Envelope(sender, promise), *self._learn_rest()))

    def _on_accept(self, now: float, sender: Address, m: Accept) -> Effects:
        refusal = self._refusal(sender, m.ballot, now)
        if refusal is None and m.slot <= self.state.truncated:
            refusal = Refused(m.ballot, self.state.promised, "truncated")
        if refusal:
            return _answer(sender, refusal)
        known = self.accepted.get(m.slot)
        records: tuple[Record, ...] = ()
        if known is None or known[0] != m.ballot:
            records = self._accept(m)
        else:
            require(
                known[1] == m.value,
                f"two values for slot {m.slot} at ballot {m.ballot}",
            )
        accepted = Accepted(m.ballot, m.slot, self.state.epoch, self.state.writes)
        learn = self._learn(m.ballot, m.chosen) if self._informing.due(m) else ()
        return Effects(records, (Envelope(sender, accepted), *learn))

    def _accept(self, m: Accept) -> tuple[Record, ...]:
        self.accepted[m.slot] = (m.ballot, m.value)
        self._informing.accepted(m.value)
        row = accepted_row(m.slot, m.ballot, m.value)
        chosen = max(m.chosen, self.state.chosen)
        upto = min(self._trim, m.slot - 1)
        if upto <= self.state.truncated:
            return (row, self._write(promised=m.ballot, chosen_at=m.ballot, chosen=chosen))
        # Rides on a write that happens anyway: truncation costs no sync of its own.
        for slot in range(self.state.truncated + 1, upto + 1):
            self.accepted.pop(slot, None)
        state = self._write(promised=m.ballot, truncated=upto, chosen_at=m.ballot, chosen=chosen)
        return (Trim("accepted", upto), row, state)

    def _on_heartbeat(self, now: float, sender: Address, m: Heartbeat) -> Effects:
        if m.seen > self.state.writes:
            return self._fall_silent(now, sender, m)
        if sender.replica != m.ballot.replica or m.ballot != self.state.promised:
            # A grant needs a durable promise of exactly this ballot; a heartbeat writes nothing.
            return _answer(sender, Refused(m.ballot, self.state.promised, "ballot"))
        if m.lease != self._timing.lease:
            # Its owner would rely on it for longer than we keep it, or the other way round.
            return _answer(sender, Refused(m.ballot, self.state.promised, "lease length"))
        records = self._remember_hold(now)
        self._grant_until = max(self._grant_until, now + self._timing.lease)
        heard = Heard(m.ballot, m.beat, self.state.epoch, self.state.writes, self._timing.lease)
        learn = self._learn(m.ballot, m.chosen)
        return Effects(records, (Envelope(sender, heard), *followed(self.me, m), *learn))

    def _remember_hold(self, now: float) -> tuple[Record, ...]:
        """Make durable how long a restart must hold, before a grant under other times than before.

        A shorter hold takes the place of a longer one only when no grant of an earlier run is left.
        """
        hold, known = self._timing.hold, self.state.hold
        if hold == known or (hold < known and now < self._hold_until):
            return ()
        return (self._write(hold=hold),)

    def _on_release(self, now: float, sender: Address, m: Release) -> Effects:
        if m.ballot == self.state.promised and sender.replica == m.ballot.replica:
            self._grant_until = 0.0
        return _answer(sender, Released(m.ballot))

    def _on_copy(self, now: float, sender: Address, m: Copy) -> Effects:
        page, more = self._page(max(m.slot, self.state.truncated + 1))
        copied = Copied(self.state.promised, m.slot, page, self.state.truncated, more)
        return _answer(sender, copied)

    def _on_durable(self, now: float, sender: Address, m: Durable) -> Effects:
        self._trim = m.slot  # lower than before when the learner's disk was begun anew
        return NOTHING

    def _on_applied(self, now: float, sender: Address, m: Applied) -> Effects:
        """Give the disk up if the log has declared it void: another took its place since."""
        epoch = next((v.epoch for v in m.voters if v.replica == self.me), self.state.epoch)
        if epoch > self.state.epoch:
            raise DiskLost(
                f"the log has another disk for this acceptor since epoch {epoch}, "
                f"this one is of epoch {self.state.epoch}"
            )
        return NOTHING

    # --- rules --------------------------------------------------------------------------------

    def open_to(self, ballot: Ballot, now: float) -> bool:
        """Return whether no other's lease keeps us from promising `ballot`."""
        closed = now < self._grant_until or now < self._hold_until
        return not closed or ballot.replica == self.state.promised.replica

    def bound(self, now: float) -> tuple[float, float]:
        """Return for how many seconds yet a grant, and the hold after a start, keep us so."""
        return max(self._grant_until - now, 0.0), max(self._hold_until - now, 0.0)

    def _refusal(self, sender: Address, ballot: Ballot, now: float) -> Refused | None:
        promised = self.state.promised
        if ballot < promised or sender.replica != ballot.replica:
            return Refused(ballot, promised, "ballot")
        if ballot > promised and not self.open_to(ballot, now):
            return Refused(ballot, promised, "lease")
        return None

    def _write(self, **changes: Any) -> Record:
        before = self.state
        changes.setdefault("writes", before.writes + 1)
        changes.setdefault("hold", max(before.hold, self._timing.hold))
        state = replace(before, **changes)
        require(state.promised >= before.promised, "a promise went down")
        require(state.truncated >= before.truncated, "a truncation point went down")
        self.state = state
        return Put("acceptor", "state", state.pack())

    def _page(self, first: int) -> tuple[tuple[AcceptedValue, ...], int]:
        page: list[AcceptedValue] = []
        size = 0
        for slot in sorted(slot for slot in self.accepted if slot >= first):
            ballot, value = self.accepted[slot]
            size += len(value) + 64
            if page and size > self._page_bytes:
                return tuple(page), slot
            page.append(AcceptedValue(slot, ballot, value))
        return tuple(page), 0

    def _learn(self, ballot: Ballot, chosen: int) -> tuple[Envelope, ...]:
        return self._informing.learn(ballot, chosen, self.accepted, self.state.truncated)

    def _learn_rest(self) -> tuple[Envelope, ...]:
        """Inform our learner, before an election, of what it has not heard yet.

        A candidate need not propose it again then, and others need not fetch it: what a new ballot
        announces goes for values accepted at that ballot alone.
        """
        if self.state.chosen <= self._informing.reported:
            return ()
        return self._learn(self.state.chosen_at, self.state.chosen)

    # --- silence ------------------------------------------------------------------------------

    def _fall_silent(self, now: float, sender: Address, m: Prepare | Heartbeat) -> Effects:
        """Ask who says that writes are missing; no vote until that is settled."""
        self._doubt = self._doubt or Doubt(now)
        question = self._doubt.said_by(sender.replica)
        silence = silent(self.me, self.state.promised, "old disk", sender, m)
        return Effects(messages=(*silence.messages, *question), wake_at=now + RETRY)

    def _while_in_doubt(
        self, doubt: Doubt, now: float, sender: Address, message: Message
    ) -> Effects:
        match message:
            case Recalled():
                if message.writes > self.state.writes:
                    raise DiskLost(
                        f"replica {sender.replica} saw {message.writes} writes of this acceptor, "
                        f"its disk has {self.state.writes}"
                    )
                doubt.not_confirmed(sender.replica)
                self._doubt = None if doubt.settled else doubt
            case Prepare() | Heartbeat() if message.seen > self.state.writes:
                return self._fall_silent(now, sender, message)
            case Durable():
                return self._on_durable(now, sender, message)
            case Applied():
                return self._on_applied(now, sender, message)
        return silent(self.me, self.state.promised, "old disk", sender, message)

    # --- rejoin -------------------------------------------------------------------------------

    def _while_recovering(
        self, rejoin: Rejoin, now: float, sender: Address, message: Message
    ) -> Effects:
        match message:
            case Copied():
                return self._take_copy(rejoin, sender, message)
            case Applied():
                rejoin.learned(message.slot, message.voters)
            case Durable() if rejoin.elected(message.slot):
                return self._vote_again(rejoin.epoch, now)
        return silent(self.me, self.state.promised, "recovering", sender, message)

    def _take_copy(self, rejoin: Rejoin, sender: Address, m: Copied) -> Effects:
        again = rejoin.add(sender.replica, m)
        if again:
            return _answer(sender, again)
        if self.state.stage != MUST_COPY or not rejoin.complete:
            return NOTHING
        self.accepted.update(rejoin.accepted)
        rows = tuple(
            accepted_row(slot, ballot, value)
            for slot, (ballot, value) in sorted(rejoin.accepted.items())
        )
        state = self._write(
            promised=max(self.state.promised, rejoin.promised),
            truncated=max(self.state.truncated, rejoin.truncated),
            stage=COPIED,
        )
        rejoin.copied = True
        return Effects((*rows, state), rejoin.wake(0.0).messages)

    def _vote_again(self, epoch: int, now: float) -> Effects:
        require(epoch > self.state.epoch, "a rejoined acceptor would vote in its lost self's epoch")
        self.rejoin = None
        self._informing = self.informing(self.me, self.state.truncated)
        self._trim = self.state.truncated
        # Whatever the lost self granted is unknown, as after any restart.
        self._hold_until = now + max(self.state.hold, self._timing.hold)
        # The new disk counts on from above whatever peers remember of the lost one.
        writes = max(self.state.writes + 1, epoch << EPOCH_SHIFT)
        return Effects((self._write(epoch=epoch, stage=0, writes=writes),))


def _answer(sender: Address, message: Message) -> Effects:
    return Effects(messages=(Envelope(sender, message),))
