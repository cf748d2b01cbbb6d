"""What happened in the cluster, a line each: from the replicas' events, and from what looks show.

Rules: what several replicas report of one thing is one line; what a replica reports of itself comes
from its own events where those can be read (they need the secret), else it is seen in the looks. A
process's end and start are always seen so. Times are seconds of the wall clock. It asks nobody.
"""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from kvrmi.access.links import Pair, described, named
from kvrmi.cluster.status import ReplicaEntry

__all__ = ["DOWN", "SILENT", "Happening", "Happenings", "answers"]

DOWN, SILENT = "down", "not answering"
"""States of a replica that does not answer: nobody listens there, or somebody may."""
KEPT = 500
TOGETHER = 2.0
"""Seconds within which cuts, or their ends, are one line: each is made at two replicas."""

_BRIEF = 0.001
"""Seconds by which what follows from another thing is later, where clocks say otherwise."""

_LINK = re.compile(r"from=(\d+) to=(\d+)")
_HANDED = re.compile(r"handed over to (replica (\d+).*)")
_PAGES = re.compile(r"from=(\d+) installed pages=(\d+) applied=(\d+)")
_AFTER = re.compile(r"after=([\d.]+)s reason=(.*)")


class Happening(NamedTuple):
    """One line; `mark` is its sign at the strip, "" for none. `urgent`: something is worse now."""

    at: float
    text: str
    urgent: bool = False
    mark: str = ""


class Happenings:
    """The last of them, in the order of time."""

    def __init__(self) -> None:
        """Begin with none."""
        self.ids: Sequence[int] = ()
        """All replicas, once they are known."""
        self._all: list[Happening] = []
        self._leaders: set[str] = set()
        """Ballots whose leader was reported."""
        self._links: dict[str, tuple[Happening, set[Pair]]] = {}
        """The last line on links that were cut, and that were healed, with what it names."""
        self._handed: dict[int, Happening] = {}
        """The last line on who was handed leadership, by whom it went to."""
        self._of: dict[str, Callable[[int, float, Mapping[str, Any]], Happening | None]] = {
            "leads": self._leads,
            "leads no more": self._leads_no_more,
            "cut": self._link,
            "healed": self._link,
            "failed": _failed,
            "restarted": _restarted,
            "silent": _silent,
            "snapshot": _snapshot,
        }

    @property
    def all(self) -> Sequence[Happening]:
        """All that are kept, the newest last."""
        return self._all

    def add(self, one: Happening) -> None:
        """Add a line, at its place in time."""
        insort(self._all, one, key=lambda other: other.at)
        del self._all[:-KEPT]

    def reported(self, replica: int, at: float, event: Mapping[str, Any]) -> None:
        """Take an event of a replica, if it is one that is shown."""
        make = self._of.get(event["event"])
        one = make(replica, at, event) if make else None
        if one is not None:
            self.add(one)

    def looked(self, before: ReplicaEntry, now: ReplicaEntry, at: float, *, all: bool) -> None:
        """Compare two looks at a replica; `all`: also for what its own events would report."""
        if (before["state"], now["state"]) == (SILENT, DOWN):  # it was ending when it was asked
            at = self._taken_back(f"replica {now['id']} does not answer", at)
        for one in chain(_of_process(before, now, at), _of_disk(before, now, at)):
            self.add(one)
        if all and answers(before) and answers(now):
            for one in self._of_roles(before, now, at):
                self.add(one)

    def _taken_back(self, text: str, at: float) -> float:
        """Remove a line of a moment ago; its time, or `at` if there is none."""
        found = next((one for one in reversed(self._all) if one.text == text), None)
        if found is None or at - found.at > TOGETHER:
            return at
        self._all.remove(found)
        return found.at

    # --- from events ------------------------------------------------------------------------------

    def _leads(self, replica: int, at: float, event: Mapping[str, Any]) -> Happening | None:
        return self._new_leader(event["peer"], event["ballot"], at)

    def _new_leader(self, leader: int, ballot: str, at: float) -> Happening | None:
        if ballot in self._leaders:
            return None
        self._leaders.add(ballot)
        mark = str(leader) if leader < 10 else "L"
        handed = self._handed.get(leader)
        if handed is not None and 0 <= handed.at - at < TOGETHER:
            at = handed.at + _BRIEF  # whatever the clocks say
        return Happening(at, f"replica {leader} leads, ballot {ballot}", mark=mark)

    def _leads_no_more(self, replica: int, at: float, event: Mapping[str, Any]) -> Happening | None:
        """Report the end of a term as the leader itself does: others may be cut off."""
        found = _AFTER.search(event["text"])
        if event["peer"] != replica or found is None:
            return None
        to = _HANDED.match(found[2])
        if to is not None:
            return self._hands_over(replica, at, int(to[2]), to[1])
        text = f"replica {replica} leads no more after {found[1]} s: {found[2]}"
        return Happening(at, text, urgent=True)

    def _hands_over(self, replica: int, at: float, to: int, words: str) -> Happening:
        """Report a hand-over, before who leads by it."""
        begins = f"replica {to} leads, "
        led = next((one.at for one in reversed(self._all) if one.text.startswith(begins)), at)
        before = led - _BRIEF if 0 <= at - led < TOGETHER else at
        self._handed[to] = Happening(before, f"replica {replica} hands over to {words}")
        return self._handed[to]

    def _link(self, replica: int, at: float, event: Mapping[str, Any]) -> Happening | None:
        found = _LINK.search(event["text"])
        return self._linked(event["event"], {(int(found[1]), int(found[2]))}, at) if found else None

    def _linked(self, event: str, pairs: set[Pair], at: float) -> Happening | None:
        """Report cuts, or their ends; what comes within a moment of the last joins its line."""
        last, known = self._links.get(event, (Happening(0.0, ""), set()))
        if abs(at - last.at) > TOGETHER:
            known = set()
        elif pairs <= known:
            return None
        elif last in self._all:
            self._all.remove(last)
            at = last.at
        together = known | pairs
        text = described(together, self.ids)
        if event != "cut":
            text = "healed: " + (named(together) if " is " in text else text.removeprefix("cut: "))
        one = Happening(at, text, urgent=event == "cut")
        self._links[event] = one, together
        return one

    # --- from looks, where no events can be read --------------------------------------------------

    def _of_roles(self, before: ReplicaEntry, now: ReplicaEntry, at: float) -> Iterator[Happening]:
        id, had = now["id"], before.get("roles") or {}
        for role, one in (now.get("roles") or {}).items():
            was = had.get(role, one)
            if one["state"] != "up" and was["state"] == "up":
                yield Happening(at, f"replica {id}: {role} failed", urgent=True)
            elif one["incarnation"] != was["incarnation"] and one["state"] == "up":
                yield _back(id, role, one["incarnation"], at)
        cut, uncut = _pairs(now) - _pairs(before), _pairs(before) - _pairs(now)
        found = [self._linked("cut", cut, at) if cut else None]
        found += [self._linked("healed", uncut, at) if uncut else None]
        if _term(now) and _term(now) != _term(before):
            found.append(self._new_leader(id, _term(now), at))
        yield from filter(None, found)


