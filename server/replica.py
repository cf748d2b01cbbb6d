"""One replica: its three roles and its front, wired to their disks, daemons and peers.

Rule: everything is made here and handed on; nothing else knows all parts.
It knows no protocol: what roles say to each other is theirs.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from kvrmi.cluster import naming
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.cuts import Cuts
from kvrmi.remote.daemon import caller, origin
from kvrmi.remote.reactor import NEVER, Reactor
from kvrmi.roles.codec import Codec
from kvrmi.roles.contract import Address, Effects, Message
from kvrmi.roles.declaration import BATCH, CONTROL
from kvrmi.storage.interface import StorageFailed

from .admission import Admitted, from_file
from .connecting import Connecting
from .endpoint import Endpoint
from .engines.kinds import EngineKind, kind_for
from .folder import Folder, Identity
from .gate import Gate
from .hosts import Fatal, Hosts
from .intake import Intake
from .journal import Journal
from .kvstore import kvstore
from .objectdaemon import Limits, ObjectDaemon
from .requestlog import LoggedIntake
from .rolehost import Fenced, RoleHost
from .router import Router
from .servants import RoleServant
from .status import describe
from .transport import Transport
from .version import check_version

_log = logging.getLogger("kvrmi.server.replica")

SLACK_SECONDS = 0.02
"""A timer may be late by this, so that those that come close to each other wake nobody twice."""
SUPERVISE_SECONDS = 0.5
"""What nobody reports is looked at so often; a role that came up or went down is, at once."""
FOLDER_SECONDS = 1.0
"""Between two looks whether the replica's folder is still there."""
APART_THREADS = 4
"""For what goes through many keys, and for status, which asks each role."""
CLIENT_LIMITS = Limits(pool=400, max_message=8 << 20, idle=600.0)
PEER_BYTES = 4 << 20


def clock() -> float:
    """Seconds that never go back, and go on while the machine is suspended where that exists."""
    return time.clock_gettime(_CLOCK)


