"""Which messages replicas' events are evidence of: who sent what to whom, and what came of it.

Rules: an event is evidence that a message left, or that one came, or of both; messages are matched
by what makes them the same one (slot and ballot, a number). What no event shows is not claimed: a
message of which there is no sign is cut, lost or unknown, by what is known of link and receiver.
It reads no clock; times are each replica's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from .rings import Event, Ring, Rings

__all__ = ["ARRIVED", "CUT", "LOST", "REFUSED", "UNKNOWN", "Message", "Place", "messages"]

ARRIVED, CUT, LOST, REFUSED, UNKNOWN = "arrived", "cut", "lost", "refused", "unknown"

_TIME = 1.0
"""Seconds that a message may take, until which it is not called lost."""
_TAKES = "acceptor"
"""The role that takes what is reported by whoever takes it: Prepare, Accept."""
ONCE = 2.0
"""Seconds beyond which what came is not what was sent first: it was sent again."""

Place: TypeAlias = tuple[int, int]
"""An event: replica, and index in its ring."""
_Key: TypeAlias = tuple[str, int, tuple[object, ...]]
"""Kind, sender, and what makes a message this one."""


class Message(NamedTuple):
    """A message between two replicas, or two roles of one."""

    kind: str
    sender: int
    to: int
    about: Event
    """An event that names its slot, ballot or number."""
    sent: Place | None
    """None: no event shows when it left."""
    came: Place | None
    fate: str
    why: str = ""


class _Sign(NamedTuple):
    """What an event is evidence of: a message of this kind, which `same` identifies."""

    kind: str
    same: Callable[[Event], tuple[object, ...]]
    to_all: bool = False
    sure: bool = False
    """Whether its receiver always reports it, so that no report means that it did not arrive."""


def _slot(event: Event) -> tuple[object, ...]:
    return event["slot"], event["ballot"]


def _ballot(event: Event) -> tuple[object, ...]:
    return (event["ballot"],)


def _number(event: Event) -> tuple[object, ...]:
    return (event["request"],)


def _named(word: str) -> Callable[[Event], tuple[object, ...]]:
    pattern = re.compile(rf"\b{word}=(\d+)")

    def same(event: Event) -> tuple[object, ...]:
        found = pattern.search(event["text"])
        return (int(found[1]) if found else 0,)

    return same


_SENT: Mapping[tuple[str, str], _Sign] = {
    ("proposer", "campaign"): _Sign("Prepare", _ballot, to_all=True, sure=True),
    ("proposer", "propose"): _Sign("Accept", _slot, to_all=True, sure=True),
    ("proposer", "leads"): _Sign("Heartbeat", _ballot, to_all=True),
    ("proposer", "leads no more"): _Sign("CampaignNow", _ballot),
    ("acceptor", "accept"): _Sign("Accepted", _slot),
    ("front", "forward to"): _Sign("Forward", _number),
    ("front", "forward from"): _Sign("Forwarded", _number),
    ("manager", "prepare"): _Sign("Prepare", _number, to_all=True),
    ("participant", "vote"): _Sign("Votes", _named("round")),
    ("manager", "go"): _Sign("Go", _number),
    ("participant", "go"): _Sign("Done", _named("transaction")),
}
"""By role and event."""

_CAME: Mapping[tuple[str, str], _Sign] = {
    ("acceptor", "pre-voted"): _Sign("PreVote", _ballot),
    ("acceptor", "promise"): _Sign("Prepare", _ballot),
    ("acceptor", "accept"): _Sign("Accept", _slot),
    ("proposer", "accepted"): _Sign("Accepted", _slot),
    ("proposer", "leads"): _Sign("Heartbeat", _ballot),
    ("proposer", "hand-over"): _Sign("CampaignNow", _ballot),
    ("front", "forward from"): _Sign("Forward", _number),
    ("front", "forward answered"): _Sign("Forwarded", _number),
    ("participant", "vote"): _Sign("Prepare", _named("round")),
    ("manager", "votes"): _Sign("Votes", _number),
    ("participant", "go"): _Sign("Go", _named("transaction")),
    ("manager", "go-ack"): _Sign("Done", _number),
}


def messages(rings: Rings) -> list[Message]:
    """Find all; those of which it is not known that they came are last."""
    sent = dict(_departures(rings))
    found, seen = [], set()
    for place, event in _places(rings):
        sign = _arrival(event)
        sender = event["peer"]
        if sign is None or not sender or (sender == place[0] and sign.kind == "Heartbeat"):
            continue
        key = (sign.kind, sender, sign.same(event))
        left = sent.get((key, place[0]))
        seen.add((key, place[0]))
        if left is not None and _between(rings, left, place) > ONCE:
            left = None
        found.append(Message(sign.kind, sender, place[0], event, left, place, ARRIVED))
    return [*found, *_vanished(rings, sent, seen)]


def _between(rings: Rings, sent: Place, came: Place) -> float:
    """Seconds from one event to the other, about: both replicas were asked at about one time."""
    ago = [
        rings.rings[id].now - float(rings.rings[id].events[index]["time"])
        for id, index in (sent, came)
    ]
    return ago[0] - ago[1]


def _places(rings: Rings) -> Iterator[tuple[Place, Event]]:
    for id, ring in rings.rings.items():
        yield from (((id, index), event) for index, event in enumerate(ring.events))


def _arrival(event: Event) -> _Sign | None:
    if event["event"] == "refuse":  # what it refuses is a slot's, or a whole ballot's
        return _Sign("Accept", _slot) if event["slot"] else _Sign("Prepare", _ballot)
    return _CAME.get((event["role"], event["event"]))


def _departures(rings: Rings) -> Iterator[tuple[tuple[_Key, int], Place]]:
    for place, event in _places(rings):
        sign = _SENT.get((event["role"], event["event"]))
        if sign is None or not _is_own(place[0], event):
            continue
        goals = _goals(rings, place[0], event, sign)
        key = (sign.kind, place[0], sign.same(event))
        yield from (((key, goal), place) for goal in goals if goal)


def _is_own(replica: int, event: Event) -> bool:
    """Whether an event about a leader is of its own doing."""
    if event["event"] == "leads no more":
        return bool(event["peer"] == replica) and "handed over" in event["text"]
    return event["event"] != "leads" or bool(event["peer"] == replica)


def _goals(rings: Rings, sender: int, event: Event, sign: _Sign) -> Iterable[int]:
    if sign.to_all:
        return rings.ids
    handed = re.search(r"handed over to replica (\d+)", event["text"])
    return [int(handed[1]) if handed else event["peer"]]


def _vanished(
    rings: Rings, sent: Mapping[tuple[_Key, int], Place], seen: set[tuple[_Key, int]]
) -> Iterator[Message]:
    """Find messages of which there is no sign at their receiver."""
    known = {id: _Known(ring) for id, ring in rings.rings.items()}
    for (key, goal), place in sent.items():
        if (key, goal) in seen or goal == place[0]:
            continue
        event = rings.rings[place[0]].events[place[1]]
        sure = _SENT[(event["role"], event["event"])].sure
        fate, why = _fate(known, place[0], goal, event["time"], sure=sure)
        yield Message(key[0], place[0], goal, event, place, None, fate, why)


def _fate(
    known: Mapping[int, _Known], sender: int, goal: int, at: float, *, sure: bool
) -> tuple[str, str]:
    """Say what became of a message that left at a sender's `at`, and why."""
    if known[sender].has_cut(at, sender, goal):
        return CUT, "the link is cut"
    if goal not in known:
        return UNKNOWN, f"replica {goal} does not answer"
    ago = known[sender].ring.now - at
    receiver = known[goal].ring
    then = receiver.now - ago
    if sure and known[goal].is_down(_TAKES, then):
        return REFUSED, f"the {_TAKES} of replica {goal} is down"
    # It kept what happened then, and has had time to receive it.
    if sure and ago > _TIME and then > receiver.begins:
        return LOST, f"replica {goal} has no record of it"
    return UNKNOWN, f"replica {goal} keeps no record of such messages then"


class _Known:
    """What a replica's events say of its links and roles, over time."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self._cuts = [
            (event["time"], event["event"] == "cut", ends.groups())
            for event in ring.events
            if event["role"] == "links"
            and (ends := re.search(r"from=(\d+) to=(\d+)", event["text"]))
        ]
        self._lives = [
            (event["time"], event["event"] == "failed", event["role"])
            for event in ring.events
            if event["event"] in ("failed", "restarted")
        ]

    def has_cut(self, at: float, sender: int, to: int) -> bool:
        """Whether it dropped what `sender` sent to `to` then."""
        return _last(self._cuts, at, (str(sender), str(to)))

    def is_down(self, role: str, at: float) -> bool:
        """Whether this role of it was down then."""
        return _last(self._lives, at, role)


def _last(changes: Iterable[tuple[float, bool, object]], at: float, of: object) -> bool:
    """Whether the last change of something, at or before a time, is one for the worse."""
    found = [bad for time, bad, what in changes if what == of and time <= at]
    return bool(found) and found[-1]
