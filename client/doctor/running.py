"""Checks of what runs: replicas, roles, links, logs, ports, the processes beside them.

Rules: as in finding.py; where nothing runs there is nothing wrong with that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from kvrmi.access import links
from kvrmi.cluster import naming
from kvrmi.cluster.quorum import majority, spare
from kvrmi.cluster.status import SERVING, ReplicaEntry, has_quorum, needs_of

from .. import programs
from .finding import Check, Finding, Severity, Skipped
from .seen import Port, Seen

__all__ = ["RUNNING", "log_of", "order", "restarted"]


def order(seen: Seen, words: str) -> str:
    """Write a client's command as the user would type it."""
    named = f" --config {seen.config}" if seen.config else ""
    return f"{programs.typed('client')}{named} {words}"


def restarted(seen: Seen, one: int) -> str:
    """Write how a replica is restarted."""
    if seen.coordinated:
        return order(seen, f"RESTART {one}")
    return order(seen, f"STOP {one}") + ", and start it again by hand where it ran"


def log_of(seen: Seen, one: int) -> str:
    """Name a replica's log, and its host where that is not this machine."""
    log = Path(f"replica{one}", "replica.log")
    if _away(seen, one):
        return f"{seen.data.name}/{log} on {_host(seen, one)}"
    return str(seen.data / log)


def _away(seen: Seen, one: int) -> bool:
    """Whether a replica runs on a host of its own, where what belongs to it is."""
    return not seen.coordinated and f"replica{one}" not in seen.files


def _host(seen: Seen, one: int) -> str:
    return f"host {seen.cluster.member(one).host}"


def _serving(seen: Seen) -> Iterator[Finding]:
    entries, quorum = seen.later["replicas"], seen.later["quorum"]
    if seen.runs and not (seen.later["health"] == SERVING and has_quorum(entries, quorum)):
        up = sum(entry["state"] == "up" for entry in entries)
        leads = ", and one has to lead" if needs_of(entries, len(entries))["leader"] else ""
        lacks = f"{quorum} have to be and to reach each other{leads}"
        behind = next((entry["behind"]["text"] for entry in entries if entry.get("behind")), lacks)
        yield Finding(
            f"the cluster does not serve: {up} of {len(entries)} replicas are up; {behind}",
            "Clients get errors or no answer; what was acknowledged is on the disks.",
            f"mend what is found below, then {order(seen, 'HEALTH --wait 30')}",
        )


def _stopped(seen: Seen) -> Iterator[Finding]:
    if not seen.runs:
        start = f"{programs.typed('cluster')} --data {seen.data}"
        by_hand = f"{programs.typed('server')} ID --config {seen.data / 'cluster.toml'}, each"
        yield Finding(
            "no replica runs",
            "That is all right if nobody needs it; what can be seen of files was looked at.",
            start if seen.coordinated else by_hand,
        )


def _replicas(seen: Seen) -> Iterator[Finding]:
    for entry in seen.entries if seen.runs else ():
        one, state, why = entry["id"], entry["state"], entry.get("reason")
        if state in ("down", "not answering", "starting"):
            left = sum(other["state"] == "up" for other in seen.entries)
            more = _may_fail(left - seen.status["quorum"])
            yield Finding(
                f"replica {one} is {state}" + (f": {why}" if why else ""),
                f"{left} of {len(seen.entries)} are up, {more}.",
                _revived(seen, one, state),
            )


def _may_fail(more: int) -> str:
    if more < 0:
        return f"{-more} too few"
    return f"so {more} more may fail" if more else "so none more may fail"


def _revived(seen: Seen, one: int, state: str) -> str:
    log = log_of(seen, one)
    if state == "not answering":
        return f"its process may hang: look at {log}, then {restarted(seen, one)}"
    if state == "starting":
        return f"wait, or look at {log}"
    if seen.coordinated:
        start = order(seen, f"START {one}")
        folder = seen.data / f"replica{one}"
        bare = f"mount what belongs at {folder}, or remove that empty folder; then "
        return f"{bare * seen.is_empty(one)}{start}"
    away = _away(seen, one)
    where = f"on {_host(seen, one)}" if away else "where it ran"
    file = (Path(seen.data.name) if away else seen.data) / "cluster.toml"
    return f"start it by hand {where}: {programs.typed('server')} {one} --config {file}"


def _held(seen: Seen) -> Iterator[Finding]:
    for entry in seen.entries:
        if entry["state"] == "held":
            yield Finding(
                f"replica {entry['id']} is held: down on purpose",
                "KILL, STOP or failProcess left it down, and nothing starts it again but an order.",
                order(seen, f"START {entry['id']}"),
            )


def _roles(seen: Seen) -> Iterator[Finding]:
    for entry in seen.entries:
        for name, state in _down_roles(entry):
            if name == entry.get("voter") and not (entry.get("roles") or {})[name]["incarnation"]:
                yield _awaited(seen, entry["id"], name)
                continue
            yield Finding(
                f"the {name} of replica {entry['id']} is {state}",
                "It failed on purpose or cannot be loaded; the replica cannot lead without it, "
                "and has no vote without its acceptor.",
                order(seen, f"RESTART {entry['id']} {name}"),
            )


def _awaited(seen: Seen, one: int, name: str) -> Finding:
    """Say that a voter which has not started in this process will do so by itself."""
    return Finding(
        f"the {name} of replica {one} waits to begin",
        "It begins once what its replica's notes name is there; where all replicas are new, once "
        "they have all met.",
        f"wait, and start those that are not up; {order(seen, 'STATUS')} shows the notes",
    )


def _down_roles(entry: ReplicaEntry) -> Iterator[tuple[str, str]]:
    for name, role in (entry.get("roles") or {}).items():
        if role["state"] != "up":
            yield name, role["state"]


def _role_restarts(seen: Seen) -> Iterator[Finding]:
    for entry in seen.entries:
        for name, role in (entry.get("roles") or {}).items():
            if role["state"] == "up" and role["incarnation"] > 1:
                times = role["incarnation"] - 1
                yield Finding(
                    f"the {name} of replica {entry['id']} was restarted {times} time"
                    f"{'s' * (times > 1)} since the process started",
                    "Somebody ordered it, or it failed; its log says which.",
                    f"grep -E 'FAILED|RESTARTED' {log_of(seen, entry['id'])}",
                )


def _cuts(seen: Seen) -> Iterator[Finding]:
    cut = {(one, other) for entry in seen.entries for one, other in entry.get("cuts") or ()}
    if cut:
        yield Finding(
            f"links are cut: {links.named(cut)}",
            "Somebody ordered it with CUT or failLink, and no message passes there until it is "
            "healed; a replica that is cut off cannot help.",
            order(seen, "HEAL"),
        )


def _connections(seen: Seen) -> Iterator[Finding]:
    there = {one["id"] for one in seen.answering if not list(_down_roles(one))}
    for one, found in seen.links.items():
        for link in found:
            lost = link["state"] in ("refused", "connecting") and not link["cuts"]
            if link["replica"] in there and lost and not link["why"]:
                yield Finding(
                    f"replica {one} cannot connect to replica {link['replica']}",
                    f"Both run, but {link['address']} takes no connection from there: a firewall, "
                    "a wrong address, or a process that hangs.",
                    order(seen, f"SERVER {one} RECONNECT"),
                )


def _lag(seen: Seen) -> Iterator[Finding]:
    if seen.later is seen.status:
        raise Skipped("it takes a second look at replicas that take our proof")
    furthest = max((entry.get("applied") or 0 for entry in seen.answering), default=0)
    for entry in seen.later["replicas"]:
        applied = entry.get("applied")
        if applied is not None and applied < furthest:
            yield Finding(
                f"replica {entry['id']} has applied slot {applied}, and slot {furthest} was "
                "applied elsewhere a second earlier",
                "It lags: local reads there are old, and it would have to catch up to lead.",
                order(seen, f"RESTORE {entry['id']}"),
            )


