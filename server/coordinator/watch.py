"""What the coordinator does for each process that it keeps: health, restore, the lost disk.

Rules: a hung process is noticed and left alone; a replica that comes up among others is restored
from a peer's snapshot; one that says its disk is lost gets a new folder to recover in, while a
majority still has its own.
It decides nothing about quorums of live replicas and takes no orders.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from kvrmi.config import Cluster

from . import founding
from .health import Admins
from .launch import Launcher, last_line
from .processes import Process

log = logging.getLogger("kvrmi.server.watch")

EXAMINE_EVERY = 1.0
"""Seconds between two health calls to a replica in good health."""
DISK_LOST = 4
"""Exit status of a replica whose disk is lost or older than what its peers remember."""

Restore = Callable[[int], Mapping[str, Any]]


class NameServerWatch:
    """The name server: launched again whenever it ends, the replicas fill it."""

    def __init__(self, launcher: Launcher) -> None:
        """Start nothing yet."""
        self._launcher = launcher

    def launch(self) -> Process:
        """Start it. Raises OSError."""
        return self._launcher.nameserver()

    def probe(self) -> None:
        """Ask nothing: that it runs is enough."""

    def ended(self, status: int | None) -> str | None:
        """Launch it again."""
        return None


class ReplicaWatch:
    """One replica."""

    def __init__(
        self, replica: int, cluster: Cluster, launcher: Launcher, admins: Admins, restore: Restore
    ) -> None:
        """Start nothing yet. restore: has it restored from a peer of the callee's choice."""
        self.restored: Mapping[str, Any] | None = None
        self.restore_due = False
        self._replica = replica
        self._cluster = cluster
        self._launcher = launcher
        self._admins = admins
        self._restore = restore
        self._answers = False
        self._examine_at = 0.0

    def launch(self) -> Process:
        """Start it, with a new folder if it lost its own. Raises OSError.

        `restore_due` says whether it is restored as well.
        """
        if not founding.is_formatted(self._launcher.data, self._replica):
            self._recover()
        process = self._launcher.replica(self._replica)
        self.restored = None
        self._examine_at = 0.0
        return process

    def probe(self) -> None:
        """Call it, when it is time to, and restore it if that is due."""
        now = time.monotonic()
        if now < self._examine_at:
            return
        entry = self._admins.entry(self._replica)
        self._note(entry is not None)
        if entry is not None and self.restore_due:
            self._try_restore()
        if not self.restore_due:
            self._examine_at = now + EXAMINE_EVERY

    def ended(self, status: int | None) -> str | None:
        """Launch it again and have it restored; after a lost disk with a new folder."""
        self.restore_due = True
        said = last_line(self._launcher.output(self._replica))
        log.warning("replica %d, last line of output: %s", self._replica, said or "nothing")
        if status != DISK_LOST:
            return None
        try:
            self._recover()
        except OSError as error:
            return str(error)
        return None

    def _recover(self) -> None:
        """Give it a new folder to recover in. Raises OSError if too many have lost theirs."""
        entries = self._admins.entries()
        recovering = [one for one in entries.values() if one and one["state"] == "recovering"]
        if len(recovering) >= founding.spare(self._cluster):
            raise OSError("its disk is lost like that of others, acknowledged data may be gone")
        founding.recover(self._cluster, self._launcher.data, self._replica)
        log.warning("replica %d has a new folder to recover in", self._replica)

    def _try_restore(self) -> None:
        try:
            self.restored = self._restore(self._replica)
            self.restore_due = False
        except Exception as error:  # it is tried again at the next look
            log.info("replica %d not restored yet: %s", self._replica, error)
            self._examine_at = time.monotonic() + 0.5

    def _note(self, answers: bool) -> None:
        if answers != self._answers:
            self._answers = answers
            level = logging.INFO if answers else logging.WARNING
            text = "answers" if answers else "does not answer"
            log.log(level, "replica %d %s", self._replica, text)
