"""The end of the demo: the state of all replicas, their logs, and whether everything held.

Rule: a check compares what was recorded while the load ran with what the store holds now; none is
taken for granted.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from kvrmi.access.store import connect
from kvrmi.cluster.status import ReplicaEntry

from .load import longest_pause, strip
from .logs import Line, newest_slot, of_failure, of_slot, of_succession
from .stage import Failure, Outage, Stage

STRIP = 72
"""Columns of the strip of writes."""
PAUSE_LIMIT = 5.0
"""A longer pause in writes, in seconds, fails the demo."""
PAGE = 500
"""Keys that are read back with one call."""


Result = tuple[bool, str]
"""Whether a check passed, and what it found."""


def table(stage: Stage, outage: Outage, killed: str) -> None:
    """Show the writes over time, and all replicas side by side once they are level.

    `killed`: what to call the replica that was.
    """
    begin, end = max(0.0, outage.down_at - 4), stage.load.ended
    counts = strip(stage.load.moments(), begin, end, STRIP)
    column = STRIP / (end - begin)
    marks = {
        int((outage.down_at - begin) * column): "x",
        int((outage.back_at - begin) * column): "^",
    }
    stage.show.say("")
    stage.show.strip(
        counts,
        marks,
        f"writes acknowledged, {begin:.1f} s to {end:.1f} s: x {killed} is killed, ^ it is back",
    )
    stage.show.say("")
    _level(stage)
    stage.show.say("The replicas, once the load has stopped:")
    rows = [_row(entry) for entry in stage.control.status()["replicas"]]
    headings = ("id", "state", "role", "ballot", "applied", "keys", "digest", "pid", "address")
    stage.show.table(headings, rows, spare="address")


def logs(stage: Stage, failures: Sequence[Failure], outage: Outage) -> None:
    """Show one decision, one failure and the change of leaders, as the replicas logged them."""
    files = {one: stage.log_of(one) for one in stage.control.cluster.ids}
    stage.show.act(
        4,
        "What the logs show",
        "The decision of one slot, from proposal to commit, in the logs of all replicas:",
    )
    slot = newest_slot(files)
    lines(stage, of_slot(files, slot) if slot is not None else [])
    if failures:
        victim = failures[0].replica
        stage.show.say("")
        stage.show.say(f"And the first failure of an acceptor, that of replica {victim}:")
        lines(stage, of_failure(files, victim, "acceptor")[:2])
    stage.show.say("")
    stage.show.say(f"And how replica {outage.successor} came to lead:")
    lines(stage, of_succession(files, outage.victim, outage.successor))


def lines(stage: Stage, found: Sequence[Line]) -> None:
    """Show lines of logs."""
    for line in found:
        stage.show.say(f"{line.time}  replica {line.replica}  {line.text}")


def checks(stage: Stage, number: int, results: Iterable[Result]) -> int:
    """Compare what was recorded with what is there; returns how many checks failed.

    `number` is that of the act.
    """
    stage.show.act(
        number,
        "The checks",
        "What the clients recorded, compared with what the store holds now.",
    )
    failed = 0
    for passed, text in results:
        stage.show.check(passed, text)
        failed += not passed
    return failed


def writes(stage: Stage) -> Result:
    """Check that every acknowledged write is there."""
    wanted = stage.load.acknowledged()
    lost = []
    with connect(config=str(stage.config)) as store:
        for keys in _pages([*wanted]):
            found = store.get_many(keys)
            lost += [key for key, value in zip(keys, found, strict=True) if value != wanted[key]]
    unknown = sum(client.unknown for client in stage.load.clients)
    doubt = f" ({unknown} more had an unknown outcome)" if unknown else ""
    if lost:
        return False, f"{len(lost)} of {len(wanted)} acknowledged writes are missing: {lost[:3]}"
    return bool(wanted), f"{len(wanted)} acknowledged writes, all present{doubt}"


def reads(stage: Stage) -> Result:
    """Check that no read was older than what had been acknowledged."""
    count = sum(client.reads for client in stage.load.clients)
    stale = list(itertools.chain.from_iterable(client.stale for client in stage.load.clients))
    if stale:
        return False, f"{len(stale)} of {count} reads were stale: {stale[0]}"
    return count > 0, f"{count} reads of what another client had just written, none stale"


def digests(stage: Stage) -> Result:
    """Check that all replicas hold the same."""
    entries = stage.entries()
    found = {replica: entry["digest"] or "" for replica, entry in entries.items()}
    count = len(stage.control.cluster.ids)
    if len(found) < count:
        return False, f"only replicas {sorted(found)} answer"
    if len(set(found.values())) > 1:
        each = ", ".join(f"{replica}: {short(one)}" for replica, one in found.items())
        return False, f"the replicas' contents differ: {each}"
    return (
        True,
        f"all {count} replicas hold the same contents, digest {short(found.popitem()[1])}",
    )


def acceptors(failures: Sequence[Failure]) -> Result:
    """Check that every acceptor that failed came back."""
    away = [one.replica for one in failures if one.back_at is None]
    if away:
        return False, f"acceptors that did not come back: {away}"
    count = f"{len(failures)} failure{'s' * (len(failures) != 1)}"
    return True, f"{count} of acceptors, each came back with what was on its disk"


def restore(outage: Outage) -> Result:
    """Check that the killed replica was restored from a peer."""
    return (
        outage.restored.get("peer") is not None,
        f"replica {outage.victim}, {outage.back_at - outage.down_at:.1f} s dead, was restored from "
        f"replica {outage.restored.get('peer')}",
    )


def pause(stage: Stage) -> Result:
    """Check that writes went on soon enough."""
    longest, _ = longest_pause(stage.load.moments(), 0.0, stage.load.ended)
    return longest <= PAUSE_LIMIT, f"the longest pause in writes was {longest:.2f} s"


def _level(stage: Stage) -> None:
    """Wait until all replicas have applied the same slots; the checks show if they did not."""

    def level() -> bool:
        entries = stage.entries().values()
        places = {(entry["applied"], entry["digest"]) for entry in entries}
        return len(entries) == len(stage.control.cluster.ids) and len(places) == 1

    stage.until(level, 10)


def _row(entry: ReplicaEntry) -> tuple[str, ...]:
    ballot = ".".join(map(str, entry.get("ballot") or ()))
    cells = (entry.get("role"), ballot, entry["applied"], entry["keys"])
    shown = ("" if one is None else str(one) for one in cells)
    digest = short(entry["digest"]) if entry["digest"] else ""
    pid = str(entry["pid"] or "")
    return str(entry["id"]), entry["state"], *shown, digest, pid, entry["address"]


def _pages(keys: Sequence[str]) -> Sequence[Sequence[str]]:
    return [keys[at : at + PAGE] for at in range(0, len(keys), PAGE)]


def short(digest: str) -> str:
    """Enough of a digest to compare by eye."""
    return digest[:8]
