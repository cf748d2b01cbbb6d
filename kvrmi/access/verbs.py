"""Commands of the classic systems' servers: links, blocks, pairs, queue; as lines and as fields.

One implementation for a replica's own console and for clients. Rules: each asks admin objects and
nobody else; what came from the store is written so that a terminal obeys none of it. It prints
nothing, and reads no line.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..cluster.status import source_for
from ..errors import ConnectionFailed, KVError, Unsupported, was_refused
from . import links
from .admins import Admins

__all__ = [
    "Shown",
    "blocks",
    "caught_up",
    "connect",
    "entries",
    "fail_link",
    "fix_link",
    "links_of",
    "operation",
    "pairs",
    "queue",
    "reconnect",
    "restore",
    "status",
]

_SLOW = 5.0
"""Seconds for what waits for connections, or reads a whole log."""
_RESTORE = 35.0
"""Seconds for what waits for a replica to have caught up."""
_HASH = 12
"""Hexadecimal digits of a hash in a line."""
_OPERATIONS = 3
"""Operations of a block in a line."""
_CLIENT = 12
"""Characters of the id of a client without a name."""
_PAGE = 500
"""Blocks that are asked for at a time."""
_VALUE = 200
"""Characters or bytes of a value in a line."""
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
    """Show how these replicas are connected to the others, and what is cut."""
    found: dict[int, Any] = {}
    for replica in replicas:
        try:
            found[replica] = admins.replica(replica, "links")
        except Unsupported:
            raise  # nobody has any
        except KVError as error:
            found[replica] = str(error)
    lines = [f"replica {replica}: {_listed(each)}" for replica, each in found.items()]
    cuts = {tuple(pair) for each in found.values() for one in _rows(each) for pair in one["cuts"]}
    lines.append(f"cut: {links.named(cuts)}" if cuts else "no link is cut")
    value = [{"replica": replica, "links": _rows(each) or None} for replica, each in found.items()]
    return Shown(tuple(lines), {"value": value, "cut": sorted(map(list, cuts))})


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
    yield f"anchor: slot {anchor['slot']}, hash {anchor['hash'][:_HASH]}"
    if found:
        rows = [("slot", "ballot", "state", "previous", "hash", "operations"), *map(_row, found)]
        widths = [max(len(row[at]) for row in rows) for at in range(5)]
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            yield "  ".join([*cells, row[-1]]).rstrip()
    else:
        yield "no blocks"
    if not known:
        yield "the acceptor is down: which blocks are tentative is not known"


def _row(block: Mapping[str, Any]) -> tuple[str, ...]:
    more = block["count"] - _OPERATIONS
    named = [operation(one) for one in block["commands"][:_OPERATIONS]]
    return (
        str(block["slot"]),
        ".".join(map(str, block["ballot"] or "-")),
        block["state"],
        (block["previous"] or "?")[:_HASH],
        (block["hash"] or "?")[:_HASH],
        "; ".join(named + [f"and {more} more"] * (more > 0)) or "no-op",
    )


def operation(one: Mapping[str, Any]) -> str:
    """Write a command or a question in a few words: what is asked, and by whom if that is known."""
    words = [one["op"], *(_argument(arg) for arg in one["args"] if arg is not None)]
    return " ".join([*words, *_by(one["id"])])


def _argument(argument: Any) -> str:
    if isinstance(argument, list | tuple):
        return f"[{' '.join(map(_argument, argument))}]"
    return _value(argument) if isinstance(argument, str | bytes) else str(argument)


def _by(id: Sequence[Any]) -> list[str]:
    """Name the client and its sequence, or the replica that a client without a session asked."""
    if len(id) == 3:
        return [f"by replica {id[0]}"]
    named, _, rest = str(id[0]).rpartition(":") if id else ("", "", "")
    return [f"by {_safe(named or rest[:_CLIENT])}/{id[1]}"] if id else []


def pairs(admins: Admins, replica: int) -> Shown:
    """Show all keys and values that a replica has applied. Raises a KVError."""
    found: list[Sequence[Any]] = []
    page = admins.replica(replica, "pairs", timeout=_SLOW)
    first = last = page["revision"]
    while page["pairs"]:
        found += page["pairs"]
        last = page["revision"]
        page = admins.replica(replica, "pairs", found[-1][0], timeout=_SLOW)
    widest = max((len(_text(key)) for key, _ in found), default=0)
    lines = [f"{_text(key):<{min(widest, 40)}}  {_value(value)}" for key, value in found]
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
    found = []
    for replica in admins.ids:
        try:
            found.append(admins.replica(replica, "status"))
        except KVError as error:
            found.append(
                {"id": replica, "state": "down" if was_refused(error) else "not answering"}
            )
    lines = [", ".join(_status_words(one)) for one in found]
    return Shown(tuple(lines), {"value": found})


def _status_words(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"replica {one['id']}: {one['state']}"
    if one.get("ballot"):
        yield str(one["role"])
        yield f"ballot {'.'.join(map(str, one['ballot']))}"
    for name in ("applied", "chosen", "revision", "keys"):
        if one.get(name) is not None:
            yield f"{name} {one[name]}"
    if one.get("digest"):
        yield f"digest {one['digest'][:_HASH]}"
    down = [name for name, role in (one.get("roles") or {}).items() if role["state"] != "up"]
    yield from [f"{name} down" for name in down]


def restore(admins: Admins, replica: int, peer: int | None = None) -> Shown:
    """Have a replica catch up with a peer, the furthest by default. Raises a KVError."""
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
    found = []
    for replica in admins.ids:
        with contextlib.suppress(KVError):
            found.append(admins.replica(replica, "status"))
    return found


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


# --- text -----------------------------------------------------------------------------------------


def _text(text: str) -> str:
    return '"' + _safe(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def _value(value: str | bytes) -> str:
    shown = value[:_VALUE]
    size = f" .. ({len(value)} long)" if len(value) > _VALUE else ""
    return (_text(shown) if isinstance(shown, str) else repr(shown)) + size


def _safe(text: str) -> str:
    """Write what a terminal might obey as an escape."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )
