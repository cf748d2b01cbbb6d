"""Makes one replica's declared roles from its disks, as often as they are taken up, as the server.

Rule: replicas run the same roles, each as it is configured, or as a fault retimed it.
It decides nothing about when, and knows no role by name.
"""

from __future__ import annotations

from dataclasses import replace

from ..cluster.timing import Timing
from ..roles.breaking import Renewals
from ..roles.contract import Role
from ..roles.declaration import Setting
from ..storage.interface import Corrupt
from .interface import Process

__all__ = ["Factory"]


class Factory:
    """Each call makes a new role."""

    def __init__(self, process: Process) -> None:
        """Make roles for `process`, whose folder was formatted at the founding."""
        self._process = process
        self._kinds = {kind.name: kind for kind in process.world.declared.kinds}
        self._made: set[str] = set()
        self._renewals = Renewals()
        self._configured = process.world.configured(process.me)
        self.retime(self._configured.timing)

    @property
    def odd(self) -> bool:
        """True while the replica has other times than everybody."""
        return self._timing is not self._process.world.timing

    def retime(self, timing: Timing | None) -> None:
        """Give its roles other times, from the next that is made on; None: everybody's.

        What a client's request may take stays: clients know one such time.
        """
        usual = self._process.world.timing
        self._timing = replace(timing, request=usual.request) if timing else usual

    def begin(self) -> None:
        """Take note that the process starts."""
        self._renewals = Renewals()

    def make(self, name: str) -> Role:
        """Make a role. Raises Corrupt, and StorageFailed after too many damaged files."""
        kind = self._kinds[name]
        setting = self._setting(name)
        self._made.add(name)
        disk = self._process.disks.get(name)
        try:
            return kind.make(setting, disk, self._process.clock())
        except Corrupt as error:
            if disk is None or kind.disk is None or not kind.disk.relearned:
                raise
            self._renewals.begin(kind.disk.file, error)
            self._process.world.trace(self._process.me, name, f"begins anew: {error}")
            disk.wipe()
            return kind.make(setting, disk, self._process.clock())

    def _setting(self, name: str) -> Setting:
        one, world = self._process, self._process.world
        return Setting(
            me=one.me,
            ids=world.ids,
            timing=self._timing,
            keep=self._configured.keep,
            boot=one.boot,
            rng=world.draws(name, one.me, one.starts, one.incarnation[name]).stream(),
            disk=one.disk_id,
            recovering=one.recovering,
            founding=name not in self._made,
            others=one,
        )
