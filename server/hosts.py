"""All roles of one replica, as their package declares them: made, known to each other, taken down.

Rules: a role hears of the others' absence before it could rely on them; what must precede a restart
is done first, or the role stays down. It knows no role by name and no message but the host's.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.counts import Spent
from kvrmi.roles.contract import Address, Message, Unreachable
from kvrmi.roles.declaration import Declaration, Kind, Presence

from . import allocator
from .disks import DiskWriter
from .factory import Factory
from .folder import Folder
from .rolehost import Fenced, RoleHost
from .rolework import Disk, Observed
from .router import Router

T = TypeVar("T")

LOOK_SECONDS = 0.005
"""What one role's step waits for another's: it may run in the thread that serves all clients."""
FLUSH_SECONDS = 2.0
"""What a stop waits for a disk that is written behind; what it lacks then is learned again."""

Fatal = Callable[[str, BaseException], None]


class Hosts:
    """The hosts of a declaration's roles."""

    def __init__(
        self,
        declared: Declaration,
        cluster: Cluster,
        me: int,
        folder: Folder,
        router: Router,
        clock: Callable[[], float],
        fatal: Fatal,
        noted: Callable[[str], Observed],
    ) -> None:
        """Make a host each; none is up before it is started. `noted` gives a role's log."""
        self.declared = declared
        self._me = me
        self._folder = folder
        self._router = router
        self._clock = clock
        self._fatal = fatal
        self._disks: dict[str, DiskWriter] = {}
        self._informed_of: tuple[object, ...] = ()
        self._lock = threading.Lock()
        factory = Factory(declared, cluster, me, folder, os.urandom(8), self)
        self._noted = {kind.name: noted(kind.name) for kind in declared.kinds}
        self.all = {
            kind.name: self._host(kind, factory, self._noted[kind.name]) for kind in declared.kinds
        }
        self._lives = self._living()
        self.voter: RoleHost[Any] = self.all[declared.voter.role]

    def __getitem__(self, role: str) -> RoleHost[Any]:
        """Return the host of a role."""
        return self.all[role]

    def _host(self, kind: Kind, factory: Factory, noted: Observed) -> RoleHost[Any]:
        def load(now: float, incarnation: int) -> Any:
            noted.starts()
            return factory.make(kind, now, incarnation, noted.log)

        host: RoleHost[Any] = RoleHost(
            Address(self._me, kind.name),
            load,
            self._router,
            clock=self._clock,
            fatal=self._fatal,
            log=noted.log,
            disk=self._disk(kind),
            behind=kind.disk is not None and kind.disk.behind,
            vital=kind.vital,
            note=noted.step,
            let_go=kind.let_go,
        )
        if kind.name in self.declared.before_restart:
            host.before_restart = partial(self._before_restart, kind.name)
        return host

    def _disk(self, kind: Kind) -> Disk | None:
        if kind.disk is None:
            return None
        storage = self._folder.storages[kind.disk.file]
        behind = kind.disk.behind
        disk = self._disks[kind.name] = DiskWriter(
            "write-behind" if behind else "write",
            storage,
            partial(self._fatal, kind.name),
            allocator.give_back if behind else None,
        )
        return disk

    def hang(self, seconds: float) -> None:
        """Play a disk that does nothing for so long, all roles' disks: an experiment."""
        for disk in self._disks.values():
            disk.hang(seconds)

    @property
    def syncs(self) -> dict[str, Spent]:
        """What each role's disk has made durable, and how long that took."""
        return {role: disk.syncs for role, disk in self._disks.items()}

    @property
    def hanging(self) -> dict[str, float]:
        """For how many seconds each role's disk has done nothing: of those that hang."""
        found = ((role, disk.hangs) for role, disk in self._disks.items())
        return {role: seconds for role, seconds in found if seconds}

    # --- what roles hear of each other ------------------------------------------------------------

    def look(self, role: str, question: Callable[[Any], T]) -> T | None:
        """Put a question to a role, from within another's step; None if it is away or busy."""
        try:
            return self.all[role].look(lambda it, _: question(it), LOOK_SECONDS)
        except Fenced:
            return None

    def peek(self, role: str, question: Callable[[Any], T], otherwise: T) -> T:
        """Put a question that one glance answers; `otherwise` if the role is down."""
        return self.all[role].peek(question, otherwise)

    def deliver(self, role: str, message: Message) -> None:
        """Have a role handle a message of an operator's or of this process. Raises Fenced."""
        self.all[role].post(Address(self._me, "host"), message)
        self._router.run()

    def unreachable(self, peer: int) -> None:
        """Inform the role concerned at once that a peer refuses connections."""
        if self.declared.unreachable is not None:
            self.all[self.declared.unreachable].put(Address(self._me, "host"), Unreachable(peer))
            self._router.run()

    def inform(self) -> None:
        """Inform the roles of who is up, if that has changed: one that is down sends nothing."""
        with self._lock:
            now = self._presence()
            starts = tuple(host.incarnation for host in self.all.values())
            if (starts, now) == self._informed_of:
                return
            self._informed_of = (starts, now)
            self._note_lives()
            for role, message in self.declared.informed(now):
                self.all[role].put(Address(self._me, "host"), message)
        self._router.run()

    def _note_lives(self) -> None:
        before, self._lives = self._lives, self._living()
        for role, (incarnation, up) in self._lives.items():
            if before[role] != (incarnation, up) and (incarnation > 1 or not up):
                self._noted[role].life(incarnation, up)

    def _living(self) -> dict[str, tuple[int, bool]]:
        return {name: (host.incarnation, host.state == "up") for name, host in self.all.items()}

    def _presence(self) -> Presence:
        up = {name: host.state == "up" for name, host in self.all.items()}
        return Presence(up, self.voter.peek(self.declared.voter.votes, False))

    def _before_restart(self, name: str) -> None:
        """Do what is declared to precede it. Raises Fenced when the role concerned is stuck."""
        role, message = self.declared.before_restart[name](self._presence())
        if self.all[role].state == "up":
            self.deliver(role, message)

    # --- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take up every role but the voter. Raises OSError when a port is taken."""
        for host in reversed(self.all.values()):
            if host is not self.voter:
                host.start()

    def stop(self) -> None:
        """Take all down: those without a disk first, those whose disk is written at once last."""
        kinds = sorted(self.declared.kinds, key=lambda kind: kind.disk is not None)
        written_behind = [kind for kind in kinds if kind.disk is None or kind.disk.behind]
        for kind in [*written_behind, *(kind for kind in kinds if kind not in written_behind)]:
            self.all[kind.name].stop(kind.last)
            if kind.name in self._disks:
                self._disks[kind.name].close(FLUSH_SECONDS)
