"""What is known of the cluster, and the picture that is made of it.

Rules: it takes what the poller brings and gives what the renderer draws; times are arguments, of
the monotonic clock and of the wall's. It asks nobody, draws nothing and gives no order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, cast

from kvrmi.access.links import Pair
from kvrmi.cluster.status import (
    NOBODY,
    ReplicaEntry,
    has_quorum,
    health_of,
    is_up,
    leader_of,
    needs_of,
    partly,
    successor_of,
    unanswered,
)
from kvrmi.operations.table import KEY_VALUE

from .happenings import Happening, Happenings, answers
from .rates import Rates, rates
from .strip import Curve

__all__ = ["Look", "Picture", "Row", "View"]

WINDOW = 1.5
"""Seconds between the looks of which rates are made, at least."""


class Look(NamedTuple):
    """What a replica reported at a time of the monotonic clock, or what is said of a silent one."""

    at: float
    entry: ReplicaEntry


class Row(NamedTuple):
    """One replica as it is shown; None for what it does not say."""

    id: int
    answers: bool
    state: str
    reason: str
    roles: Mapping[str, tuple[str, int]]
    """State and incarnation."""
    hangs: Mapping[str, float]
    """For how many seconds the disks of roles have done nothing, of those that hang."""
    leader: int | None
    leads: bool
    ballot: str
    chosen: int | None
    applied: int | None
    lag: int | None
    """Slots that others knew to be chosen when it was asked, and it had not applied."""
    cuts: Sequence[Pair]
    """Links of its own, from one id to another, that are cut."""
    slow: Sequence[Pair]
    """Such links that are slow."""
    rates: Rates | None
    memory: int | None
    keys: int | None
    clients: int | None


class Picture(NamedTuple):
    """All that is shown at a moment: `at` of the monotonic clock, `wall` of the wall's."""

    at: float
    wall: float
    cluster: str
    engine: str
    health: str
    leader: int | None
    successor: int | None
    needs: int
    led: bool
    """Whether the engine serves by a leader."""
    quorum: bool
    """Whether the votes are there, and reach each other, that it takes to serve."""
    partly: str
    """Who alone can write, where not all can that are up; else empty."""
    up: int
    trouble: str
    """Why no cluster is seen; empty if one is."""
    rows: Sequence[Row]
    curve: Curve
    happenings: Sequence[Happening]


