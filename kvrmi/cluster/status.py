"""A cluster's status: one entry a replica, and what follows from all of them.

Rules: a replica makes its own entry; what all entries together say (who leads, who would be next,
whether the cluster serves, whom to restore from) is decided here, once for coordinator and clients.
It asks nobody; null stands for what a replica that does not answer would know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NotRequired, TypeAlias, TypedDict, cast

from .counts import Counters
from .quorum import majority

__all__ = [
    "NOBODY", "NO_QUORUM", "SERVING", "Behind", "ClientEntry", "ClusterStatus", "Entries", "Needs",
    "ReplicaEntry", "RoleEntry", "absence", "has_quorum", "health_of", "in_charge", "is_up",
    "leader_of", "least_of", "loses_quorum", "loss", "needs_of", "partly", "source_for",
    "successor_of", "unanswered", "votes", "writers_of",
]  # fmt: skip

SERVING = "serving"
NO_QUORUM = "no quorum"
NOBODY = "nobody answers"
"""Values of `health`: what it needs to serve is up, less than that, no replica."""


class RoleEntry(TypedDict):
    """One role: "up", "down" or "restarting"; how often it was started in this process.

    `hangs`: for how many seconds its disk has done nothing, where it hangs.
    """

    state: str
    incarnation: int
    hangs: NotRequired[float]


class ClientEntry(TypedDict):
    """A connection whose client has a name; `since` is UTC."""

    name: str
    address: str
    since: str


class Needs(TypedDict):
    """What the cluster serves with: so many votes, and a leader or without one.

    `least`: with so few it serves once those that are down are not counted any more; without it
    all that it needs now are needed for good.
    """

    votes: int
    leader: bool
    least: NotRequired[int]


class Behind(TypedDict):
    """Whether that serves which a gateway passes requests on to, and one line that says so."""

    serves: bool
    text: str


class ReplicaEntry(TypedDict, total=False):
    """One replica. `state`: up, recovering, starting, held, down, not answering; `reason` says why.

    `voter`: the role by which it votes; `needs`: as the protocol declares both.
    `behind`: of a gateway alone.
    `cuts`: links from one id to another that are cut; `delays`: those that are slow, with seconds.
    `changed` is in the answer to an order alone: whether that changed anything.
    `leader`, `engine`, `notes` and what follows come from replicas that answer; the last four say
    which cluster it is of.
    """

    id: int
    state: str
    pid: int | None
    reason: str | None
    changed: bool
    role: str | None
    ballot: Sequence[int] | None
    applied: int | None
    chosen: int | None
    revision: int | None
    keys: int | None
    digest: str | None
    address: str
    roles: Mapping[str, RoleEntry] | None
    voter: str | None
    needs: Needs | None
    cuts: Sequence[Sequence[int]] | None
    delays: Sequence[Sequence[float]]
    connections: int | None
    clients: Sequence[ClientEntry] | None
    counters: Counters | None
    leader: int | None
    behind: Behind
    engine: str
    notes: Sequence[str]
    cluster: str
    cluster_id: str
    coordinator: str
    members: Sequence[Sequence[object]]


class ClusterStatus(TypedDict, total=False):
    """The whole cluster; the coordinator's has no `coordinator` and no `health`."""

    cluster: str | None
    cluster_id: str | None
    engine: str | None
    coordinator: str | None
    health: str
    leader: int | None
    successor: int | None
    quorum: int
    replicas: list[ReplicaEntry]


Entries: TypeAlias = Sequence[ReplicaEntry]

_UNKNOWN = (
    "pid", "role", "ballot", "applied", "chosen", "revision", "keys", "digest", "roles", "voter",
    "needs", "cuts", "connections", "clients", "counters",
)  # fmt: skip


def unanswered(replica: int, address: str, state: str) -> ReplicaEntry:
    """Make the entry of a replica that does not answer."""
    unknown = cast(ReplicaEntry, dict.fromkeys(_UNKNOWN))
    return unknown | ReplicaEntry(id=replica, state=state, address=address)


def absence(entry: ReplicaEntry) -> str | None:
    """Say why a replica can take no order, and what comes first, if its coordinator gave a reason.

    None: nobody knows, or it is there.
    """
    replica, reason = entry["id"], entry.get("reason")
    if entry["state"] == "starting":
        return f"replica {replica} is starting: wait until STATUS shows that it is up"
    if entry["state"] not in ("held", "down") or not reason:
        return None
    return f"replica {replica} is down ({reason}): START {replica} comes first"


def is_up(entry: ReplicaEntry) -> bool:
    """Return whether it answers, on a disk that is its own."""
    return entry["state"] == "up"


def votes(entry: ReplicaEntry) -> bool:
    """Return whether its role that votes is known to run, on a disk that is its own.

    One without roles votes while it runs, and while what stands behind it serves.
    """
    behind = entry.get("behind")
    if behind is not None and not behind["serves"]:
        return False
    role, roles = entry.get("voter"), entry.get("roles") or {}
    voter = roles.get(role or "")
    runs = (role is None and not roles) or (voter is not None and voter["state"] == "up")
    return is_up(entry) and runs


def needs_of(entries: Entries, replicas: int) -> Needs:
    """Return what the cluster serves with, as those that answer say; else as most protocols do.

    Those that vote say it first: the others may not know who is counted now.
    """
    said = (entry.get("needs") for entry in sorted(entries, key=votes, reverse=True))
    return next(filter(None, said), Needs(votes=majority(replicas), leader=True))


