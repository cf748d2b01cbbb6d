"""Prints a scenario as it happens: what the roles did that matters, in words, one line an event.

Rules: it is made of a run's records (seen.py), as traces are; a vote is printed when it leaves, its
record being durable; heartbeats, their answers and what follows from them unseen are left out; the
same question or refusal is printed once a step of the script. It looks and never touches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ...operations.commands import decode_command, decode_question
from ...paxos.acceptor import Acceptor
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
    Prepare,
    PreVote,
    PreVoted,
    Promise,
    Refused,
    Release,
)
from ...paxos.proposer import Proposer
from ...state.log import unpack_batch
from ..seen import Acted, Happened, Left, Life, Seen, State

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
    """Writes the events of one scenario; an Onlooker (seen.py)."""

    def __init__(self, write: Callable[[str], None]) -> None:
        """`write` takes a line without its end."""
        self.muted = True
        """Nothing is printed; what was missed is not printed later."""
        self._write = write
        self._reported: set[str] = set()
        self._leads: set[int] = set()
        self._leases: set[int] = set()
        self._recovering: set[int] = set()
        self._learned: dict[int, dict[str, Any]] = {}
        """What each learner last reported of itself."""
        self._applied: dict[int, int] = {}
        """Up to where it was printed what each learner applied; none for one that just came up."""
        self._on: dict[type, Callable[[int, Any, str], str]] = {
            Accepted: _accepted,
            CampaignNow: _campaign_now,
            Chosen: _chosen,
            Enter: _enter,
            Promise: _promise,
        }
        self._once: dict[type, Callable[[int, Any, str], str]] = {
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

    def __call__(self, seen: Seen) -> None:
        """Print what is worth a line."""
        if isinstance(seen, Left):
            if seen.who.role != "host":
                self._print_left(seen)
        elif isinstance(seen, Happened):
            self._print_happened(seen)
        elif isinstance(seen, Acted):
            self._print_leader(seen)
        elif isinstance(seen, State) and seen.who.role == "learner":
            self._learned.setdefault(seen.who.replica, {}).update(seen.fields)
        elif isinstance(seen, Life) and seen.who.role == "learner":
            self._applied.pop(seen.who.replica, None)

    def _print_happened(self, seen: Happened) -> None:
        """Print what became of a process or a role."""
        if isinstance(seen.who, int):
            if seen.what in ("process", "proposer") and seen.text not in STOPS:
                self._leads.discard(seen.who)
            called = "replica" if seen.what == "process" else seen.what
            self.say(seen.at, f"{called} {seen.who} {seen.text}".replace(UNREPORTED, ""))

    def _print_leader(self, seen: Acted) -> None:
        me, event = seen.replica, seen.event
        if event.event == "leads" and event.peer == me:
            self._leads.add(me)
            self.say(seen.at, f"proposer {me} leads at {event.ballot}")
        elif event.event == "leads no more" and me in self._leads:
            self._leads.discard(me)
            self.say(seen.at, f"proposer {me} leads no more")

    def _print_left(self, seen: Left) -> None:
        """Print the messages that leave a role."""
        me = seen.who.replica
        self._print_sent(seen)
        for mail in seen.mail:
            to, message = str(mail.to.replica), mail.message
            kind = type(message)
            if isinstance(message, Applied):
                self._print_applied(seen.at, me)
            elif kind in self._on:
                self.say(seen.at, self._on[kind](me, message, to))
            elif kind in self._once:
                self.say_once(seen.at, self._once[kind](me, message, to))
            elif isinstance(message, PreVoted) and not message.granted:
                self.say_once(seen.at, _pre_voted(me, message), f"pre-voted {me}")

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

    def _print_sent(self, seen: Left) -> None:
        """Print questions that go to several acceptors in one line."""
        me = seen.who.replica
        asked: dict[PreVote | Prepare | Accept, list[int]] = {}
        for to, message in ((mail.to, mail.message) for mail in seen.mail):
            if isinstance(message, PreVote | Accept):
                asked.setdefault(message, []).append(to.replica)
            elif isinstance(message, Prepare):
                asked.setdefault(replace(message, seen=0), []).append(to.replica)
        for question, whom in asked.items():
            reported = f"proposer {me} asks {_all(sorted(whom))} {_asked(question)}"
            if isinstance(question, Accept):
                self.say(seen.at, reported)
            else:
                pre_vote = isinstance(question, PreVote)
                self.say_once(seen.at, reported, f"{me}?" if pre_vote else reported)

    def _print_applied(self, now: float, me: int) -> None:
        learned, before = self._learned[me], self._applied.get(me)
        applied, restored = learned["applied"], learned["restored"]
        self._applied[me] = applied
        if before is None:
            if applied:
                self.say(now, f"learner {me} has {_slots(1, applied)} from its disk")
        elif restored and restored["slot"] > before:
            upto, peer, keys = restored["slot"], restored["peer"], restored["keys"]
            self.say(now, f"learner {me} takes {peer}'s snapshot: slots up to {upto}, {keys} keys")
        elif applied > before and me not in self._leads:
            self.say(now, f"learner {me} learns {_slots(before + 1, applied)}")


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


def _pre_voted(me: int, m: PreVoted) -> str:
    return f"acceptor {me} would not; it is bound to {_ballot(m.promised)}"


def _promise(me: int, m: Promise, to: str) -> str:
    had = (f"slot {a.slot} at {_ballot(a.ballot)} {in_words(a.value)}" for a in m.accepted)
    accepted = ", ".join(had)
    forgotten = f"; up to slot {m.truncated} all is chosen and forgotten" if m.truncated else ""
    report = f"; it accepted {accepted}" if accepted else ""
    return f"acceptor {me} promises {_ballot(m.ballot)}{report}{forgotten}"


def _accepted(me: int, m: Accepted, to: str) -> str:
    return f"acceptor {me} accepts {_ballot(m.ballot)} slot {m.slot}"


def _refused(me: int, m: Refused, to: str) -> str:
    promised = _ballot(m.promised)
    why = {
        "ballot": f"it has promised {promised}",
        "lease": f"it has granted a lease at {promised}, or may have before its restart",
        "recovering": "it lost its disk and must not vote",
        "truncated": "that slot is chosen and forgotten here",
        "lease length": "it grants leases of another length",
        "old disk": "it is said to have an old copy of its disk, and asks whether that is so",
    }[m.reason]
    return f"acceptor {me} refuses {_ballot(m.ballot)} of {to}: {why}"


def _release(me: int, m: Release, to: str) -> str:
    return f"proposer {me} gives {_ballot(m.ballot)} up for good: grants at it end"


def _campaign_now(me: int, m: CampaignNow, to: str) -> str:
    return f"proposer {me} asks {to} to campaign now"


def _chosen(me: int, m: Chosen, to: str) -> str:
    slot, ballot, acceptors, value = m.entry
    by = _all(acceptors)
    return f"slot {slot} is chosen at {_ballot(ballot)} by {by}: {in_words(value)}"


def _copy(me: int, m: Copy, to: str) -> str:
    return f"acceptor {me} asks {to} for a copy of what it accepted"


def _copied(me: int, m: Copied, to: str) -> str:
    slots = _all(a.slot for a in m.accepted) or "none"
    return f"acceptor {me} sends {to} what it accepted: slots {slots}"


def _enter(me: int, m: Enter, to: str) -> str:
    _, epoch, _ = m.args
    return f"acceptor {me} wants the log to name it a voter in epoch {epoch}"


def _fetch(me: int, m: Fetch, to: str) -> str:
    return f"learner {me} asks {to} for slots from {m.slot} on"


def _fetch_snapshot(me: int, m: FetchSnapshot, to: str) -> str:
    return "" if m.page else f"learner {me} asks {to} for a snapshot"


def _forward(me: int, m: Forward, to: str) -> str:
    requests = "; ".join(
        _question(request.payload) if request.reads else _command(request.payload)
        for request in m.requests
    )
    return f"replica {me} forwards to {to}: {requests}"


def _question(payload: bytes) -> str:
    name, args = decode_question(payload)
    return " ".join((name, *map(_arg, args)))
