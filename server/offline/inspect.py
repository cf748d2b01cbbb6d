"""`kvrmi-server inspect FOLDER`: what a stopped replica's disks hold, for a person or as JSON.

Rules: it changes nothing; what cannot be read is named and does not hide the rest. Exit status:
0 sound, 1 refused (no such folder, or a replica runs on it), 4 damaged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kvrmi.cli import Parser, complain
from kvrmi.operations.commands import summary
from kvrmi.state.log import Entry, Log, unpack_batch

from .. import endings
from ..folder import FolderRefused, Identity
from .stopped import KIND, Learned, Stopped, Voted, catch_up, open_stopped, spans, tail_of

COMMAND = "inspect"
REFUSED, DAMAGED = 1, 4
SHOWN = 5
"""Entries of the log that are listed, the last ones."""
_STAGES = {0: "votes", 1: "recovering, must copy from its peers", 2: "recovering, has copied"}


def main(argv: Sequence[str]) -> int:
    """Print what the folder holds; returns the exit status."""
    given = _parser().parse_args(argv)
    try:
        with open_stopped(given.folder) as stopped:
            found = report(stopped)
    except FolderRefused as error:
        complain(str(error), COMMAND)
        return REFUSED
    print(json.dumps(found) if given.json else "\n".join(_lines(found)))
    return DAMAGED if found["damage"] else 0


def report(stopped: Stopped) -> dict[str, Any]:
    """Collect everything as plain values; null where a file cannot be read.

    `recovered` is what recover and export make of this copy: the state with the tail applied.
    """
    voter, learned, tail = stopped.voter, stopped.learned, tail_of([stopped])
    ended = endings.last(stopped.path)
    found = {
        "folder": str(stopped.path),
        "damage": list(stopped.damage),
        "ended": None if ended is None else ended.line,
        "identity": None if voter is None else _identity(voter.identity),
        "acceptor": None if voter is None else _acceptor(voter),
        "learner": None if learned is None else _learner(learned),
        "tail": {
            "chosen": [_entry(entry) for entry in tail.entries[: tail.sure]],
            "possible": [_entry(entry) for entry in tail.entries[tail.sure :]],
            "unusable": list(tail.beyond),
        },
        "recovered": None,
    }
    if learned is not None:
        found["recovered"] = _state(catch_up([stopped]).learned)
    return found


def _identity(identity: Identity) -> dict[str, object]:
    members = {str(replica): disk for replica, disk in identity.members.items()}
    return identity._asdict() | {"members": members}


def _acceptor(voter: Voted) -> dict[str, object]:
    state, slots = voter.votes.state, sorted(voter.votes.accepted)
    return {
        "clean": voter.clean,
        "promised": list(state.promised),
        "epoch": state.epoch,
        "stage": state.stage,
        "writes": state.writes,
        "truncated": state.truncated,
        "chosen": state.chosen,
        "chosen_at": list(state.chosen_at),
        "accepted": {
            "count": len(slots),
            "first": slots[0] if slots else None,
            "last": slots[-1] if slots else None,
        },
    }


def _learner(learned: Learned) -> dict[str, object]:
    log = learned.state.log
    return {
        "clean": learned.clean,
        **_state(learned),
        "sessions": learned.sessions,
        "voters": [list(voter) for voter in learned.state.voters],
        "chain": log.hash.hex(),
        "log": {"first": log.first, "last": log.applied, "entries": _last_entries(log)},
    }


def _state(learned: Learned) -> dict[str, object]:
    state = learned.state
    return {
        "applied": state.applied,
        "revision": state.revision,
        "keys": state.keys,
        "digest": state.digest,
    }


def _last_entries(log: Log) -> list[dict[str, object]]:
    kept = (
        log.find(slot) for slot in range(max(log.first, log.applied - SHOWN + 1), log.applied + 1)
    )
    return [_entry(entry) | {"revision": revision} for entry, revision in filter(None, kept)]


def _entry(entry: Entry) -> dict[str, object]:
    commands = unpack_batch(entry.value)
    return {
        "slot": entry.slot,
        "ballot": list(entry.ballot),
        "commands": len(commands),
        "bytes": len(entry.value),
        "summary": summary(commands, KIND.vocabulary).removeprefix(": "),
    }


# --- for a person ---------------------------------------------------------------------------------


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    for name, text in _rows(found):
        yield f"{name:<10}  {text}"


def _rows(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "folder", found["folder"]
    if found["identity"] is not None:
        yield from _identity_rows(found["identity"])
    if found["acceptor"] is not None:
        yield from _acceptor_rows(found["acceptor"])
    if found["learner"] is not None:
        yield from _learner_rows(found["learner"])
    yield from _tail_rows(found["tail"], found["recovered"])
    if found["ended"] is not None:
        yield "ended", found["ended"]
    yield "damage", "; ".join(found["damage"]) or "none found"


def _identity_rows(identity: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "replica", f"{identity['replica']} of cluster {identity['cluster']}"
    made = "made in the place of a lost disk" if identity["recovering"] else "an original"
    yield "disk", f"{identity['disk']}, {made}{', has never run' * identity['founding']}"
    members = identity["members"] or {"": "not known yet"}
    for number, (replica, disk) in enumerate(members.items()):
        yield "" if number else "members", f"{replica}: {disk}" if replica else disk


def _acceptor_rows(acceptor: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    accepted = acceptor["accepted"]
    yield (
        "acceptor",
        f"{_STAGES[acceptor['stage']]}, epoch {acceptor['epoch']}, {_closed(acceptor)}",
    )
    yield "promised", _ballot(acceptor["promised"])
    slots = f"slots {accepted['first']} to {accepted['last']}" if accepted["count"] else "none"
    yield "accepted", f"{slots} ({accepted['count']}); up to {acceptor['truncated']} truncated"
    yield (
        "chosen",
        f"up to slot {acceptor['chosen']}, known from ballot {_ballot(acceptor['chosen_at'])}",
    )


def _learner_rows(learner: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "learner", f"slot {learner['applied']} applied, {_closed(learner)}"
    yield from _state_rows(learner)
    yield "sessions", str(learner["sessions"])
    log = learner["log"]
    yield "log", f"slots {log['first']} to {log['last']} kept, chain {learner['chain'][:12]}"
    for entry in log["entries"]:
        yield "", _entry_text(entry)


def _state_rows(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "revision", str(state["revision"])
    yield "keys", str(state["keys"])
    yield "digest", state["digest"][:12]


def _tail_rows(
    tail: Mapping[str, Any], recovered: Mapping[str, Any] | None
) -> Iterator[tuple[str, str]]:
    """Say what the acceptor has beyond the learner's disk: that is written behind the answer."""
    for name, meaning in (("chosen", "were chosen"), ("possible", "may have been chosen")):
        entries = tail[name]
        if entries:
            slots = spans([entry["slot"] for entry in entries])
            yield "beyond", f"{slots}, which {meaning}; recover and export include them"
            yield from (("", _entry_text(entry)) for entry in entries[-SHOWN:])
    if tail["unusable"]:
        yield "unusable", f"{spans(tail['unusable'])}: a slot before them is not in this folder"
    if recovered is not None and (tail["chosen"] or tail["possible"]):
        yield "with these", f"slot {recovered['applied']} applied"
        yield from _state_rows(recovered)


def _entry_text(entry: Mapping[str, Any]) -> str:
    what = entry["summary"] or "no-op"
    return f"slot {entry['slot']} at {_ballot(entry['ballot'])}, {entry['bytes']} bytes: {what}"


def _ballot(pair: Sequence[int]) -> str:
    return ".".join(map(str, pair)) if pair[0] else "none"


def _closed(part: Mapping[str, Any]) -> str:
    return "closed cleanly" if part["clean"] else "not closed cleanly"


def _parser() -> Parser:
    parser = Parser(
        "Show what the folder of a stopped replica holds; nothing in it changes.", command=COMMAND
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="such as .kvrmi/replica1")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser
