"""Commands of the classic systems' servers: links, blocks, pairs, queue; as lines and as fields.

One implementation for a replica's own console and for clients. Rules: each asks admin objects and
nobody else, all of them at the same time where it asks several. It prints nothing, and reads no
line.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from ..cluster.naming import unknown_replica
from ..cluster.status import needs_of, source_for
from ..columns import padded, width
from ..errors import ConnectionFailed, InvalidRequest, KVError, Unsupported, was_refused
from . import links
from .admins import Admins
from .losing import losing
from .showing import HASH, anchored, block_table, operation, quoted, shortened

__all__ = [
    "Shown",
    "blocks",
    "caught_up",
    "connect",
    "entries",
    "fail_link",
    "fix_link",
    "links_of",
    "pairs",
    "queue",
    "reconnect",
    "restore",
    "status",
    "would_lose",
]

_SLOW = 5.0
"""Seconds for what waits for connections, or reads a whole log."""
_RESTORE = 35.0
"""Seconds for what waits for a replica to have caught up."""
_PAGE = 500
"""Blocks that are asked for at a time."""
_STATES = {
    "connected": "connected",
    "refused": "nobody listens",
    "connecting": "does not answer",
    "idle": "not connected",
}


class Shown(NamedTuple):
    """What a command brought: lines for people, and fields of JSON."""

    lines: tuple[str, ...]
    fields: dict[str, object]


# --- links ----------------------------------------------------------------------------------------


def fail_link(admins: Admins, source: int, to: int, both: bool = False) -> Shown:
    """Stop all messages from one replica to another, or both ways. Raises a KVError."""
    new = links.cut(admins, source, to, both=both)
    way = f"between replicas {source} and {to}" if both else f"from replica {source} to {to}"
    text = f"nothing passes {way} until fixLink({source},{to}{',both' * both})"
    if not new:
        text = f"the link {_way(source, to, both)} was cut already; nothing was done"
    return Shown((text,), {"cut": [source, to], "both": both, "value": new})


def fix_link(admins: Admins, source: int, to: int, both: bool = False) -> Shown:
    """End such a cut. Raises a KVError."""
    healed = links.heal(admins, (source, to), both=both)
    text = f"the link {_way(source, to, both)} is fixed"
    if not healed:
        text = f"the link {_way(source, to, both)} was not cut; nothing was done"
    return Shown((text,), {"healed": [list(pair) for pair in healed]})


def links_of(admins: Admins, replicas: Iterable[int]) -> Shown:
    """Show how these replicas are connected to the others, and all cuts that any replica keeps.

    Raises a KVError where nobody answers: which links are cut is not known then.
    """
    every = _each(admins, admins.ids, "links")
    errors = [answer for answer in every.values() if isinstance(answer, KVError)]
    if len(errors) == len(every) or any(isinstance(one, Unsupported) for one in errors):
        raise errors[0]
    found = {replica: every[replica] for replica in replicas}
    lines = [f"replica {replica}: {_listed(each)}" for replica, each in found.items()]
    cuts = {tuple(pair) for each in every.values() for one in _rows(each) for pair in one["cuts"]}
    silent = [replica for replica, each in every.items() if _keeps_its_cuts(each)]
    known = f", as far as is known without {_named(silent)}" if silent else ""
    lines.append((f"cut: {links.named(cuts)}" if cuts else "no link is cut") + known)
    value = [{"replica": replica, "links": _rows(each) or None} for replica, each in found.items()]
    return Shown(tuple(lines), {"value": value, "cut": sorted(map(list, cuts)), "unknown": silent})


def connect(admins: Admins, replica: int) -> Shown:
    """Wait for a replica's connections to all others; what became of each."""
    return _connected(replica, admins.replica(replica, "connect", timeout=_SLOW), ())


def reconnect(admins: Admins, replica: int, without: Sequence[int] = ()) -> Shown:
    """Have a replica connect anew to all others but some; what became of each."""
    found = admins.replica(replica, "reconnect", list(without), timeout=_SLOW)
    return _connected(replica, found, without)


