"""The folder of a Paxos replica: what acceptor and learner hold, and what both give together.

Rule: the tail that acceptor.db has beyond learner.db belongs to the data, with how sure it is. It
changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kvrmi.state.log import Entry, Log, unpack_batch

from .files import Files
from .found import Found, Row, closed, commands_in, state_rows
from .stopped import KIND, Learned, Voted, catch_up, read_stopped, spans, tail_of

__all__ = ["read"]

SHOWN = 5
"""Entries of the log that are listed, the last ones."""
_STAGES = {0: "votes", 1: "recovering, must copy from its peers", 2: "recovering, has copied"}


def read(files: Files) -> Found:
    """Read both files; the state that comes of them has the tail applied. Raises FolderRefused."""
    stopped = read_stopped(files)
    voter, learned, tail = stopped.voter, stopped.learned, tail_of([stopped])
    parts: dict[str, Any] = {
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
        parts["recovered"] = _state(catch_up([stopped]).learned)
    return Found(
        None if voter is None else voter.identity,
        parts,
        tuple(_rows(parts)),
        None if learned is None else learned.state,
        tuple(_doubts(parts["tail"])),
    )


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
        "summary": commands_in(commands, KIND.vocabulary),
    }


# --- for a person ---------------------------------------------------------------------------------


def _doubts(tail: Mapping[str, Any]) -> Iterator[str]:
    unsure = [entry["slot"] for entry in tail["possible"]]
    if unsure:
        yield f"included although it is not sure that they were chosen: {spans(unsure)}"
    if tail["unusable"]:
        beyond = spans(tail["unusable"])
        yield f"not included, as a slot before them is not in this folder: {beyond}"


def _rows(parts: Mapping[str, Any]) -> Iterator[Row]:
    if parts["acceptor"] is not None:
        yield from _acceptor_rows(parts["acceptor"])
    if parts["learner"] is not None:
        yield from _learner_rows(parts["learner"])
    yield from _tail_rows(parts["tail"], parts["recovered"])


def _acceptor_rows(acceptor: Mapping[str, Any]) -> Iterator[Row]:
    accepted = acceptor["accepted"]
    yield (
        "acceptor",
        f"{_STAGES[acceptor['stage']]}, epoch {acceptor['epoch']}, {closed(acceptor)}",
    )
    yield "promised", _ballot(acceptor["promised"])
    slots = f"slots {accepted['first']} to {accepted['last']}" if accepted["count"] else "none"
    yield "accepted", f"{slots} ({accepted['count']}); up to {acceptor['truncated']} truncated"
    known = f", known from ballot {_ballot(at)}" if (at := acceptor["chosen_at"])[0] else ""
    yield "chosen", f"up to slot {acceptor['chosen']}{known}"


def _learner_rows(learner: Mapping[str, Any]) -> Iterator[Row]:
    yield "learner", f"slot {learner['applied']} applied, {closed(learner)}"
    yield from state_rows(learner)
    yield "sessions", str(learner["sessions"])
    log = learner["log"]
    kept = f"slots {log['first']} to {log['last']}" if log["first"] <= log["last"] else "no slots"
    yield "log", f"{kept} kept, chain {learner['chain'][:12]}"
    for entry in log["entries"]:
        yield "", _entry_text(entry)


def _tail_rows(tail: Mapping[str, Any], recovered: Mapping[str, Any] | None) -> Iterator[Row]:
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
        yield from state_rows(recovered)


def _entry_text(entry: Mapping[str, Any]) -> str:
    what = entry["summary"] or "no-op"
    return f"slot {entry['slot']} at {_ballot(entry['ballot'])}, {entry['bytes']} bytes: {what}"


def _ballot(pair: Sequence[int]) -> str:
    return ".".join(map(str, pair)) if pair[0] else "none"
