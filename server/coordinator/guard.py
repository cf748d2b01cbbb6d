"""The lost-disk guard: how many replicas may begin anew, each knowing nothing of its former votes.

Rules: whoever is not known to have its own disk counts as lost, until it answers as a voter; a
folder is made anew only while a majority of all replicas, this one not among them, is known. One
at a time: whoever was given a new folder is not known until it has rejoined.
It ends and starts no process.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.status import votes

from ..folder import FolderRefused
from . import folders
from .folders import Unusable
from .health import Admins

log = logging.getLogger("kvrmi.server.guard")


class LostDisks:
    """Gives replicas that lost their disk new folders, as long as that loses no vote."""

    def __init__(self, cluster: Cluster, data: Path, admins: Admins) -> None:
        """Guard the folders in `data`."""
        self._cluster = cluster
        self._data = data
        self._admins = admins
        self._lock = threading.Lock()

    def renew(self, replica: int, why: str) -> None:
        """Give a replica a new folder to recover in. Raises OSError when that must not be."""
        with self._lock:
            known = self._known() - {replica}
            if len(known) < self._cluster.quorum:
                raise Unusable(self._too_few(why, known))
            try:
                aside = folders.renew(self._cluster, self._data, replica)
            except FolderRefused as error:
                raise Unusable(str(error)) from error
        kept = f", what was there is kept in {aside}" if aside else ""
        log.warning("replica %d has a new folder to recover in: %s%s", replica, why, kept)

    def loss(self, replica: int) -> str | None:
        """Say why a replica's disk counts as lost; None while it is there. Raises Unusable."""
        return folders.loss(self._cluster, self._data, replica)

    def _known(self) -> set[int]:
        """Who answers as a voter: the role that votes has read its own disk, and counts."""
        entries = self._admins.entries().items()
        return {one for one, entry in entries if entry is not None and votes(entry)}

    def _too_few(self, why: str, known: set[int]) -> str:
        names = ", ".join(map(str, sorted(known))) or "none"
        return (
            f"its disk is lost: {why}. Nothing was formatted: first {self._cluster.quorum} others "
            f"must answer and vote with their own disks; those that do now: {names}. Start the "
            "others or put their folders back; with a majority of the disks lost, make a new "
            "cluster from the best copy: kvrmi-cluster recover --from FOLDER --data NEW"
        )