def leader_of(entries: Entries) -> int | None:
    """Find the leader with the highest ballot: a deposed one may not know it yet."""
    leading = [entry for entry in entries if entry.get("role") == "leader"]
    newest = max(leading, key=lambda entry: tuple(entry.get("ballot") or ()), default=None)
    return None if newest is None else newest["id"]


def in_charge(status: ClusterStatus) -> int | None:
    """Choose whom to measure or to kill: the leader, or the first that is up if none is needed."""
    entries = status["replicas"]
    if status["leader"] is not None or needs_of(entries, len(entries))["leader"]:
        return status["leader"]
    return min((entry["id"] for entry in entries if is_up(entry)), default=None)


def successor_of(entries: Entries) -> int | None:
    """Find who would lead next: the lowest id among the others whose roles are all up."""
    leader = leader_of(entries)
    if not needs_of(entries, len(entries))["leader"]:
        return None
    able = (one["id"] for one in entries if is_up(one) and _roles_up(one) and one["id"] != leader)
    return min(able, default=None)


def health_of(entries: Entries, replicas: int) -> str:
    """Return one of SERVING, NO_QUORUM, NOBODY, of a cluster of so many replicas."""
    needs = needs_of(entries, replicas)
    if not needs["leader"]:
        serves = bool(writers_of(entries, replicas))
    else:
        serves = leader_of(entries) is not None and sum(map(votes, entries)) >= needs["votes"]
    if serves:
        return SERVING
    return NO_QUORUM if any(entry.get("pid") is not None for entry in entries) else NOBODY


def writers_of(entries: Entries, replicas: int) -> list[int]:
    """List who can carry out a write where nobody leads: whoever reaches all votes that it needs.

    A link that is cut, either way, lets no vote come back.
    """
    cut = _cut(entries)
    voters = [entry["id"] for entry in entries if votes(entry)]

    def reached(one: int) -> int:
        return sum(not cut & {(one, other), (other, one)} for other in voters)

    return [one for one in voters if reached(one) >= needs_of(entries, replicas)["votes"]]


def partly(entries: Entries, replicas: int) -> str:
    """Say who can carry out writes where not all can that are up, and why; else an empty text."""
    why = [*_cut_off(entries), *_mute(entries, replicas)]
    if needs_of(entries, replicas)["leader"] or not why:
        return ""
    able = writers_of(entries, replicas)
    if {one["id"] for one in entries if is_up(one)} <= {*able}:
        return ""
    who = f"replica{'s' * (len(able) > 1)} {_listed(able)} alone" if able else "no replica"
    return f"{who} can write while {' and '.join(why)}"


def _cut_off(entries: Entries) -> list[str]:
    links = ", ".join(f"{one}>{other}" for one, other in sorted(_cut(entries)))
    return [f"links are cut ({links})"] if links else []


def _mute(entries: Entries, replicas: int) -> list[str]:
    """Say whose role that votes does not, unless there are too few replicas for its vote anyway."""
    up = [entry for entry in entries if is_up(entry)]
    mute = [entry for entry in up if entry.get("voter") and not votes(entry)]
    if not mute or len(up) < needs_of(entries, replicas)["votes"]:
        return []
    whose = f"replica{'s' * (len(mute) > 1)} {_listed([entry['id'] for entry in mute])}"
    return [f"the {mute[0]['voter']} of {whose} does not vote"]


def _listed(ids: Sequence[int]) -> str:
    return ", ".join(map(str, ids))


def _cut(entries: Entries) -> set[tuple[int, int]]:
    return {(one, other) for entry in entries for one, other in entry.get("cuts") or ()}


def source_for(entries: Entries, replica: int) -> int | None:
    """Choose the peer to restore `replica` from: the furthest one, rather not the leader."""
    peers = [one for one in entries if is_up(one) and one["id"] != replica]
    best = max(
        peers,
        key=lambda one: (one.get("applied") or 0, one.get("role") != "leader"),
        default=None,
    )
    return None if best is None else best["id"]


def loses_quorum(entries: Entries, replica: int, replicas: int) -> bool:
    """Return whether there are the votes that it takes now, and would not be without `replica`."""
    quorum = least_of(needs_of(entries, replicas))
    voting = {one["id"] for one in entries if is_up(one)}
    return len(voting) >= quorum > len(voting - {replica})


def least_of(needs: Needs) -> int:
    """Return with how few votes the cluster serves after a while."""
    return needs.get("least", needs["votes"])


def loss(needs: Needs) -> str:
    """Say what the order would do that leaves fewer votes than the cluster needs."""
    if needs["leader"]:
        return f"would lose the majority of {needs['votes']}"
    if least_of(needs) == 1:
        return "would leave none that serves"
    return f"would stop every write, as all {needs['votes']} must vote on it"


def has_quorum(entries: Entries, quorum: int, cuts: Iterable[tuple[int, int]] = ()) -> bool:
    """Return whether a replica with all roles up and a majority of voters reach each other.

    `cuts`: links from one id to another that are cut besides those in the entries.
    """
    cut = _cut(entries) | {*cuts}
    voters = [entry["id"] for entry in entries if votes(entry)]
    able = [entry["id"] for entry in entries if is_up(entry) and _roles_up(entry)]

    def reached(leader: int) -> int:
        return sum(not cut & {(leader, one), (one, leader)} for one in voters)

    return any(reached(leader) >= quorum for leader in able)


def _roles_up(entry: ReplicaEntry) -> bool:
    return all(role["state"] == "up" for role in (entry.get("roles") or {}).values())
