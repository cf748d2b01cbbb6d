"""Prints a scenario as it happens: what the roles did that matters, in words, one line an event.

Rules: a vote is printed when it leaves, its record being durable; heartbeats, their answers and
what follows from them unseen are left out; the same question or refusal is printed once a step
of the script. It looks and never touches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ...operations.commands import decode_command, decode_question
from ...paxos.acceptor import Acceptor
from ...paxos.ballot import Ballot
from ...paxos.learner import Learner
from ...paxos.messages import (
    Accept,
    Accepted,
    Applied,
    CampaignNow,
    Chosen,
    Copied,
    Copy,
    Enter,
    Fetch,
    FetchSnapshot,
    Forward,
    Leading,
    Prepare,
    PreVote,
    PreVoted,
    Promise,
    Refused,
    Release,
)
from ...paxos.proposer import Proposer
from ...roles.contract import Envelope
from ...state.log import unpack_batch

if TYPE_CHECKING:
    from ..replica import Replica
    from ..world import World

__all__ = ["START", "Printer", "in_words"]

START = 1.0
"""Virtual time at which every world begins; scenarios count from there."""

UNREPORTED = "; nothing unsynced"
STOPS = ("paused", "resumed")
"""What becomes of a process that keeps its memory."""


class Printer:
    """Writes the events of one scenario; an Onlooker (trace.py)."""

    def __init__(self, write: Callable[[str], None]) -> None:
        """`write` takes a line without its end."""
        self.muted = True
        """Nothing is printed; what was missed is not printed later."""
        self._write = write
        self._reported: set[str] = set()
        self._leads: dict[int, Ballot] = {}
        self._leases: set[int] = set()
        self._recovering: set[int] = set()
        self._learners: dict[int, tuple[Learner, int]] = {}
        self._on: dict[type, Callable[[Replica, Any, str], str]] = {
            Accepted: _accepted,
            CampaignNow: _campaign_now,
            Chosen: _chosen,
            Enter: _enter,
            Promise: _promise,
        }
        self._once: dict[type, Callable[[Replica, Any, str], str]] = {
            Copied: _copied,
            Copy: _copy,
            Fetch: _fetch,
            FetchSnapshot: _fetch_snapshot,
            Forward: _forward,
            Refused: _refused,
            Release: _release,
        }

    def say(self, now: float, what: str) -> None:
        """Print something that happened."""
        if not self.muted:
            self._write(f"{now - START:9.3f}  {what}")

    def say_once(self, now: float, what: str, about: str = "") -> None:
        """Print it unless that, or something else `about` the same, was printed in this step."""
        if what and (about or what) not in self._reported:
            self._reported.add(about or what)
            self.say(now, what)

    def step(self) -> None:
        """Begin a step of the script: what was printed once may be printed again."""
        self._reported.clear()

    def happened(self, now: float, who: int | str, what: str, text: str) -> None:
        """Print what became of a process or a role."""
        if isinstance(who, int):
            if what in ("process", "proposer") and text not in STOPS:
                self._leads.pop(who, None)
            called = "replica" if what == "process" else what
            self.say(now, f"{called} {who} {text}".replace(UNREPORTED, ""))

    def left(self, replica: Replica, name: str, messages: tuple[Envelope, ...]) -> None:
        """Print the messages that leave a role."""
        now = replica.world.now
        for message in (envelope.message for envelope in messages):
            if isinstance(message, Leading):
                self._print_leading(replica, message)
        self._print_sent(replica, messages)
        for envelope in messages:
            to, message = envelope.to, envelope.message
            kind = type(message)
            if isinstance(message, Applied):
                self._print_applied(replica)
            elif kind in self._on:
                self.say(now, self._on[kind](replica, message, str(to.replica)))
            elif kind in self._once:
                self.say_once(now, self._once[kind](replica, message, str(to.replica)))
            elif isinstance(message, PreVoted) and not message.granted:
                self.say_once(now, _pre_voted(replica, message), f"pre-voted {replica.me}")

    def look(self, world: World) -> None:
        """Print what no message shows: leases, and voters that came back."""
        for me, replica in world.replicas.items():
            self._look_at_lease(world.now, me, replica)
            acceptor = replica.role(Acceptor)
            if acceptor is not None and acceptor.recovering:
                self._recovering.add(me)
            elif acceptor is not None and me in self._recovering:
                self._recovering.discard(me)
                epoch = acceptor.state.epoch
                self.say(world.now, f"acceptor {me} is a voter again, in epoch {epoch}")

    def _look_at_lease(self, now: float, me: int, replica: Replica) -> None:
        proposer = replica.role(Proposer)
        if proposer is not None and proposer.may_read(replica.clock()):
            if me not in self._leases:
                self._leases.add(me)
                self.say(now, f"replica {me} has the lease: it may answer reads alone")
        elif me in self._leases:
            self._leases.discard(me)
            self.say(now, f"replica {me} has no lease any more")

    def _print_sent(self, replica: Replica, messages: tuple[Envelope, ...]) -> None:
        """Print questions that go to several acceptors in one line."""
        asked: dict[PreVote | Prepare | Accept, list[int]] = {}
        for envelope in messages:
            to, message = envelope.to, envelope.message
            if isinstance(message, PreVote | Accept):
                asked.setdefault(message, []).append(to.replica)
            elif isinstance(message, Prepare):
                asked.setdefault(replace(message, seen=0), []).append(to.replica)
        for question, whom in asked.items():
            reported = f"proposer {replica.me} asks {_all(sorted(whom))} {_asked(question)}"
            if isinstance(question, Accept):
                self.say(replica.world.now, reported)
            else:
                pre_vote = isinstance(question, PreVote)
                self.say_once(
                    replica.world.now, reported, f"{replica.me}?" if pre_vote else reported
                )

    def _print_leading(self, replica: Replica, m: Leading) -> None:
        me, now = replica.me, replica.world.now
        known = self._leads.pop(me, None)
        if m.leader == me:
            self._leads[me] = m.ballot
            if known != m.ballot:
                self.say(now, f"proposer {me} leads at {_ballot(m.ballot)}")
        elif known is not None:
            self.say(now, f"proposer {me} leads no more")

    def _print_applied(self, replica: Replica) -> None:
        learner, me, now = replica.role(Learner), replica.me, replica.world.now
        if learner is None:
            return
        known, before = self._learners.get(me, (None, 0))
        self._learners[me] = (learner, learner.applied)
        slots = _slots(before + 1, learner.applied)
        if known is not learner:
            if learner.applied:
                self.say(now, f"learner {me} has {_slots(1, learner.applied)} from its disk")
        elif learner.restored and learner.restored.slot > before:
            upto, peer, keys = learner.restored[:3]
            self.say(now, f"learner {me} takes {peer}'s snapshot: slots up to {upto}, {keys} keys")
        elif learner.applied > before and me not in self._leads:
            self.say(now, f"learner {me} learns {slots}")


# --- messages in words ----------------------------------------------------------------------------


def in_words(value: bytes) -> str:
    """Describe a slot's value: its commands, or "no-op"."""
    return "; ".join(map(_command, unpack_batch(value))) or "no-op"


