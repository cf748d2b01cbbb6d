"""Checks of what lies on disks: files, their owners and modes, damage, space.

Rules: as in finding.py; whose folders are on other machines is not looked at here.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping

from .. import programs
from .finding import Check, Finding, Severity, Skipped
from .seen import File, Seen

__all__ = ["FILES"]

_PRIVATE = 0o600
_OTHERS = 0o077
"""Permissions of anybody but the owner."""
_OTHERS_WRITE = 0o022
_LITTLE, _SHARE = 1 << 30, 0.05
"""Bytes, or a share of all of them, below which a disk is nearly full."""
_FULL = 64 << 20
_WAL = 128 << 20
"""Bytes of a write-ahead log that nobody takes over any more."""


def _missing(seen: Seen) -> Iterator[Finding]:
    if not seen.coordinated:
        raise Skipped("each replica's folder is on the host that it runs on")
    if seen.is_copy:
        raise Skipped("here lies a copy of the cluster's files, without its replicas' folders")
    for one in seen.cluster.ids:
        folder = f"replica{one}"
        inside = [name for name in seen.files if name.startswith(f"{folder}/")]
        if folder not in seen.unreadable and not any(name.endswith(".db") for name in inside):
            yield Finding(
                f"{folder} {'holds no records' if folder in seen.files else 'is missing'}",
                f"What replica {one} kept is lost; it may not vote until it has copied from its "
                "peers and rejoined.",
                "put the folder back, or mount what belongs there; if it is gone for good, "
                f"{'remove the empty folder: then ' * seen.is_empty(one)}"
                f"the coordinator makes a new one: {programs.typed('cluster')} --data {seen.data}",
            )


def _unreadable(seen: Seen) -> Iterator[Finding]:
    by_reason: dict[str, list[str]] = {}
    for name, why in seen.unreadable.items():
        by_reason.setdefault(why, []).append(name)
    for why, names in by_reason.items():
        yield Finding(
            f"{_some(names)} cannot be looked at: {why}",
            "What is in it is not known, and a replica that runs as you could not use it either.",
            f"run this as the owner of {seen.data}, or give it to the owner of that",
        )


def _owner(seen: Seen) -> Iterator[Finding]:
    whole = seen.files.get(".")
    if whole is None:
        raise Skipped("the data folder cannot be read")
    wrong = [name for name, file in seen.files.items() if file.owner != whole.owner]
    if wrong:
        yield Finding(
            f"{_some(wrong)} {_one_or_more(wrong, 'belongs', 'belong')} to another user than "
            f"{seen.data}",
            "Replicas that run as the owner of the data folder cannot use it, or not for long.",
            f"chown -R {whole.owner} {seen.data}",
        )


def _modes(seen: Seen) -> Iterator[Finding]:
    private = {
        name: file
        for name, file in seen.files.items()
        if name.startswith("replica") and (".db" in name or _is_folder(name, file))
    }
    wrong = [name for name, file in private.items() if "/" not in name and file.mode & _OTHERS]
    if wrong:
        yield Finding(
            f"{_some(wrong)} {_one_or_more(wrong, 'is', 'are')} open to other users",
            "It holds all that clients stored, which others may read, or change.",
            f"chmod go= {' '.join(str(seen.data / name) for name in wrong)}",
        )
    foreign = [name for name in (".", "cluster.toml") if name in seen.files]
    changed = [name for name in foreign if seen.files[name].mode & _OTHERS_WRITE]
    if changed:
        paths = [str(seen.data / name) for name in changed]
        yield Finding(
            f"{', '.join(paths)} may be changed by other users",
            "Whoever writes there says who the replicas are, and can put other folders in place.",
            f"chmod go-w {' '.join(paths)}",
        )
    locked = [name for name, file in private.items() if not file.mode & 0o200]
    if locked:
        yield Finding(
            f"{_some(locked)} may not be written by its owner",
            "A replica ends when it cannot write, and does not start.",
            f"chmod u+rwX {' '.join(str(seen.data / name) for name in locked)}",
        )


def _is_folder(name: str, file: File) -> bool:
    """Whether it is a replica's folder, and not one that was kept of a lost disk."""
    return file.folder and "/" not in name and "." not in name


