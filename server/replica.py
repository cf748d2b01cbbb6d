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
from contextlib import suppress
from typing import Any

from kvrmi import naming
from kvrmi.config import Cluster
from kvrmi.faults import FaultTable
from kvrmi.interface import Answer
from kvrmi.paxos.acceptor import Acceptor
from kvrmi.paxos.ballot import NO_BALLOT
from kvrmi.paxos.declaration import PAXOS
from kvrmi.paxos.front import Front
from kvrmi.paxos.learner import Learner
from kvrmi.paxos.messages import Leading, RolesUp
from kvrmi.paxos.proposer import Proposer
from kvrmi.remote.daemon import caller
from kvrmi.roles.codec import Codec
from kvrmi.roles.contract import Address, Envelope, Message, Unreachable
from kvrmi.roles.declaration import BATCH, CONTROL

from . import journal
from .admission import Verdict, from_file
from .disks import WriteBehind, WriteThrough
from .doors import Limits, PyroDoor
from .driver import Driver
from .engines import PaxosEngine
from .gate import Gate
from .makers import Makers
from .rolehost import Fenced, RoleHost
from .rolework import Disk
from .router import Router
from .servants import DeferredAnswers, KVStore, RoleServant
from .status import describe
from .store import Folder, Identity
from .transport import Transport

_log = logging.getLogger("kvrmi.server.replica")