def _connected(replica: int, found: Sequence[Mapping[str, Any]], without: Sequence[int]) -> Shown:
    asked = [one for one in found if one["replica"] not in without]
    there = [str(one["replica"]) for one in asked if one["state"] == "connected"]
    lacking = [_link(one) for one in asked if one["state"] != "connected"]
    text = f"connected to other servers: {', '.join(there) or 'none'}"
    text += f"; not to {', '.join(lacking)}" if lacking else ""
    cut = links.named(tuple(pair) for one in found for pair in one["cuts"])
    text += f"; cut: {cut}" if cut else ""
    return Shown((text,), {"replica": replica, "value": list(found)})


def _way(source: int, to: int, both: bool) -> str:
    return f"{source}-{to}" if both else f"{source}>{to}"


def _rows(found: Any) -> list[Mapping[str, Any]]:
    return found if isinstance(found, list) else []


def _keeps_its_cuts(found: Any) -> bool:
    """Whether cuts of a replica may stand that were not heard of; without a process it has none."""
    return isinstance(found, KVError) and not was_refused(found)


def _named(replicas: Sequence[int]) -> str:
    return f"replica{'s' * (len(replicas) > 1)} {', '.join(map(str, replicas))}"


def _listed(found: Any) -> str:
    return ", ".join(map(_link, found)) if isinstance(found, list) else str(found)


def _link(one: Mapping[str, Any]) -> str:
    why = "refuses us, see STATUS" if one["why"] else _STATES[one["state"]]
    return f"{one['replica']} {why}"


# --- what a replica holds -------------------------------------------------------------------------


def blocks(admins: Admins, replica: int, last: int = 0) -> Shown:
    """Show a replica's log, a block a line: all that it keeps, or the `last` ones.

    After the decided blocks come those that it has accepted and does not know to be chosen. Raises
    a KVError.
    """
    pending = admins.replica(replica, "tentative")  # first: what is chosen meanwhile is decided
    page = admins.replica(replica, "log", None if last else 1, min(last or _PAGE, _PAGE))
    anchor, found = page["anchor"], [one | {"state": "decided"} for one in page["blocks"]]
    while not last and found and found[-1]["slot"] < page["applied"]:
        page = admins.replica(replica, "log", found[-1]["slot"] + 1, _PAGE)
        found += [one | {"state": "decided"} for one in page["blocks"]]
    later = [one for one in pending["blocks"] or () if one["slot"] > page["applied"]]
    found += [one | {"state": "tentative"} for one in later]
    known = pending["blocks"] is not None
    fields = {"replica": replica, "anchor": anchor, "applied": page["applied"]}
    lines = tuple(_block_lines(anchor, found, known))
    return Shown(lines, {**fields, "tentative": len(later) if known else None, "value": found})


def _block_lines(
    anchor: Mapping[str, Any], found: Sequence[Mapping[str, Any]], known: bool
) -> Iterator[str]:
    yield anchored(anchor)
    if found:
        yield from block_table(found, "slot", "ballot", "state", "previous", "hash", "operations")
    else:
        yield "no blocks"
    if not known:
        yield "the acceptor is down: which blocks are tentative is not known"


def pairs(admins: Admins, replica: int) -> Shown:
    """Show all keys and values that a replica has applied. Raises a KVError."""
    found: list[Sequence[Any]] = []
    page = admins.replica(replica, "pairs", timeout=_SLOW)
    first = last = page["revision"]
    while page["pairs"]:
        found += page["pairs"]
        last = page["revision"]
        page = admins.replica(replica, "pairs", found[-1][0], timeout=_SLOW)
    widest = min(40, max((width(quoted(key)) for key, _ in found), default=0))
    lines = [f"{padded(quoted(key), widest)}  {shortened(value)}" for key, value in found]
    moved = f", changed from revision {first} meanwhile" if first != last else ""
    count = f"{len(found)} key{'' if len(found) == 1 else 's'}"
    lines.append(f"{count} at replica {replica}, revision {last}{moved}")
    value = [_pair(key, value) for key, value in found]
    return Shown(tuple(lines), {"replica": replica, "revision": last, "value": value})