def _readable(seen: Seen) -> str:
    """Say how the secret can be read again."""
    file = seen.files.get("secret")
    denied = os.strerror(errno.EACCES) in (seen.secret or "")
    if denied and file is not None and file.mode == _PRIVATE:
        return "nothing is wrong with the file: run this as its owner"
    return f"as its owner: chmod 600 {seen.data / 'secret'}; or put back a copy of it"


def _secret(seen: Seen) -> Iterator[Finding]:
    if seen.secret is not None:
        yield Finding(
            seen.secret,
            "Whoever reads the secret may give orders and pose as a replica; without it no "
            "replica starts, no order is taken, and half of these checks cannot be made.",
            _readable(seen),
        )
    if seen.doubting:
        named = list(map(str, sorted(seen.doubting)))
        yield Finding(
            f"{_one_or_more(named, 'replica', 'replicas')} {', '.join(named)} "
            f"{_one_or_more(named, 'has', 'have')} another secret than {seen.data / 'secret'}, or "
            "another cluster file",
            "Orders that are given from here are refused, and what only replicas know was not "
            "looked at.",
            f"copy both files into {seen.data} from where the replica runs",
        )


def _damaged_votes(seen: Seen) -> Iterator[Finding]:
    for one, damage in _damages(seen):
        if "learner.db" not in damage:
            yield Finding(
                f"replica {one}: {damage}",
                "What it promised and accepted cannot be trusted; it may not vote until it has "
                "copied from its peers and rejoined, which a coordinator has it do.",
                f"{programs.typed('server')} inspect {seen.data / f'replica{one}'}",
            )


def _damaged_rows(seen: Seen) -> Iterator[Finding]:
    for one, damage in _damages(seen):
        if "learner.db" in damage:
            yield Finding(
                f"replica {one}: {damage}",
                "Once it is started it puts the file aside and learns all again from its peers, as "
                "long as a majority of them is whole.",
                f"{programs.typed('server')} inspect {seen.data / f'replica{one}'}",
            )


def _damages(seen: Seen) -> Iterator[tuple[int, str]]:
    for one, found in seen.inspected.items():
        for damage in found["damage"]:
            yield one, str(damage)


def _foreign(seen: Seen) -> Iterator[Finding]:
    for one, found in seen.inspected.items():
        whose = found["identity"]
        if whose and (whose["cluster"], whose["replica"]) != (seen.cluster.id, one):
            yield Finding(
                f"replica{one} is the folder of replica {whose['replica']} of cluster "
                f"{whose['cluster']}",
                "Replicas refuse a folder that is not theirs; somebody moved a folder, or put "
                "another cluster file here.",
                "put the former cluster file back, or the folder where it was",
            )


def _uninspected(seen: Seen) -> Iterator[Finding]:
    for one, why in seen.uninspected.items():
        yield Finding(
            f"replica{one} could not be inspected: {why}",
            "Whether it is whole is not known.",
            f"{programs.typed('server')} inspect {seen.data / f'replica{one}'}",
        )


def _ended(seen: Seen) -> Iterator[Finding]:
    for one, found in seen.inspected.items():
        if found["ended"]:
            yield Finding(
                f"replica {one} ended by itself: {found['ended']}",
                "It did so rather than acknowledge what it could not keep.",
                f"tail {seen.data / f'replica{one}' / 'replica.log'}",
            )


def _leftovers(seen: Seen) -> Iterator[Finding]:
    old = [
        name
        for name, file in seen.files.items()
        if (".lost" in name and file.folder and "/" not in name) or ".damaged-" in name
    ]
    if old:
        yield Finding(
            f"{_some(old)} {_one_or_more(old, 'was', 'were')} kept from a disk that was lost or "
            "damaged",
            "Nothing uses it; it takes space, and is all that is left of what was there.",
            "once you know that you do not need it: rm -r "
            + " ".join(str(seen.data / name) for name in old),
        )


