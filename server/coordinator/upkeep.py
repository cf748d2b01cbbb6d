"""What the coordinator does for each process that it keeps: health, restore, the lost disk.

Rules: a hung process is noticed and left alone; a replica that comes up among others catches
up with a peer; one that says its disk is lost gets a new folder if the guard allows it; one
that loses disks or breaks an invariant again and again is left down: one more start helps nobody.
It takes no orders.
"""

from __future__ import annotations

import logging
import re
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

from kvrmi.cluster.status import ReplicaEntry
from kvrmi.errors import Unsupported, from_builtin

from .. import endings
from . import folders
from .guard import LostDisks
from .health import Admins
from .launch import Launcher, last_line
from .processes import Process
from .supervisor import PAUSE_CAP, PAUSE_FIRST, Ending

log = logging.getLogger("kvrmi.server.upkeep")

EXAMINE_EVERY = 1.0
"""Seconds between two health calls to a replica in good health."""
STARTING = 30.0
"""Seconds after its launch until which a replica that has not answered is starting, not hung."""
DISK_LOST, INVARIANT = endings.STATUS[endings.DISK], endings.STATUS[endings.INVARIANT]
"""Exit statuses of a replica: its disk is lost or an old copy; an invariant does not hold."""
GRAVE_MOST, GRAVE_WITHIN = 3, 3600.0
"""So many lost disks or broken invariants within so many seconds, and the replica is left down."""
NEEDED_CAP = 0.5
"""Seconds that a replica which the quorum needs, and which cannot start, waits at most."""

Restore = Callable[[int], Mapping[str, Any]]


class NameServerUpkeep:
    """The name server: launched again whenever it ends, the replicas fill it."""

    def __init__(self, launcher: Launcher) -> None:
        """Start nothing yet."""
        self._launcher = launcher

    def launch(self) -> Process:
        """Start it, unless it runs. Raises OSError."""
        return self._launcher.find_nameserver() or self._launcher.nameserver()

    def probe(self) -> None:
        """Ask nothing: that it runs is enough."""

    def ended(self, pid: int, status: int | None) -> Ending:
        """Launch it again."""
        return Ending(_end(status))

    def longest_pause(self) -> float:
        """Nobody waits for it."""
        return PAUSE_CAP


class ReplicaUpkeep:
    """One replica."""

    def __init__(
        self,
        replica: int,
        launcher: Launcher,
        admins: Admins,
        guard: LostDisks,
        restore: Restore,
        needed: Callable[[], bool],
    ) -> None:
        """Start nothing yet.

        restore: has it restored from a peer of the callee's choice; needed: whether the others are
        no quorum without it.
        """
        self.restored: Mapping[str, Any] | None = None
        self.restore_due = False
        self.entry: ReplicaEntry | None = None
        """What it answered when it was asked last."""
        self._replica = replica
        self._launcher = launcher
        self._admins = admins
        self._guard = guard
        self._restore = restore
        self._needed = needed
        self._answers = False
        self._answered = False
        self._starting_until = 0.0
        self._examine_at = 0.0
        self._lost: str | None = None
        self._grave: list[float] = []
        self._refused = False

    @property
    def starting(self) -> bool:
        """Whether it was launched a short while ago and has not answered since."""
        return not self._answered and time.monotonic() < self._starting_until

    def launch(self) -> Process:
        """Start it unless it runs, with a new folder if it lost its own. Raises OSError.

        `restore_due` says whether it is restored as well.
        """
        process = self._launcher.find_replica(self._replica)
        self._starting_until = 0.0
        if process is None:
            self._see_to_disk()
            process = self._launcher.replica(self._replica)
            self._starting_until = time.monotonic() + STARTING
        self.restored = self.entry = None
        self._answered = False
        self._examine_at = 0.0
        return process

    def forget(self) -> None:
        """Begin with the folder that is there, whatever came up before: an operator ordered it."""
        self._lost, self._grave = None, []

    def probe(self) -> None:
        """Call it, when it is time to, and restore it if that is due."""
        now = time.monotonic()
        if now < self._examine_at:
            return
        entry = self._admins.examine(self._replica)
        self._note(entry)
        if entry is not None and self.restore_due:
            self._try_restore()
        if not self.restore_due:
            self._examine_at = now + EXAMINE_EVERY

    def ended(self, pid: int, status: int | None) -> Ending:
        """Launch it again and have it restored; after a lost disk with a new folder."""
        self.restore_due = True
        self._note(None)
        said = last_line(self._launcher.output(self._replica))
        said = _PROGRAM.sub("kvrmi-server: ", said)
        left = endings.last(folders.of(self._launcher.data, self._replica))
        if left is not None and left.pid == pid:
            status, said = left.status, left.line  # an adopted one's status is known no other way
        self._refused = status is not None and status > 0 and not self._answered
        if status == DISK_LOST:
            self._lost = said or "it gave no reason"
        reason = f"{_end(status)} ({said})" if said and status != 0 else _end(status)
        return Ending(reason, again=status not in (DISK_LOST, INVARIANT) or not self._too_often())

    def longest_pause(self) -> float:
        """Keep nobody waiting for a quorum, unless starting it once more is no use."""
        if not self._needed():
            return PAUSE_CAP
        return NEEDED_CAP if self._refused else PAUSE_FIRST

    def _see_to_disk(self) -> None:
        """Have a disk, if need be a new one. Raises OSError where that must not be."""
        lost = self._guard.loss(self._replica) or self._lost
        if lost is not None:
            self._guard.renew(self._replica, lost)
            self._lost = None

    def _too_often(self) -> bool:
        now = time.monotonic()
        self._grave = [one for one in self._grave if now - one < GRAVE_WITHIN] + [now]
        return len(self._grave) >= GRAVE_MOST

    def _try_restore(self) -> None:
        try:
            self.restored = self._restore(self._replica)
            self.restore_due = False
        except Exception as error:  # it is tried again at the next look
            if isinstance(from_builtin(error), Unsupported):
                self.restore_due = False  # its engine has nothing that others could restore
                return
            log.info("replica %d not restored yet: %s", self._replica, error)
            self._examine_at = time.monotonic() + 0.5

    def _note(self, entry: ReplicaEntry | None) -> None:
        self.entry, answers = entry, entry is not None
        self._answered = self._answered or answers
        if answers != self._answers:
            self._answers = answers
            level = logging.INFO if answers else logging.WARNING
            text = "answers" if answers else "does not answer"
            log.log(level, "replica %d %s", self._replica, text)


_PROGRAM = re.compile(r"^python -m (kvrmi\.)?server: ")
"""As what a replica's process names itself, which no user started by that name."""


def _end(status: int | None) -> str:
    if status is None:
        return "ended"
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with exit status {status}"
