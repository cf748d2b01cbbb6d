"""Why a replica's process ended by itself: its exit status, and the reason it leaves in its folder.

Rules: every error that ends a process has one kind, and a kind one exit status; the reason is left
before the process ends, as far as the disk allows, and stays until the replica serves again.
Writing it never raises, and never keeps a process from ending. It decides nothing about restarts.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from kvrmi.roles.breaking import DISK, INVARIANT, ROLE, STORAGE, cause

__all__ = [
    "DISK",
    "INVARIANT",
    "REFUSED_STATUS",
    "ROLE",
    "STATUS",
    "STORAGE",
    "Ended",
    "clear",
    "ending",
    "last",
    "leave",
]

STATUS = {STORAGE: 3, ROLE: 3, DISK: 4, INVARIANT: 5}
"""Exit status by kind; 0 is a clean end."""
REFUSED_STATUS = 1
"""Exit status of a start that was refused: it changed nothing, and leaves nothing here either."""

_SAYS = {
    STORAGE: "the disk failed: {0.reason}",
    ROLE: "{0.part} failed: {0.reason}",
    DISK: "the disk cannot be trusted: {0.reason}",
    INVARIANT: "an invariant was broken ({0.part}), the process ended at once: {0.reason}",
}

_FORMAT = 1
_FILE = "ended.json"


class Ended(NamedTuple):
    """How the last process of a replica ended; `at` is a date and time in UTC."""

    kind: str
    part: str
    reason: str
    status: int
    pid: int
    at: str

    @property
    def line(self) -> str:
        """Say it in one line, fit to be shown."""
        return _SAYS[self.kind].format(self)


def ending(part: str, error: BaseException) -> Ended:
    """Classify the error that ends this process; `part` says where it came up."""
    kind = cause(error)
    reason = " ".join(str(error).split()) or type(error).__name__
    return Ended(kind, part, reason, STATUS[kind], os.getpid(), datetime.now(UTC).isoformat())


def leave(folder: Path, ended: Ended) -> None:
    """Write it into the replica's folder, durably if the disk still does that; never raises.

    An empty folder is no replica's any more: a bare mount point must stay one, to be known as such.
    """
    new = folder / (_FILE + ".new")
    with suppress(OSError):
        if not os.listdir(folder):
            return
        with new.open("w", encoding="utf-8") as file:
            json.dump({"format": _FORMAT, **ended._asdict()}, file)
            file.flush()
            os.fsync(file.fileno())
            new.replace(folder / _FILE)


def clear(folder: Path) -> None:
    """Remove it: the replica serves again. Never raises."""
    with suppress(OSError):
        (folder / _FILE).unlink(missing_ok=True)


def last(folder: Path) -> Ended | None:
    """Read what the last process left; None where it left nothing that can be read."""
    try:
        row = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        if row.pop("format") != _FORMAT:
            return None
        ended = Ended(**row)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return ended if _whole(ended) else None


def _whole(ended: Ended) -> bool:
    texts = (ended.kind, ended.part, ended.reason, ended.at)
    numbers = (ended.status, ended.pid)
    typed = all(type(one) is str for one in texts) and all(type(one) is int for one in numbers)
    return typed and ended.kind in _SAYS