_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Replica:
    """A replica that serves from `start` to `stop`; `fatal(part, error)` ends the process."""

    def __init__(
        self,
        cluster: Cluster,
        me: int,
        folder: Folder,
        secret: bytes,
        fatal: Fatal,
        kind: EngineKind | None = None,
        lead: Callable[[bool], None] = lambda _: None,
        log_requests: bool = False,
    ) -> None:
        """Make all parts, of the cluster's engine unless `kind` is another's.

        Nothing listens before `start`. `lead` hears several times a second whether this one leads.
        `log_requests`: log each call of the remote object, and its answer.
        """
        self.cluster = cluster
        self.me = me
        self.member = cluster.member(me)
        self.cuts = Cuts()
        self.began = time.monotonic()
        self._kind = kind or kind_for(cluster)
        self._declared = self._kind.declared
        check_version(folder, self._kind)
        self._folder = folder
        self._fatal = fatal
        self._lead = lead
        self._log_requests = log_requests
        self._stopped = threading.Event()
        self._opening = threading.Lock()
        """Held while endpoints are opened again, or cut for good."""
        self._threads: list[threading.Thread] = []
        self.unmet: tuple[int, ...] = ()
        """Replicas that this one waits for before anybody votes."""
        self.gate = Gate(cluster, me, secret, self._kind.agreed(cluster))
        self.credentials = self.gate.credentials()
        self.router = Router(self._declared, me)
        self.reactor = Reactor(self.router.run)
        self.control = Reactor(self.router.run)
        """Timers, elections, leases and catch-up: none of it ever waits for a batch."""
        self._changed = threading.Event()
        self._apart = ThreadPoolExecutor(APART_THREADS, "apart")
        self.journal = Journal(self._declared.observing, me, cluster.quorum, clock)
        self.hosts = Hosts(
            self._declared, cluster, me, folder, self.router, clock, fatal, self.journal.of
        )
        self.roles = {name: self.hosts[name] for name in self._declared.daemons}
        self._make_network()
        self._make_daemons()

    # --- wiring -----------------------------------------------------------------------------------

    def _make_network(self) -> None:
        self._codec = Codec(self._declared)
        self.transport = Transport(
            self._declared,
            self.cluster,
            self.me,
            self.credentials,
            self.cuts,
            codec=self._codec,
            clock=clock,
            deliver=self._deliver,
            refused=self.hosts.unreachable,
        )
        self.connecting = Connecting(self.me, self.cluster, self.transport, self.cuts)
        self.router.connect(self.hosts.all.values(), self.transport, self._due, self._changed.set)
        self.transport.attend(BATCH, self.reactor)
        self.transport.attend(CONTROL, self.control)
        self.control.add_timer(self._until_wake, self._wake)
        self.engine = self._kind.serving(self.cluster)(
            self.me,
            self.hosts,
            self.router,
            self.reactor,
            self.cluster.timing.request,
            lambda: describe(self),
            lambda: self.transport.notes,
            self._kind.vocabulary,
        )
        self.intake = Intake(self.engine, self._apart.submit, self._kind.vocabulary)

    def _make_daemons(self) -> None:
        for host in self.roles.values():
            host.daemon = self._role_daemon(host)
        self.endpoints: list[Endpoint] = [self._store_daemon()]

    def _store_daemon(self) -> ObjectDaemon:
        intake = LoggedIntake(self.intake, origin) if self._log_requests else self.intake
        return ObjectDaemon(
            self.cluster.listens_on(self.member.host),
            self.member.client,
            naming.kvstore(self.me),
            kvstore(intake),
            CLIENT_LIMITS,
            reactor=self.reactor,
        )

    def _role_daemon(self, host: RoleHost[Any]) -> ObjectDaemon:
        role = host.address.role
        name = naming.role(self.me, role)
        servant = RoleServant(
            self._declared,
            self._codec,
            role,
            self.hosts.all,
            self.router,
            self.cuts,
            caller,
            clock,
        )
        # Two lanes from each peer, as many again while they are made anew, and some to spare.
        limits = Limits(4 * len(self.cluster.ids) + 8, PEER_BYTES, 600.0)
        return ObjectDaemon(
            self.cluster.listens_on(self.member.host),
            self.member.ports[role],
            name,
            servant,
            limits,
            admit=self.gate.replicas(name),
            after_answer=servant.after_answer,
        )

    def _deliver(self, role: str, incarnation: int, sender: Address, message: Message) -> None:
        host = self.hosts[role]
        if host.incarnation == incarnation:
            host.put(sender, message)

    # --- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Bring everything up. Raises OSError when a port is taken, and what a disk raises."""
        admitted = from_file(self.cluster, self._folder.identity)
        if self._folder.identity.founding:
            self._folder.change(founding=False)  # the exemption from the first hold holds once
        self.hosts.start()
        if admitted is not None:
            self.let_vote(admitted)
        self.hosts.inform()
        self.run_thread("control", self.control.run)
        self.run_thread("reactor", self.reactor.run)
        for endpoint in self.endpoints:
            endpoint.open()
        self.run_thread("supervisor", self._supervise)
        self.run_thread("folder", self._look_at_folder)
        _log.info(
            "up replica=%d pid=%d address=%s:%d disk=%s",
            self.me, os.getpid(), self.member.host, self.member.client,
            self._folder.identity.disk,
        )  # fmt: skip

    def let_vote(self, admitted: Admitted) -> None:
        """Record all members' disks, and bring the acceptor up. Raises as `start`."""
        identity = self._folder.identity
        if identity.members != admitted.members:
            recovering = identity.recovering or admitted.lost
            self._folder.change(members=admitted.members, recovering=recovering)
        self.hosts.voter.start()

    def note_rejoin(self) -> None:
        """Record a finished rejoin: from then on this disk is the one that the folder must have."""
        if not self._folder.identity.recovering:
            return
        voter = self.hosts.voter
        if not voter.peek(self.recovering, True):
            # Its disk, so after its own records. While it waits or is down: we look again soon.
            with suppress(Fenced):
                voter.act(lambda *_: (None, Effects(records=(self._folder.rejoined(),))))

    def recovering(self, voter: Any) -> bool:
        """Whether the role that votes still makes up for a lost disk."""
        return self._declared.voter.recovering(voter)

    @property
    def identity(self) -> Identity:
        """Whose disk this is, and which members' disks are recorded on it."""
        return self._folder.identity

    @property
    def linked(self) -> bool:
        """Whether replicas of its engine have links to each other."""
        return bool(self._declared.requests)

    @property
    def home(self) -> Path:
        """Its folder."""
        return self._folder.path

    @property
    def notes(self) -> tuple[str, ...]:
        """What an operator should know of this process; one line each."""
        unmet = ", ".join(map(str, self.unmet))
        waits = (f"nobody votes before all replicas have met once; not met yet: {unmet}",)
        return (*self._folder.notes, *self.transport.notes, *(waits if unmet else ()))

    def stop(self) -> None:
        """Take everything down cleanly, in a few seconds at most."""
        self._stopped.set()
        self._cut_clients()
        self.reactor.stop()
        self.control.stop()
        self._changed.set()
        for thread in self._threads:
            thread.join(1.0)
        self.hosts.stop()
        self.transport.close()
        self._apart.shutdown(wait=False, cancel_futures=True)
        self._folder.close()
        _log.info("stopped replica=%d", self.me)

    def _cut_clients(self) -> None:
        with self._opening:
            for endpoint in self.endpoints:
                endpoint.cut()

    def fail_role(self, role: str, reason: str, back_after: float | None) -> bool:
        """Take one role down as if its thread had died. False: it was down."""
        failed = self.roles[role].fail(reason, back_after)
        self.hosts.inform()
        return failed

    def restart_role(self, role: str) -> int:
        """Take one role down and up again from its disk; its new incarnation. Raises OSError."""
        host = self.roles[role]
        host.fail("restart asked for")
        self.hosts.inform()
        host.start()
        self.hosts.inform()
        return host.incarnation

    def run_thread(self, name: str, target: Callable[[], None]) -> None:
        """Run `target` in a thread of its own; an error in it ends the process."""

        def run() -> None:
            try:
                target()
            except BaseException as error:
                self._fatal(name, error)
                raise

        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _due(self, at: float) -> None:
        self.control.hurry(at - clock() + SLACK_SECONDS)

    def _until_wake(self) -> float:
        """Seconds until the first role is to be woken."""
        times = [at for host in self.hosts.all.values() if (at := host.inbox.due_at) is not None]
        return min(times, default=NEVER) - clock()

    def _wake(self) -> None:
        now = clock()
        for host in self.hosts.all.values():
            host.wake_if_due(now)

    def _supervise(self) -> None:
        while not self._stopped.is_set():
            self._changed.wait(self._until_look())
            self._changed.clear()
            self.transport.tend()
            for host in self.roles.values():
                host.supervise()
            self.hosts.inform()
            self.note_rejoin()
            self._lead(self.engine.leader == self.me)
            for endpoint in self.endpoints:
                self._keep_open(endpoint)

    def _keep_open(self, endpoint: Endpoint) -> None:
        with self._opening:  # or it would open behind the back of who stops everything
            if not endpoint.alive and not self._stopped.is_set():
                _log.error("what serves clients ended, opens again")
                endpoint.open()

    def _look_at_folder(self) -> None:
        """End the process once its files are gone: what is acknowledged would rest on nothing.

        A thread of its own, because a look at a dead network disk may hang.
        """
        while not self._stopped.wait(FOLDER_SECONDS):
            lost = self._folder.astray()
            if lost is not None and not self._stopped.is_set():
                raise StorageFailed(f"{lost}: the folder was deleted, moved or changed in use")

    def _until_look(self) -> float:
        """Seconds until something is to be looked after."""
        times = [at for host in self.roles.values() if (at := host.back_at) is not None]
        return min(max(min(times, default=NEVER) - clock(), 0.0), SUPERVISE_SECONDS)