def _digests(seen: Seen) -> Iterator[Finding]:
    at: dict[int, dict[str, list[int]]] = {}
    for entry in (*seen.entries, *seen.later["replicas"]):
        if entry.get("applied") and entry.get("digest"):
            sides = at.setdefault(entry["applied"] or 0, {})
            sides.setdefault(str(entry["digest"]), []).append(entry["id"])
    for slot, sides in at.items():
        if len(sides) > 1:
            yield _different(seen, f"the contents at slot {slot} differ", sides)


def _heads(seen: Seen) -> Iterator[Finding]:
    if not seen.heads:
        raise Skipped("no two replicas could be compared")
    for slot in sorted({head.slot for head in seen.heads}):
        sides: dict[str, list[int]] = {}
        for head in seen.heads:
            if head.slot == slot:
                sides.setdefault(head.hash, []).append(head.replica)
        if len(sides) > 1:
            yield _different(seen, f"the chains' hashes at slot {slot} differ", sides)
            return  # all later ones differ too


def _different(seen: Seen, what: str, sides: Mapping[str, Iterable[int]]) -> Finding:
    named = "; ".join(f"replica {_listed(set(ids))} {hash[:8]}" for hash, ids in sides.items())
    return Finding(
        f"{what}: {named}",
        "Replicas decided or kept different things, which must never happen: do not trust what "
        "they answer, and keep all folders.",
        f"{order(seen, 'CHAIN VERIFY --all')}, then stop the cluster and copy {seen.data}",
    )


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(ids)))


def _members(seen: Seen) -> Iterator[Finding]:
    if seen.secret is not None:
        raise Skipped("that needs the secret")
    ours = {one.id: naming.join_address(one.host, one.client) for one in seen.cluster.members}
    for one, entry in seen.own.items():
        theirs = dict(cast("list[tuple[int, str]]", entry["members"]))
        if entry["cluster_id"] != seen.cluster.id or theirs != ours:
            yield Finding(
                f"replica {one} runs with other members or addresses than the cluster file has",
                "The file was changed after the replica started, or it is another's: replicas "
                "read it once.",
                f"put {seen.data / 'cluster.toml'} right, then {restarted(seen, one)}",
            )


def _notes(seen: Seen) -> Iterator[Finding]:
    noted: dict[str, list[int]] = {}
    for entry in seen.answering:
        for note in entry.get("notes") or ():
            noted.setdefault(note, []).append(entry["id"])
    for note, ids in noted.items():
        yield Finding(
            f"replica{'s' * (len(ids) > 1)} {_listed(ids)} note{'s' * (len(ids) == 1)}: {note}",
            "A replica's notes name what keeps it from others, or was learned again.",
            order(seen, "STATUS"),
        )


def _taken(seen: Seen) -> Iterator[Finding]:
    for port in _in_order(seen.open):
        if _is_others(seen, port):
            yield Finding(
                f"somebody else listens on {port.address}, the {port.name} port of {_whose(port)}",
                "What belongs there cannot start, and clients may meet a stranger.",
                f"ss -ltnp 'sport = :{port.address.rpartition(':')[2]}', and end that or change "
                "the cluster file while nothing runs",
            )


def _in_order(ports: Iterable[Port]) -> list[Port]:
    return sorted(ports, key=lambda port: (port.replica, port.address))


def _is_others(seen: Seen, port: Port) -> bool:
    if port.replica:
        return port.replica in seen.stopped
    return not (seen.coordinator if port.name == "coordinator" else seen.names is not None)


def _free(seen: Seen) -> Iterator[Finding]:
    for port in _in_order(seen.closed):
        entry = next((one for one in seen.answering if one["id"] == port.replica), None)
        if entry is not None and port.name not in dict(_down_roles(entry)):
            yield Finding(
                f"nobody listens on {port.address}, the {port.name} port of {_whose(port)}",
                "The replica answers and says that this part is up, so its file and ours name "
                "different ports, or the part has just died.",
                restarted(seen, port.replica),
            )