def _pair(key: str, value: str | bytes) -> dict[str, str]:
    if isinstance(value, str):
        return {"key": key, "value": value}
    return {"key": key, "value": base64.b64encode(value).decode(), "encoding": "base64"}


def status(admins: Admins) -> Shown:
    """Show every replica in a line."""
    asked = _each(admins, admins.ids, "status").items()
    found = [one if isinstance(one, dict) else _silent(replica, one) for replica, one in asked]
    lines = [", ".join(_status_words(one)) for one in found]
    return Shown(tuple(lines), {"value": found})


def _silent(replica: int, error: KVError) -> dict[str, object]:
    return {"id": replica, "state": "down" if was_refused(error) else "not answering"}


def _status_words(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"replica {one['id']}: {one['state']}"
    if one.get("ballot"):
        yield str(one["role"])
        yield f"ballot {'.'.join(map(str, one['ballot']))}"
    for name in ("applied", "chosen", "revision", "keys"):
        if one.get(name) is not None:
            yield f"{name} {one[name]}"
    if one.get("digest"):
        yield f"digest {one['digest'][:HASH]}"
    down = [name for name, role in (one.get("roles") or {}).items() if role["state"] != "up"]
    yield from [f"{name} down" for name in down]


def restore(admins: Admins, replica: int, peer: int | None = None) -> Shown:
    """Have a replica catch up with a peer, the furthest by default. Raises a KVError."""
    if peer is not None and peer not in admins.ids:
        raise InvalidRequest(unknown_replica(peer, admins.ids))
    source = source_for(entries(admins), replica) if peer is None else peer
    if source is None:
        raise ConnectionFailed(f"no other replica is up to restore replica {replica} from")
    found = admins.replica(replica, "restore", source, timeout=_RESTORE)
    return Shown((caught_up(replica, found, peer),), {"replica": replica, "value": found})


def caught_up(replica: int, found: Mapping[str, Any], asked: int | None) -> str:
    """Say what a restore brought, and where the peer that was `asked` for did not give it."""
    other = asked is not None and found["peer"] != asked
    keys, missed = found["keys"], found["missed"]
    return (
        f"replica {replica} has caught up with replica {found['peer']} by its {found['by']}: "
        f"slot {found['slot']}, {keys} key{'s' * (keys != 1)}; "
        f"it had missed {missed} write{'s' * (missed != 1)}"
        + (f"; replica {asked}, which was asked for, did not answer" if other else "")
    )


def entries(admins: Admins) -> list[Any]:
    """Ask every replica for its entry of the status; those that answer."""
    return [one for one in _each(admins, admins.ids, "status").values() if isinstance(one, dict)]


def would_lose(admins: Admins, order: str, *args: object) -> str | None:
    """Say what an order would lose, if that is the quorum as far as those that answer know."""
    found = entries(admins)
    quorum = needs_of(found, len(admins.ids))["votes"]
    return losing({"replicas": found, "quorum": quorum}, order, args)


def _each(admins: Admins, replicas: Iterable[int], method: str) -> dict[int, Any]:
    """Ask replicas at the same time; the answer of each, or the KVError that it gave."""

    def ask(replica: int) -> Any:
        try:
            return admins.replica(replica, method)
        except KVError as error:
            return error

    asked = list(replicas)
    with ThreadPoolExecutor(len(asked) or 1) as pool:
        return dict(zip(asked, pool.map(ask, asked), strict=True))


def queue(admins: Admins, replica: int) -> Shown:
    """Show the requests that a replica has not answered yet. Raises a KVError."""
    found = admins.replica(replica, "queue")
    lines = []
    for name, count in found["counts"].items():
        lines.append(f"{name.replace('_', ' ')}: {count}")
        lines += [f"  {operation(one)}, {one['left']:.1f} s left" for one in found[name]]
        if count > len(found[name]):
            lines.append(f"  and {count - len(found[name])} more")
    return Shown(tuple(lines), {"replica": replica, **found})
