"""A diagram as JSON lines, in the form of simulated runs' traces, so that the lab's page plays it.

Rules: kvrmi/sim/DESIGN.md lists the records. What only the processes knew is not made up: a message
has the fields that its events name, its value is the words that they have for it, and one of which
no event says what became of it is `open`.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from .merged import Diagram, Row
from .messages import ARRIVED, UNKNOWN, Message
from .rings import Event
from .wording import value

__all__ = ["lines"]

FORMAT = 1
APART = 1e-6
"""Seconds between two rows, at least: what has one time is one step."""
NOOP = "AZA="
"""The value that the page knows as a no-op."""


class _Spoken(NamedTuple):
    """The messages of a protocol: roles of sender and receiver; which are lists, and of what."""

    ends: Mapping[str, tuple[str, str]]
    lists: Mapping[str, str] = MappingProxyType({})


_SPOKEN = {
    "paxos": _Spoken(
        {
            "Accept": ("proposer", "acceptor"),
            "Accepted": ("acceptor", "proposer"),
            "Prepare": ("proposer", "acceptor"),
            "PreVote": ("proposer", "acceptor"),
            "CampaignNow": ("proposer", "proposer"),
            "Heartbeat": ("proposer", "proposer"),
            "Forward": ("front", "front"),
            "Forwarded": ("front", "front"),
        }
    ),
    "2pc": _Spoken(
        {
            "Prepare": ("manager", "participant"),
            "Votes": ("participant", "manager"),
            "Go": ("manager", "participant"),
            "Done": ("participant", "manager"),
        },
        {"Prepare": "transactions", "Votes": "votes", "Go": "decisions", "Done": "results"},
    ),
}
"""By engine, where it is known. Of Prepare and Votes of 2pc events name no numbers."""
_ENDS = {"failed": False, "restarted": True}


def lines(diagram: Diagram) -> Iterator[str]:
    """Make all lines, without their ends."""
    return (json.dumps(record, ensure_ascii=False) for record in _Records(diagram).all())


class _Records:
    def __init__(self, diagram: Diagram) -> None:
        self._diagram = diagram
        self._rings = diagram.rings
        self._spoken = _SPOKEN.get(self._rings.engine, _SPOKEN["paxos"])
        self._ids: dict[int, int] = {}
        """Number of each message, by the identity of its object."""
        self._words: dict[str, str] = {}
        self._values = _values(diagram)
        self._cuts: set[tuple[int, int, int]] = set()
        """At which replica, from, to."""
        self._open: list[Message] = []
        self._first = diagram.rows[0].at

    def all(self) -> Iterator[Mapping[str, Any]]:
        """Make a record after the other."""
        yield {
            "kind": "run",
            "format": FORMAT,
            "protocol": self._rings.engine,
            "live": True,
            "about": _about(self._diagram),
        }
        yield from self._begun()
        at = 0.0
        for row in self._diagram.rows:
            for step in self._steps(row):
                at = max(row.at - self._first, at + APART)
                yield from ({**record, "at": round(at, 6)} for record in step)
        if self._open:
            fates = ({"id": self._ids[id(one)], "why": one.why} for one in self._open)
            yield from ({"kind": "fate", "at": round(at, 6), "fate": "open", **f} for f in fates)
        yield {"kind": "values", "words": self._words}
        yield {"kind": "end", "violation": ""}

    def _begun(self) -> Iterator[Mapping[str, Any]]:
        """Say who was there, and which messages are older than the first row."""
        roles = sorted({role for ring in self._rings.rings.values() for role in ring.roles})
        yield {"kind": "began", "at": 0.0, "replicas": list(self._rings.ids), "roles": roles}
        later = {row.replica for row in self._diagram.rows if row.event["event"] == "started"}
        for replica in self._rings.rings.keys() - later:
            yield from ({**one, "at": 0.0} for one in self._lives(replica))
        yield from ({**one, "at": 0.0} for one in self._known_before())
        shown = {id(message) for row in self._diagram.rows for message in row.left}
        for row in self._diagram.rows:
            if row.came is not None and row.came.sent and id(row.came) not in shown:
                yield {"kind": "left", "at": 0.0, **self._left(0, [row.came])}

    def _known_before(self) -> Iterator[Mapping[str, Any]]:
        """Say what the rows before the first one leave: of roles, of links, of their states."""
        states: dict[str, dict[str, Any]] = {}
        lives: dict[tuple[int, str], Mapping[str, Any]] = {}
        for row in self._diagram.earlier:
            for state in _reported(row):
                states.setdefault(state["who"], {}).update(state["fields"])
            if row.event["event"] in _ENDS:
                lives[row.replica, row.event["role"]] = _ended(row)
            self._note_cut(row)
        yield from lives.values()
        yield from ({"kind": "state", "who": who, "fields": held} for who, held in states.items())
        if self._cuts:
            yield self._links()

    def _lives(self, replica: int) -> Iterator[Mapping[str, Any]]:
        for role, incarnation in self._rings.rings[replica].roles.items():
            yield _life(replica, role, True, incarnation)

    def _steps(self, row: Row) -> Iterator[Iterator[Mapping[str, Any]]]:
        """Make a row's step, and one before it for a message whose leaving no event shows."""
        if row.came is not None and id(row.came) not in self._ids:
            yield iter([{"kind": "left", **self._left(0, [row.came])}])
        yield self._row(row)

    def _row(self, row: Row) -> Iterator[Mapping[str, Any]]:
        cause = 0
        if row.came is not None:
            cause = self._ids[id(row.came)]
            yield {"kind": "fate", "id": cause, "fate": ARRIVED}
        if row.left:
            yield {"kind": "left", **self._left(cause, row.left)}
        event = row.event
        if event["event"] == "started":
            text = f"started, {event['text']}"
            yield {"kind": "happened", "who": row.replica, "what": "process", "text": text}
            yield from self._lives(row.replica)
            return
        if event["event"] in _ENDS:
            yield _ended(row)
        yield {"kind": "acted", "replica": row.replica, "cause": cause, "event": dict(event)}
        yield from _reported(row)
        before = self._links()
        self._note_cut(row)
        if self._links() != before:
            yield self._links()
        for message in row.left:
            if message.fate not in (ARRIVED, UNKNOWN):
                yield self._fate(message)

    def _fate(self, message: Message) -> Mapping[str, Any]:
        id_ = self._ids[id(message)]
        return {"kind": "fate", "id": id_, "fate": message.fate, "why": message.why}

    def _left(self, cause: int, left: Sequence[Message]) -> Mapping[str, Any]:
        mail = [self._mail(message) for message in left]
        return {"who": mail[0][0], "cause": cause, "mail": [one for _, one in mail]}

    def _mail(self, message: Message) -> tuple[str, Mapping[str, Any]]:
        number = self._ids.setdefault(id(message), len(self._ids) + 1)
        if message.fate == UNKNOWN:
            self._open.append(message)
        sender, to = self._spoken.ends[message.kind]
        fields = self._fields(message)
        mail = {"id": number, "to": f"r{message.to}.{to}", "type": message.kind, "fields": fields}
        return f"r{message.sender}.{sender}", mail

    def _fields(self, message: Message) -> Mapping[str, Any]:
        about = message.about
        found: dict[str, Any] = {}
        if about["slot"]:
            found["slot"] = about["slot"]
        if about["ballot"]:
            found["ballot"] = _ballot(about["ballot"])
        if about["request"]:
            found["number"] = about["request"]
        if message.kind == "Accept":
            words = self._values.get((about["slot"], about["ballot"]), "not known")
            found["value"] = {"b64": self._spelt(words)}
        listed = self._spoken.lists.get(message.kind)
        if listed is not None:
            ends = [self._rings.rings[one[0]].events[one[1]] for one in (message.sent,) if one]
            found[listed] = _of_transactions(message.kind, [*ends, about])
        return found

    def _spelt(self, words: str) -> str:
        spelt = NOOP if words == "no-op" else b64encode(words.encode()).decode()
        self._words[spelt] = words
        return spelt

    def _note_cut(self, row: Row) -> None:
        """Note a cut at one end, or that it ended there."""
        if row.event["event"] not in ("cut", "healed"):
            return
        one, other = (int(part.partition("=")[2]) for part in row.event["text"].split()[1:3])
        change = self._cuts.add if row.event["event"] == "cut" else self._cuts.discard
        change((row.replica, one, other))

    def _links(self) -> Mapping[str, Any]:
        return {"kind": "links", "cut": sorted({pair[1:] for pair in self._cuts})}


