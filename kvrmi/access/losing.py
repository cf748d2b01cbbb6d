"""Which orders would leave the cluster without the votes that it needs, and a leader they reach.

Rule: only what would change from serving to not serving is named; nothing is asked or done here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..cluster.status import (
    ClusterStatus,
    Entries,
    Needs,
    ReplicaEntry,
    has_quorum,
    least_of,
    loss,
    needs_of,
)
from .links import Pair, described

__all__ = ["RISKY", "losing", "losing_all"]

_Pairs = Iterable[Pair]


def losing(status: ClusterStatus, name: str, args: Sequence[Any]) -> str | None:
    """Say what one of the risky orders would lose; None if nothing."""
    return losing_all(status, [(name, args)])


def losing_all(status: ClusterStatus, orders: Sequence[tuple[str, Sequence[Any]]]) -> str | None:
    """Say what risky orders would lose together; None if nothing."""
    entries = status["replicas"]
    needs: Needs = {**needs_of(entries, len(entries)), "votes": status["quorum"]}
    left: Entries = entries
    cuts, all_doing = list[Pair](), list[str]()
    for name, args in orders:
        doing, left, more = _EFFECTS[name](left, *args)
        cuts += more
        all_doing.append(doing)
    if len(orders) > 1 and all(name in _CUTS for name, _ in orders):
        text = described(cuts, [one["id"] for one in entries])
        all_doing = [text.replace("cut:", "cutting", 1)]
    # Who is down may be counted no more, who is cut off is.
    quorum = needs["votes"] if cuts else least_of(needs)
    if not has_quorum(entries, quorum) or has_quorum(left, quorum, cuts):
        return None
    return f"{', '.join(all_doing)} {loss(needs)}"


_Effect = tuple[str, Entries, _Pairs]
"""What is done, the replicas then, the links that are cut besides."""


def _end(doing: str) -> Callable[..., _Effect]:
    def end(entries: Entries, replica: int, *_: object) -> _Effect:
        left = [one for one in entries if one["id"] != replica]
        return f"{doing} replica {replica}", left, ()

    return end


def _fail(entries: Entries, replica: int, role: str, *_: object) -> _Effect:
    left = [_without(one, role) if one["id"] == replica else one for one in entries]
    return f"failing the {role} of replica {replica}", left, ()


def _without(entry: ReplicaEntry, role: str) -> ReplicaEntry:
    roles = {**(entry.get("roles") or {})}
    if role not in roles:  # not asked of this engine: the replica says so
        return entry
    roles[role] = {"state": "down", "incarnation": 0}
    return {**entry, "roles": roles}


def _restart(entries: Entries, replica: int, role: str | None, *_: object) -> _Effect:
    if role is not None:  # it is back at once
        return "", entries, ()
    return _end("restarting")(entries, replica)


def _cut(entries: Entries, one: int, other: int, *_: object) -> _Effect:
    doing = f"cutting replicas {one} and {other} off from each other"
    return doing, entries, [*_pairs(one, other), *_pairs(other, one)]


def _fail_link(entries: Entries, one: int, other: int, *_: object) -> _Effect:
    return f"cutting the link from replica {one} to {other}", entries, _pairs(one, other)


def _pairs(one: int, other: int) -> _Pairs:
    return [(one, other)] if one != other else ()  # no link: the order says so


_EFFECTS: Mapping[str, Callable[..., _Effect]] = {
    "cut": _cut,
    "fail": _fail,
    "fail_link": _fail_link,
    "kill": _end("killing"),
    "restart": _restart,
    "stop": _end("stopping"),
}
_CUTS = frozenset({"cut", "fail_link"})
RISKY = frozenset(_EFFECTS)
"""Names of the orders that may lose the quorum."""