def answers(entry: ReplicaEntry) -> bool:
    """Whether an entry is a replica's own, not what is said of one that does not answer."""
    return entry.get("counters") is not None


def _term(entry: ReplicaEntry) -> str:
    """Ballot under which a replica leads; "" if it does not."""
    leads = entry.get("role") == "leader"
    return ".".join(map(str, entry.get("ballot") or ())) if leads else ""


def _pairs(entry: ReplicaEntry) -> set[Pair]:
    return {(one, other) for one, other in entry.get("cuts") or ()}


def _failed(replica: int, at: float, event: Mapping[str, Any]) -> Happening:
    return Happening(at, f"replica {replica}: {event['role']} failed", urgent=True)


def _restarted(replica: int, at: float, event: Mapping[str, Any]) -> Happening:
    return _back(replica, event["role"], int(event["text"].rpartition("=")[2]), at)


def _back(replica: int, role: str, incarnation: int, at: float) -> Happening:
    return Happening(at, f"replica {replica}: {role} is back, incarnation {incarnation}")


def _silent(replica: int, at: float, event: Mapping[str, Any]) -> Happening:
    text = (
        f"replica {replica} votes no more: replica {event['peer']} knows of promises that its disk "
        "lacks, so it may be an old copy; it asks whether that is so"
    )
    return Happening(at, text, urgent=True)


def _snapshot(replica: int, at: float, event: Mapping[str, Any]) -> Happening:
    """Report a snapshot in words; what a newer version logs of it stays as it is."""
    peer, found = event["peer"], _PAGES.search(event["text"])
    from_peer = f"a snapshot from replica {peer}"
    if found is not None:
        pages = "1 page" if found[2] == "1" else f"{found[2]} pages"
        text = f"replica {replica} has {from_peer} ({pages}): it holds all up to slot {found[3]}"
    elif event["text"].endswith("begins"):
        text = f"replica {replica} gets {from_peer}: logs do not go back as far as it needs"
    elif "is gone there" in event["text"]:
        text = f"replica {replica} begins {from_peer} anew: the one it was getting is gone there"
    else:
        text = f"replica {replica} had no use for {from_peer}: it has all of it by now"
    return Happening(at, text)


def _of_process(before: ReplicaEntry, now: ReplicaEntry, at: float) -> Iterator[Happening]:
    """Report what the process did: ended, hangs, came back, is on a new disk no more."""
    id = now["id"]
    was, state = before["state"], now["state"]
    if (answers(before) and not answers(now)) or (was, state) == (SILENT, DOWN):
        did = "is down" if state == DOWN else "does not answer"
        yield Happening(at, f"replica {id} {did}", urgent=True, mark="x")
    elif answers(now) and not answers(before):
        yield Happening(at, f"replica {id} answers, pid {now['pid']}")
    elif answers(now) and now["pid"] != before["pid"]:
        yield Happening(at, f"replica {id} was started anew, pid {now['pid']}", mark="x")
    elif (was, state) == ("recovering", "up"):
        yield Happening(at, f"replica {id} has recovered and votes again")


def _of_disk(before: ReplicaEntry, now: ReplicaEntry, at: float) -> Iterator[Happening]:
    """Report that the disk began to hang, or goes on: no event does."""
    id, had, has = now["id"], _hung(before), _hung(now)
    if has and not had:
        since = max((now.get("roles") or {})[role]["hangs"] for role in has)
        yield Happening(at - since, f"replica {id}: its disk hangs", urgent=True)
    elif had and not has and answers(now):
        yield Happening(at, f"replica {id}: its disk works again")


def _hung(entry: ReplicaEntry) -> list[str]:
    """Name the roles whose disk hangs."""
    return [name for name, one in (entry.get("roles") or {}).items() if one.get("hangs")]