def _of_transactions(kind: str, events: Sequence[Event]) -> list[Mapping[str, Any]]:
    """Find the transactions that a message decides, and how, in the events of its two ends."""
    known = [
        event["text"]
        for event in events
        if "COMMIT" in event["text"] or "GO ABORT" in event["text"]
    ]
    found = re.search(r"transactions?=([\d,]+)", known[0]) if known else None
    if kind not in ("Go", "Done") or found is None:
        return []
    did = "commit" if kind == "Go" else "committed"
    numbers = [int(one) for one in found[1].strip(",").split(",")]
    return [{"number": one, did: "COMMIT" in known[0]} for one in numbers]


def _about(diagram: Diagram) -> str:
    silent = diagram.rings.silent
    lacking = f"; of replica {', '.join(map(str, silent))} nothing is known" if silent else ""
    return f"a running cluster, from its replicas' events{lacking}"


def _values(diagram: Diagram) -> dict[tuple[int, str], str]:
    """Find the words for what was proposed, by slot and ballot."""
    rings = diagram.rings.rings.values()
    events = (event for ring in rings for event in ring.events if event["event"] == "propose")
    return {(event["slot"], event["ballot"]): value(event) for event in events}


def _ended(row: Row) -> dict[str, Any]:
    """Make the record of a role's end or start."""
    event = row.event
    incarnation = int(event["text"].rpartition("=")[2])
    return _life(row.replica, event["role"], _ENDS[event["event"]], incarnation)


def _life(replica: int, role: str, up: bool, incarnation: int) -> dict[str, Any]:
    return {"kind": "life", "who": f"r{replica}.{role}", "up": up, "incarnation": incarnation}


def _ballot(text: str) -> Mapping[str, int]:
    number, _, owner = text.partition(".")
    return {"round": int(number), "replica": int(owner)}


def _reported(row: Row) -> Iterator[Mapping[str, Any]]:
    """Show what an event says of its role's state, as the role would report it."""
    event, replica = row.event, row.replica
    mine = event["peer"] == replica
    match event["event"]:
        case "promise":
            about = event["text"].replace("promise ballot=", "promised=")
            yield _state(replica, "acceptor", {"about": about.replace(f" to={event['peer']}", "")})
        case "leads":
            ballot = [*_ballot(event["ballot"]).values()]
            role = "leader" if mine else "follower"
            yield _state(replica, "proposer", {"role": role, "ballot": ballot})
        case "leads no more" if mine:
            yield _state(replica, "proposer", {"role": "follower", "ballot": None})
        case "chosen":
            yield _state(replica, "learner", {"chosen": event["slot"]})
        case "commit":
            yield _state(replica, "learner", {"chosen": event["slot"], "applied": event["slot"]})


def _state(replica: int, role: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"kind": "state", "who": f"r{replica}.{role}", "fields": fields}
