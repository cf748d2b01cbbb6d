"""A replica and what surrounds it in its process: the admin object and the name server's entries.

Rule: the name server is a convenience: without it everything here runs on.
It knows no roles.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading

from kvrmi.cluster import naming
from kvrmi.remote.names import Registration
from kvrmi.remote.proxy import connect

from .admin import Admin
from .admission import Reported, from_replicas, reported_by
from .objectdaemon import Limits, ObjectDaemon
from .replica import Replica

_log = logging.getLogger("kvrmi.server.names")

REGISTER_SECONDS = 1.0
"""An empty name server that was started again is filled again after at most twice this."""
FORM_SECONDS = 0.3
TIMEOUT = 0.5
LOOK_SECONDS = 0.5


class Service:
    """Everything one process serves, from `start` to `close`."""

    def __init__(self, replica: Replica) -> None:
        """Surround `replica`; nothing runs yet."""
        self._closing = threading.Event()
        # An Event must not be set by a signal handler: the thread it interrupts may hold its lock.
        self._end: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._replica = replica
        member = replica.member
        name = naming.admin(replica.me)
        admin = Admin(replica, self.end)
        self._admin = ObjectDaemon(
            replica.cluster.listens_on(member.host),
            member.admin,
            name,
            admin,
            Limits(pool=40, max_message=1 << 20, idle=60.0),
            admit=replica.gate.anybody(name),
            after_answer=admin.after_answer,
        )

    def start(self) -> None:
        """Start everything. Raises OSError when a port is taken, and what a disk raises."""
        self._admin.open()
        self._replica.start()
        self._replica.run_thread("names", self._register)
        self._replica.run_thread("forming", self._form)

    def end(self) -> None:
        """Make `wait` return; from any thread, and from a signal handler."""
        self._end.put(None)

    def wait(self) -> None:
        """Return when the process should end."""
        while True:
            # A signal that comes just before a wait without an end would not end it.
            with contextlib.suppress(queue.Empty):
                return self._end.get(timeout=LOOK_SECONDS)

    def close(self) -> None:
        """Take everything down."""
        self._closing.set()
        self._admin.cut()
        self._replica.stop()

    def _register(self) -> None:
        """Have our names in the name server whenever it is there."""
        replica = self._replica
        registration = Registration(
            replica.cluster.nameserver, _names(replica), replica.credentials, TIMEOUT
        )
        there = True
        while True:
            try:
                registration.renew()
                there = True
            except Exception as error:
                if there:
                    _log.info("no name server: %s", error)
                there = False
            if self._closing.wait(REGISTER_SECONDS):
                registration.close()
                return

    def _form(self) -> None:
        """Where no cluster file names the disks: ask all replicas, until it is clear who votes."""
        replica = self._replica
        while not replica.identity.members:
            known = self._ask_all()
            admitted = from_replicas(replica.identity, known, replica.cluster.ids)
            replica.unmet = tuple(one for one in replica.cluster.ids if one not in known)
            if admitted is not None:
                replica.unmet = ()
                replica.let_vote(admitted)
            elif self._closing.wait(FORM_SECONDS):
                return

    def _ask_all(self) -> dict[int, Reported]:
        replica = self._replica
        reported = {replica.me: Reported(replica.identity.disk, replica.identity.members)}
        for member in replica.cluster.members:
            if member.id == replica.me:
                continue
            name = naming.admin(member.id)
            try:
                with connect(
                    member.host,
                    member.admin,
                    name,
                    timeout=TIMEOUT,
                    credentials=replica.credentials,
                ) as admin:
                    reported[member.id] = reported_by(admin.identity())
            except Exception as error:
                _log.debug("replica %d does not answer: %s", member.id, error)
        return reported


def _names(replica: Replica) -> dict[str, tuple[str, frozenset[str]]]:
    """Name -> URI and tags: only the object for clients can be found by its tags."""
    member, cluster, me = replica.member, replica.cluster, replica.me
    ports = {naming.role(me, role): member.ports[role] for role in member.roles}
    ports |= {naming.kvstore(me): member.client, naming.admin(me): member.admin}
    tags = {naming.kvstore(me): naming.tags(cluster.name, cluster.engine)}
    return {
        name: (f"PYRO:{name}@{member.host}:{port}", tags.get(name, frozenset()))
        for name, port in ports.items()
    }
