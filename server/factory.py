"""Makes a replica's declared roles from what its folder holds, as often as they are started.

Rule: what a folder says of its founding holds for the first start of a role alone.
It starts nothing, listens nowhere, and knows no role by name.
"""

from __future__ import annotations

import logging
import random
from functools import partial

from kvrmi.cluster.config import Cluster
from kvrmi.roles.contract import Role
from kvrmi.roles.declaration import Declaration, Kind, Others, Setting
from kvrmi.storage.interface import Storage

from .folder import Folder


class Factory:
    """Each call makes a new role."""

    def __init__(
        self,
        declared: Declaration,
        cluster: Cluster,
        me: int,
        folder: Folder,
        boot: bytes,
        others: Others,
    ) -> None:
        """`boot`: 8 random bytes of this start of the process; `others`: the roles that are up."""
        self._cluster = cluster
        self._me = me
        self._folder = folder
        self._boot = boot
        self._others = others
        self._rng = random.Random()
        self._founding = folder.identity.founding
        self._made: set[str] = set()
        self._daemons = frozenset(declared.daemons)

    def make(self, kind: Kind, now: float, incarnation: int, log: logging.Logger) -> Role:
        """Take up a role of a kind and log it. Raises StorageFailed, and Corrupt if it is final."""
        role = self._load(kind, self._setting(kind), now)
        self._made.add(kind.name)
        if kind.name in self._daemons:
            started = "STARTED" if incarnation == 1 else "RESTARTED"
            log.info("%s", f"{started} incarnation={incarnation} {kind.about(role)}".rstrip())
        return role

    def _load(self, kind: Kind, setting: Setting, now: float) -> Role:
        if kind.disk is None:
            return kind.make(setting, None, now)
        return self._folder.load(kind.disk.file, partial(self._from, kind, setting, now))

    def _from(self, kind: Kind, setting: Setting, now: float, storage: Storage) -> Role:
        return kind.make(setting, storage, now)

    def _setting(self, kind: Kind) -> Setting:
        cluster, identity = self._cluster, self._folder.identity
        return Setting(
            me=self._me,
            ids=cluster.ids,
            timing=cluster.timing,
            keep=cluster.log_entries,
            boot=self._boot,
            rng=self._rng,
            disk=identity.disk,
            recovering=identity.recovering,
            founding=self._founding and kind.name not in self._made,
            others=self._others,
            history=cluster.history,
        )