def _space(seen: Seen) -> Iterator[Finding]:
    for where, (free, size) in _disks(seen).items():
        if _FULL < free < min(_LITTLE, size * _SHARE):
            yield _little(where, free)


def _full(seen: Seen) -> Iterator[Finding]:
    for where, (free, _) in _disks(seen).items():
        if free <= _FULL:
            yield _little(where, free)


def _little(where: str, free: int) -> Finding:
    return Finding(
        f"{_bytes(free)} are free on the disk of {where}",
        "A replica ends when its disk takes no more; three of five that share a full disk are no "
        "majority.",
        "df -h, and make room; replicas go on by themselves",
    )


def _disks(seen: Seen) -> Mapping[str, tuple[int, int]]:
    """File systems by machine: that of the data folder, and those of replicas elsewhere."""
    disks = {} if seen.free is None else {str(seen.data): seen.free}
    for one, about in seen.about.items():
        if one not in seen.locked:
            disks[f"replica {one}"] = (about["disk"]["free"], about["disk"]["size"])
    if not disks:
        raise Skipped("no disk could be looked at")
    return disks


def _wal(seen: Seen) -> Iterator[Finding]:
    for name, size in _sizes(seen).items():
        if name.endswith("-wal") and size > _WAL:
            yield Finding(
                f"{name} has {_bytes(size)}",
                "It should be taken over into the file beside it long before: the disk hangs, or "
                "somebody else has the file open.",
                f"fuser -v {seen.data / name}",
            )


def _sizes(seen: Seen) -> Mapping[str, int]:
    sizes = {name: file.size for name, file in seen.files.items()}
    for one, about in seen.about.items():
        sizes |= {f"replica{one}/{name}": size for name, size in about["files"].items()}
    return sizes


def _recovering(seen: Seen) -> Iterator[Finding]:
    stages = {one: found["identity"] for one, found in seen.inspected.items()}
    waiting = [one for one, whose in stages.items() if whose and whose["recovering"]]
    waiting += [entry["id"] for entry in seen.entries if entry["state"] == "recovering"]
    for one in sorted(waiting):
        yield Finding(
            f"replica {one} makes up for a lost disk",
            "It does not vote before enough of its peers have answered and the others have "
            "chosen its return; until then fewer may fail.",
            "start the replicas that are down, and wait; STATUS shows when it is up",
        )


def _some(names: list[str]) -> str:
    more = f" (and {len(names) - 2} more)" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more


def _one_or_more(names: list[str], one: str, more: str) -> str:
    return one if len(names) == 1 else more


def _bytes(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.0f} MiB"


FILES = (
    Check(
        "missing files", "each replica's folder and the records in it", Severity.DANGER, _missing
    ),
    Check("unreadable files", "whether all can be looked at", Severity.WARNING, _unreadable),
    Check("owner", "whose the files are", Severity.WARNING, _owner),
    Check("modes", "who may read and write what is there", Severity.WARNING, _modes),
    Check("secret", "that it is there, and its owner's alone", Severity.WARNING, _secret),
    Check("damaged votes", "acceptor.db of stopped replicas", Severity.DANGER, _damaged_votes),
    Check("damaged rows", "learner.db of stopped replicas", Severity.WARNING, _damaged_rows),
    Check("foreign folder", "whose the stopped replicas' disks are", Severity.DANGER, _foreign),
    Check("not inspected", "folders that could not be read", Severity.WARNING, _uninspected),
    Check("ended", "why stopped replicas ended", Severity.WARNING, _ended),
    Check("recovering", "replicas in the place of a lost disk", Severity.WARNING, _recovering),
    Check("left over", "what was kept of lost or damaged disks", Severity.NOTE, _leftovers),
    Check("disk space", "what is free", Severity.WARNING, _space),
    Check("disk full", "whether anything is free", Severity.OUTAGE, _full),
    Check("write-ahead log", "its size", Severity.WARNING, _wal),
)