def _whose(port: Port) -> str:
    return f"replica {port.replica}" if port.replica else "the cluster"


def _names(seen: Seen) -> Iterator[Finding]:
    if not seen.runs:
        raise Skipped("nothing runs")
    if seen.names is None:
        if seen.coordinated:
            yield Finding(
                f"the name server does not answer at {seen.cluster.nameserver}",
                "Plain Pyro5 programs and clients without the cluster file find no replica; all "
                "that runs goes on.",
                f"{programs.typed('nameserver')} --config {seen.data / 'cluster.toml'}",
            )
        return
    yield from _registered(seen, seen.names)


def _registered(seen: Seen, names: Mapping[str, str]) -> Iterator[Finding]:
    for entry in seen.answering:
        one, name = entry["id"], naming.kvstore(entry["id"])
        member = seen.cluster.member(one)
        right = f"PYRO:{name}@{naming.join_address(member.host, member.client)}"
        if names.get(name) != right:
            found = f"is registered as {names[name]}" if name in names else "is not registered"
            yield Finding(
                f"{name} {found} in the name server",
                f"Programs that look it up there do not find it at {right}.",
                "wait some seconds, since replicas register again; then " + restarted(seen, one),
            )
    ours = {naming.kvstore(one) for one in seen.cluster.ids}
    others = sorted(n for n in names if n.count(".") == 1 and n.startswith("kvrmi.replica"))
    strange = [name for name in others if name not in ours]
    if strange:
        yield Finding(
            f"the name server has {', '.join(strange)}, who is no member",
            "Two clusters share a name server, or a former member is left there.",
            "give each cluster a name server of its own",
        )


def _coordinator(seen: Seen) -> Iterator[Finding]:
    if seen.coordinated and seen.runs and not seen.coordinator:
        yield Finding(
            f"the coordinator does not answer at {seen.cluster.coordinator}",
            "Replicas serve without it, but one that dies is not started again.",
            f"{programs.typed('cluster')} --data {seen.data} (it takes over what runs)",
        )


def _even(seen: Seen) -> Iterator[Finding]:
    count = len(seen.cluster.ids)
    if count % 2 == 0 and needs_of(seen.entries, count)["votes"] == majority(count):
        yield Finding(
            f"the cluster has {count} replicas, an even number",
            f"It survives {spare(count)} failures, as {count - 1} replicas would, with one more "
            "that can fail.",
            "choose an odd number for the next cluster; members do not change",
        )


RUNNING: Sequence[Check] = (
    Check("serving", "whether clients are served", Severity.OUTAGE, _serving),
    Check("running", "whether anything runs", Severity.NOTE, _stopped),
    Check("replicas", "those that are down or silent", Severity.WARNING, _replicas),
    Check("held", "replicas left down on purpose", Severity.WARNING, _held),
    Check("roles", "roles that are down", Severity.WARNING, _roles),
    Check("role restarts", "how often roles were started", Severity.NOTE, _role_restarts),
    Check("cuts", "links that are cut on purpose", Severity.WARNING, _cuts),
    Check("connections", "whether replicas reach each other", Severity.WARNING, _connections),
    Check("lag", "who is more than a second behind", Severity.WARNING, _lag),
    Check("contents", "digests at equal slots", Severity.DANGER, _digests),
    Check("chain", "the hash chains at equal slots", Severity.DANGER, _heads),
    Check("members", "the replicas' members against the file", Severity.WARNING, _members),
    Check("notes", "what replicas note themselves", Severity.WARNING, _notes),
    Check("ports taken", "ports of what does not run", Severity.WARNING, _taken),
    Check("ports free", "ports of what runs", Severity.WARNING, _free),
    Check("name server", "its registrations against the members", Severity.WARNING, _names),
    Check("coordinator", "whether it answers", Severity.WARNING, _coordinator),
    Check("even number", "how many replicas there are", Severity.NOTE, _even),
)
