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

__all__ = ["ARRIVED", "CUT", "LOST", "UNKNOWN", "Message", "Place", "messages"]

ARRIVED, CUT, LOST, REFUSED, UNKNOWN = "arrived", "cut", "lost", "refused", "unknown"

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
    cuts = {id: _Cuts(ring) for id, ring in rings.rings.items()}
    for (key, goal), place in sent.items():
        if (key, goal) in seen or goal == place[0]:
            continue
        ring, event = rings.rings[place[0]], rings.rings[place[0]].events[place[1]]
        sure = _SENT[(event["role"], event["event"])].sure
        if cuts[place[0]].held(event["time"], place[0], goal):
            fate, why = CUT, "the link is cut"
        elif goal in rings.silent:
            fate, why = UNKNOWN, f"replica {goal} does not answer"
        elif sure and _was_up(rings.rings[goal], ring, event["time"]):
            fate, why = LOST, f"replica {goal} has no record of it"
        else:
            fate, why = UNKNOWN, f"replica {goal} keeps no record of such messages then"
        yield Message(key[0], place[0], goal, event, place, None, fate, why)


def _was_up(receiver: Ring, sender: Ring, at: float) -> bool:
    """Whether a receiver kept what happened at a sender's `at`, and has had time to receive it."""
    ago = sender.now - at
    return 1.0 < ago < receiver.now - receiver.begins


class _Cuts:
    """The links that were cut at a replica, over time."""

    def __init__(self, ring: Ring) -> None:
        self._changes = [
            (event["time"], event["event"] == "cut", found.groups())
            for event in ring.events
            if event["role"] == "links"
            and (found := re.search(r"from=(\d+) to=(\d+)", event["text"]))
        ]

    def held(self, at: float, sender: int, to: int) -> bool:
        """Whether it dropped what `sender` sent to `to` then."""
        pair = (str(sender), str(to))
        of_link = [cut for time, cut, ends in self._changes if ends == pair and time <= at]
        return bool(of_link) and of_link[-1]