def _command(payload: bytes) -> str:
    name, id, args = decode_command(payload)
    if name == "voter":
        return f"VOTER {args[0]} epoch {args[1]} {args[2]}"
    session = f" ({id[0]} {id[1]})" if len(id) == 2 else ""
    return " ".join((name, *map(_arg, args))) + session


def _arg(arg: object) -> str:
    if isinstance(arg, tuple):
        return ", ".join(" ".join(map(str, item)) for item in arg)
    return "none" if arg is None else str(arg)


def _ballot(ballot: tuple[int, int]) -> str:
    return f"{ballot[0]}.{ballot[1]}"


def _all(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _slots(first: int, last: int) -> str:
    return f"slot {last}" if first == last else f"slots {first} to {last}"


def _asked(m: PreVote | Prepare | Accept) -> str:
    if isinstance(m, Accept):
        return f"to accept {_ballot(m.ballot)} slot {m.slot}: {in_words(m.value)}"
    if isinstance(m, Prepare):
        return f"to promise {_ballot(m.ballot)} from slot {m.slot} on"
    return f"whether they would promise {_ballot(m.ballot)}"


def _pre_voted(replica: Replica, m: PreVoted) -> str:
    return f"acceptor {replica.me} would not; it is bound to {_ballot(m.promised)}"


def _promise(replica: Replica, m: Promise, to: str) -> str:
    had = (f"slot {a.slot} at {_ballot(a.ballot)} {in_words(a.value)}" for a in m.accepted)
    accepted = ", ".join(had)
    forgotten = f"; up to slot {m.truncated} all is chosen and forgotten" if m.truncated else ""
    report = f"; it accepted {accepted}" if accepted else ""
    return f"acceptor {replica.me} promises {_ballot(m.ballot)}{report}{forgotten}"


def _accepted(replica: Replica, m: Accepted, to: str) -> str:
    return f"acceptor {replica.me} accepts {_ballot(m.ballot)} slot {m.slot}"


def _refused(replica: Replica, m: Refused, to: str) -> str:
    promised = _ballot(m.promised)
    why = {
        "ballot": f"it has promised {promised}",
        "lease": f"it has granted a lease at {promised}, or may have before its restart",
        "recovering": "it lost its disk and must not vote",
        "truncated": "that slot is chosen and forgotten here",
        "lease length": "it grants leases of another length",
        "old disk": "it is said to have an old copy of its disk, and asks whether that is so",
    }[m.reason]
    return f"acceptor {replica.me} refuses {_ballot(m.ballot)} of {to}: {why}"


def _release(replica: Replica, m: Release, to: str) -> str:
    return f"proposer {replica.me} gives {_ballot(m.ballot)} up for good: grants at it end"


def _campaign_now(replica: Replica, m: CampaignNow, to: str) -> str:
    return f"proposer {replica.me} asks {to} to campaign now"


def _chosen(replica: Replica, m: Chosen, to: str) -> str:
    slot, ballot, acceptors, value = m.entry
    by = _all(acceptors)
    return f"slot {slot} is chosen at {_ballot(ballot)} by {by}: {in_words(value)}"


def _copy(replica: Replica, m: Copy, to: str) -> str:
    return f"acceptor {replica.me} asks {to} for a copy of what it accepted"


def _copied(replica: Replica, m: Copied, to: str) -> str:
    slots = _all(a.slot for a in m.accepted) or "none"
    return f"acceptor {replica.me} sends {to} what it accepted: slots {slots}"


def _enter(replica: Replica, m: Enter, to: str) -> str:
    _, epoch, _ = m.args
    return f"acceptor {replica.me} wants the log to name it a voter in epoch {epoch}"


def _fetch(replica: Replica, m: Fetch, to: str) -> str:
    return f"learner {replica.me} asks {to} for slots from {m.slot} on"


def _fetch_snapshot(replica: Replica, m: FetchSnapshot, to: str) -> str:
    return "" if m.page else f"learner {replica.me} asks {to} for a snapshot"


def _forward(replica: Replica, m: Forward, to: str) -> str:
    requests = "; ".join(
        _question(request.payload) if request.reads else _command(request.payload)
        for request in m.requests
    )
    return f"replica {replica.me} forwards to {to}: {requests}"


def _question(payload: bytes) -> str:
    name, args = decode_question(payload)
    return " ".join((name, *map(_arg, args)))