CONTROL_SECONDS = 0.02
"""The control thread looks at the clock at least this often."""
SUPERVISE_SECONDS = 0.05
FLUSH_SECONDS = 2.0
"""What a stop waits for the learner's disk; what it lacks then is learned again."""
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
        fatal: Callable[[str, BaseException], None],
    ) -> None:
        """Make all parts; nothing listens before `start`."""
        self.cluster = cluster
        self.me = me
        self.member = cluster.member(me)
        self.faults = FaultTable()
        self.router = Router(PAXOS, me)
        self._folder = folder
        self.gate = Gate(cluster, me, secret, PAXOS.format)
        self.badge = self.gate.badge()
        self._fatal = fatal
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._roles_told: tuple[object, ...] = ()
        self._roles_lock = threading.Lock()
        self._boot = os.urandom(8)
        self.unmet: tuple[int, ...] = ()
        """Replicas that this one waits for before anybody votes."""
        self._make_roles()
        self._make_network()
        self._make_doors()

    # --- wiring -----------------------------------------------------------------------------------

    def _make_roles(self) -> None:
        notes = journal.Journal(self.me, self.cluster.quorum, clock)
        make = Makers(self.cluster, self.me, self._folder, self._boot)
        votes = WriteThrough(self._folder.acceptor)
        self._behind = WriteBehind(
            self._folder.learner, self._leave, lambda error: self._fatal("learner", error)
        )

        def proposer(now: float, incarnation: int) -> Proposer:
            notes.proposer_starts()
            return make.proposer(now, incarnation)

        self.proposer: RoleHost[Proposer] = self._host(
            "proposer", proposer, journal.proposer_log, None, notes.proposer
        )
        self.acceptor: RoleHost[Acceptor] = self._host(
            "acceptor", make.acceptor, journal.acceptor_log, votes, notes.acceptor
        )
        self.learner: RoleHost[Learner] = self._host(
            "learner", make.learner, journal.learner_log, self._behind, notes.learner, Learner.close
        )
        self.front: RoleHost[Front] = self._host(
            "front",
            lambda *_: make.front(self._fresh, self._answer),
            journal.front_log,
            note=notes.front,
        )
        self.learner.before_restart = self._give_up_leading
        self.roles: dict[str, RoleHost[Any]] = {
            host.address.role: host for host in (self.proposer, self.acceptor, self.learner)
        }

    def _host(
        self,
        role: str,
        load: Callable[[float, int], Any],
        log: logging.Logger,
        disk: Disk | None = None,
        note: journal.Note | None = None,
        let_go: Callable[[Any], None] | None = None,
    ) -> RoleHost[Any]:
        return RoleHost(
            Address(self.me, role),
            load,
            self.router,
            clock=clock,
            fatal=self._fatal,
            log=log,
            disk=disk,
            vital=role in ("acceptor", "front"),
            note=note,
            let_go=let_go,
        )

    def _make_network(self) -> None:
        # In this order: what writes to a disk comes after what is only computed.
        hosts = (self.proposer, self.front, self.learner, self.acceptor)
        self._hosts: dict[str, RoleHost[Any]] = {host.address.role: host for host in hosts}
        self._codec = Codec(PAXOS)
        self.transport = Transport(
            PAXOS,
            self.cluster,
            self.me,
            self.badge,
            self.faults,
            codec=self._codec,
            clock=clock,
            deliver=self._deliver,
            refused=self._refused,
        )
        self.driver = Driver(
            lambda timeout: self.transport.collect(BATCH, timeout),
            lambda: self.transport.poke(BATCH),
            self.router.run,
            clock,
        )
        self.router.connect(hosts, self.transport, self.driver.settled)
        self.engine = PaxosEngine(
            self.me,
            self.front,
            self.learner,
            self.router,
            self.driver,
            lambda: describe(self),
            lambda: self.transport.notes,
        )

    def _make_doors(self) -> None:
        for host in self.roles.values():
            host.door = self._role_door(host)
        self.clients = PyroDoor(
            self.cluster.listens_on(self.member.host),
            self.member.client,
            naming.kvstore(self.me),
            KVStore(self.engine),
            CLIENT_LIMITS,
        )

    def _role_door(self, host: RoleHost[Any]) -> PyroDoor:
        role = host.address.role
        name = naming.role(self.me, role)
        late = DeferredAnswers(self.front, self.router, self.driver, clock, self.engine.settle)
        servant = RoleServant(PAXOS, self._codec, host, self.router, self.faults, caller, late.wait)
        # Two lanes from each peer, as many again while they are made anew, and some to spare.
        limits = Limits(4 * len(self.cluster.ids) + 8, PEER_BYTES, 600.0)
        return PyroDoor(
            self.cluster.listens_on(self.member.host),
            self.member.port(role),
            name,
            servant,
            limits,
            admit=self.gate.replicas(name),
            after_answer=servant.after_answer,
        )

    # --- what the roles are given -----------------------------------------------------------------

    def _fresh(self, now: float, question: bytes) -> Answer | None:
        """Read under the lease, checked while our learner cannot be restarted."""

        def read(learner: Learner, _: float) -> Answer | None:
            leased = self.proposer.peek(lambda proposer: proposer.may_read(now), False)
            return learner.read(question) if leased else None

        return self._ask_learner(read)

    def _answer(self, slot: int, question: bytes) -> Answer | None:
        """Read once `slot` is applied."""
        return self._ask_learner(
            lambda learner, _: learner.read(question) if learner.applied >= slot else None
        )

    def _ask_learner(self, read: Callable[[Learner, float], Answer | None]) -> Answer | None:
        """Read while the front is held, or without any lock: whoever asked it carries on."""
        try:
            return self.learner.look(read)
        except Fenced:
            return None

    def _deliver(self, role: str, incarnation: int, sender: Address, message: Message) -> None:
        host = self._hosts[role]
        if host.incarnation == incarnation:
            host.put(sender, message)

    def _refused(self, peer: int) -> None:
        self.proposer.put(Address(self.me, "host"), Unreachable(peer))

    def _leave(self, messages: tuple[Envelope, ...]) -> None:
        """Let go what waited until the learner's records were durable."""
        remote = self.learner.route(messages)
        self.router.send(self.learner.address, self.learner.incarnation, remote)
        self.router.run()

    def tell(self, role: str, message: Message) -> None:
        """Have an own role handle a message of an operator's or of this process. Raises Fenced."""
        self._hosts[role].tell(Address(self.me, "host"), message)
        self.router.run()

    # --- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Bring everything up. Raises OSError when a port is taken, and what a disk raises."""
        verdict = from_file(self.cluster, self._folder.identity)
        if self._folder.identity.founding:
            self._folder.change(founding=False)  # the exemption from the first hold holds once
        for host in (self.learner, self.front, self.proposer):
            host.start()
        if verdict is not None:
            self.let_vote(verdict)
        self._tell_roles()
        self.run_thread("control", self._control)
        self.run_thread("driver", self.driver.run_idle)
        self.run_thread("supervisor", self._supervise)
        self.clients.open()
        _log.info(
            "up replica=%d pid=%d address=%s:%d disk=%s",
            self.me, os.getpid(), self.member.host, self.member.client,
            self._folder.identity.disk,
        )  # fmt: skip

    def let_vote(self, verdict: Verdict) -> None:
        """Record all members' disks, and bring the acceptor up. Raises as `start`."""
        identity = self._folder.identity
        if identity.members != verdict.members:
            recovering = identity.recovering or verdict.lost
            self._folder.change(members=verdict.members, recovering=recovering)
        self.acceptor.start()

    def note_rejoin(self) -> None:
        """Record a finished rejoin: from then on this disk is the one that the folder must have."""
        if not self._folder.identity.recovering:
            return
        if self.acceptor.peek(lambda acceptor: not acceptor.recovering, False):
            # Its disk, so under its lock. While it waits for that or is down: we look again soon.
            with suppress(Fenced):
                self.acceptor.ask(lambda *_: self._folder.rejoined())

    @property
    def identity(self) -> Identity:
        """Whose disk this is, and which members' disks are recorded on it."""
        return self._folder.identity

    @property
    def notes(self) -> tuple[str, ...]:
        """What an operator should know of this process; one line each."""
        unmet = ", ".join(map(str, self.unmet))
        waits = (f"nobody votes before all replicas have met once; not met yet: {unmet}",)
        return (*self._folder.learner.notes, *self.transport.notes, *(waits if unmet else ()))

    def stop(self) -> None:
        """Take everything down cleanly, in a few seconds at most."""
        self._stopped.set()
        self.clients.cut()
        self.driver.stop()
        for thread in self._threads:
            thread.join(1.0)
        self.clients.cut()  # the supervisor may have found it closed, and opened it again
        for host in (self.proposer, self.front):
            host.stop()
        self.learner.stop(Learner.flush)
        self._behind.close(FLUSH_SECONDS)
        self.acceptor.stop()
        self.transport.close()
        self._folder.close()
        _log.info("stopped replica=%d", self.me)

    def fail_role(self, role: str, reason: str, back_after: float | None) -> bool:
        """Take one role down as if its thread had died. False: it was down."""
        failed = self.roles[role].fail(reason, back_after)
        self._tell_roles()
        return failed

    def restart_role(self, role: str) -> int:
        """Take one role down and up again from its disk; its new incarnation. Raises OSError."""
        host = self.roles[role]
        host.fail("restart asked for")
        self._tell_roles()
        host.start()
        self._tell_roles()
        return host.incarnation

    def _tell_roles(self) -> None:
        """Inform the roles of each other's absence: one that is down sends nothing."""
        with self._roles_lock:
            up = {name: host.state == "up" for name, host in self.roles.items()}
            votes = self.acceptor.peek(lambda acceptor: acceptor.voting, False)
            told = (self.proposer.incarnation, self.learner.incarnation, *up.values(), votes)
            if told == self._roles_told:
                return
            self._roles_told = told
            here = Address(self.me, "host")
            if not up["proposer"]:
                self.front.put(here, Leading(0, NO_BALLOT, False))
            self.proposer.put(here, RolesUp(up["acceptor"], up["learner"], votes))
        self.router.run()

    def _give_up_leading(self) -> None:
        """End our term before our learner comes back: it may have lost what it had answered.

        What it applied is written behind, so a read under the term's lease could show an old state.
        Raises Fenced when the proposer is stuck.
        """
        if self.proposer.state == "up":
            acceptor_up = self.acceptor.state == "up"
            self.tell("proposer", RolesUp(acceptor_up, learner=False))

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

    def _control(self) -> None:
        """Timers, elections, leases and catch-up: none of it ever waits for a batch."""
        while not self._stopped.is_set():
            self.transport.collect(CONTROL, CONTROL_SECONDS)
            now = clock()
            for host in self._hosts.values():
                host.wake_if_due(now)
            self.router.run()

    def _supervise(self) -> None:
        while not self._stopped.wait(SUPERVISE_SECONDS):
            self.transport.tend()
            for host in self.roles.values():
                host.supervise()
            self._tell_roles()
            self.note_rejoin()
            if not self.clients.alive:
                _log.error("the clients' daemon ended, opens again")
                self.clients.open()