class View:
    """The cluster as far as looks have shown it."""

    def __init__(self) -> None:
        """Know nothing."""
        self.happenings = Happenings()
        self.trouble = "Looking for the cluster."
        self._members: Sequence[int] = ()
        self._looks: dict[int, deque[Look]] = {}
        self._curve = Curve()
        self._reports: set[int] = set()
        """Replicas whose events are read."""
        self._of_cluster: dict[str, Any] = {}
        self._known: dict[int, ReplicaEntry] = {}
        """What the coordinator said of replicas that do not answer."""

    @property
    def ids(self) -> Sequence[int]:
        """The ids of all replicas."""
        return self._members

    @property
    def roles(self) -> Sequence[str]:
        """The names of the roles that replicas have."""
        known = (entry.get("roles") for entry in self.entries())
        return list(next(filter(None, known), {}))

    def entries(self) -> list[ReplicaEntry]:
        """Give the newest entry of each replica."""
        return [self._entry(self._looks[one][-1].entry) for one in self._members]

    def _entry(self, entry: ReplicaEntry) -> ReplicaEntry:
        known = self._known.get(entry["id"])
        if known is None or answers(entry) or known["state"] == "up":
            return entry
        better = {name: known.get(name) for name in ("state", "pid", "reason")}
        return cast(ReplicaEntry, {**entry, **better})

    def members(self, addresses: Mapping[int, str], cluster: Mapping[str, Any]) -> None:
        """Take which replicas there are, by id; those of another cluster begin anew."""
        known = {name: value for name, value in cluster.items() if value is not None}
        before = self._of_cluster.get("cluster_id")
        if before != known.get("cluster_id", before):
            self._curve = Curve()
        self._looks = {id: looks for id, looks in self._looks.items() if id in addresses}
        self.trouble = ""
        self._of_cluster |= known
        self._members = self.happenings.ids = sorted(addresses)
        for id, address in addresses.items():
            first = Look(float("-inf"), unanswered(id, address, "not asked yet"))
            self._looks.setdefault(id, deque([first]))

    def looked(self, look: Look, wall: float) -> None:
        """Take a look at a replica."""
        id, entry = look.entry["id"], look.entry
        looks = self._looks.get(id)
        if looks is None:  # it is no member any more
            return
        before = looks[-1].entry
        if before["state"] != "not asked yet":
            self.happenings.looked(before, entry, wall, all=id not in self._reports)
        if not answers(entry) or entry["pid"] != before["pid"]:
            looks.clear()
        looks.append(look)
        while len(looks) > 2 and look.at - looks[1].at >= WINDOW:
            looks.popleft()
        revision = entry.get("revision")
        if revision is not None:
            self._curve.add(look.at, revision)

    def reported(self, replica: int, events: Sequence[tuple[float, Mapping[str, Any]]]) -> None:
        """Take events of a replica, each with its time by the wall's clock."""
        self._reports.add(replica)
        for at, event in events:
            self.happenings.reported(replica, at, event)

    def coordinated(self, entries: Collection[ReplicaEntry]) -> None:
        """Take what the coordinator knows of replicas that do not answer."""
        self._known = {one["id"]: one for one in entries}

    def picture(self, at: float, wall: float) -> Picture:
        """Make the picture of what is known."""
        entries = self.entries()
        count, leader = len(self._members), leader_of(entries)
        return Picture(
            at=at,
            wall=wall,
            cluster=self._of_cluster.get("cluster") or "",
            engine=self._of_cluster.get("engine") or "",
            health=health_of(entries, count) if entries else NOBODY,
            leader=leader,
            successor=successor_of(entries),
            needs=(votes := needs_of(entries, count)["votes"]),
            led=needs_of(entries, count)["leader"],
            quorum=has_quorum(entries, votes),
            partly=partly(entries, count),
            up=sum(map(is_up, entries)),
            trouble=self.trouble,
            rows=[self._row(entry, leader) for entry in entries],
            curve=self._curve,
            happenings=self.happenings.all,
        )

    def _row(self, entry: ReplicaEntry, leader: int | None) -> Row:
        id, counters = entry["id"], entry.get("counters")
        return Row(
            id=id,
            answers=answers(entry),
            state=entry["state"],
            reason=entry.get("reason") or "",
            roles={
                name: (one["state"], one["incarnation"])
                for name, one in (entry.get("roles") or {}).items()
            },
            hangs={
                name: one["hangs"]
                for name, one in (entry.get("roles") or {}).items()
                if one.get("hangs")
            },
            leader=entry.get("leader"),
            leads=id == leader,
            ballot=".".join(map(str, entry.get("ballot") or ())),
            chosen=entry.get("chosen"),
            applied=entry.get("applied"),
            lag=self._lag(id),
            cuts=[(one, other) for one, other in entry.get("cuts") or ()],
            slow=[(int(one), int(other)) for one, other, _ in entry.get("delays") or ()],
            rates=self._rates(id),
            memory=counters["memory"] if counters else None,
            keys=entry.get("keys"),
            clients=entry.get("connections"),
        )

    def _lag(self, id: int) -> int | None:
        """Compare with what others knew before it was asked: who answers later knows more."""
        at, entry = self._looks[id][-1]
        applied, looks = entry.get("applied"), chain.from_iterable(self._looks.values())
        chosen = max(one.entry.get("chosen") or 0 for one in looks if one.at <= at)
        return None if applied is None else max(chosen - applied, 0)

    def _rates(self, id: int) -> Rates | None:
        looks = self._looks[id]
        first, last = looks[0].entry.get("counters"), looks[-1].entry.get("counters")
        return rates(first, last, KEY_VALUE.writes) if first and last else None
