"""A whole cluster as its coordinator keeps it: the processes, their health, orders from outside.

Rules: an order that would lose the quorum is refused unless forced, with nothing done; whatever
was taken down on purpose stays down until it is started, also when the coordinator is restarted;
letting go of the cluster leaves it running, only `stop_all` ends it.
It must not know how anybody reaches it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.naming import join_address, unknown_replica
from kvrmi.cluster.status import (
    SERVING,
    ClusterStatus,
    ReplicaEntry,
    absence,
    health_of,
    leader_of,
    loses_quorum,
    loss,
    needs_of,
    source_for,
    successor_of,
    votes,
)
from kvrmi.errors import KVError, to_builtin
from kvrmi.remote.identity import Refused as ProofRefused

from ..admission import check_members
from ..engines.kinds import kind_for
from ..folder import FolderRefused
from . import health
from .founding import CONFIG, HELD, SECRET
from .guard import LostDisks
from .health import Admins
from .launch import Launcher
from .processes import Process, stop_all
from .supervisor import Supervisor
from .upkeep import NameServerUpkeep, ReplicaUpkeep

log = logging.getLogger("kvrmi.server.control")

STOP_PATIENCE = 5.0
"""Seconds a process has to end cleanly before it is killed."""
RESTORE_PATIENCE = 60.0
"""Seconds a replica has to restore its learner from a peer's snapshot."""


class Control:
    """The replicas and the name server of one cluster, and the orders they take."""

    def __init__(
        self,
        cluster: Cluster,
        launcher: Launcher,
        admins: Admins,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Start nothing yet. report: hears, in a line each, what an operator must see to."""
        self.cluster = cluster
        self._launcher = launcher
        self._admins = admins
        self._held_file = launcher.data / HELD
        self._order = threading.Lock()  # one order at a time, or two could lose a quorum together
        guard = LostDisks(cluster, launcher.data, admins)
        self._upkeep = {one: self._keep(one, guard) for one in cluster.ids}
        self._replicas = {
            one: Supervisor(f"replica {one}", upkeep, time.monotonic, report)
            for one, upkeep in self._upkeep.items()
        }
        names = NameServerUpkeep(launcher)
        self._nameserver = Supervisor("name server", names, time.monotonic, report)

    def check_members(self) -> None:
        """Compare the cluster file with what running replicas have recorded. Raises FolderRefused.

        Also where one that runs in this folder was started with another secret or cluster id.
        Those that are down do so themselves when they start.
        """
        for replica in self._replicas:
            try:
                known = self._admins.identity(replica)
            except ProofRefused as error:
                running = self._launcher.find_replica(replica)
                if running is None:
                    continue  # a stranger on its port, which its start will name
                running.close()
                raise FolderRefused(
                    f"replica {replica} (pid {running.pid}) runs with another cluster id or secret "
                    f"than {CONFIG} and {SECRET} in {self._launcher.data} have now; nothing was "
                    "stopped: put the former ones back, or end all replicas first"
                ) from error
            if known is not None:
                check_members(self.cluster, replica, known.members)

    def begin(self) -> None:
        """Adopt what runs, have the rest started, and watch all of it."""
        running = {one: self._launcher.find_replica(one) for one in self._replicas}
        others_run = any(running.values())
        for replica, adopted in running.items():
            self._upkeep[replica].restore_due = adopted is None and others_run
            if adopted is not None:
                log.info("replica %d adopted pid=%d", replica, adopted.pid)
                self._replicas[replica].adopt(adopted)
        self._nameserver.begin()
        held = self._held_before()
        for replica, supervisor in self._replicas.items():
            supervisor.begin(held=replica in held)

    def stop_all(self) -> None:
        """End every process: asked first, killed after a while; none is left."""
        supervisors = [*self._replicas.values(), self._nameserver]
        processes = [one for supervisor in supervisors if (one := supervisor.release()) is not None]
        late = stop_all(processes + self._others(processes), STOP_PATIENCE)
        if late:
            log.warning("killed, since they did not end in time: %s", late)
        for process in processes:
            process.close()
        self._held_file.unlink(missing_ok=True)

    def _others(self, known: Sequence[Process]) -> list[Process]:
        """Find what runs of this cluster besides: started by hand, or not adopted yet."""
        found = [self._launcher.find_replica(one) for one in self._replicas]
        found.append(self._launcher.find_nameserver())
        pids = {process.pid for process in known}
        return [one for one in found if one is not None and one.pid not in pids]

    def entries(self) -> dict[int, ReplicaEntry | None]:
        """Ask each replica for its entry; None for one that does not answer."""
        return self._admins.entries()

    def said(self) -> dict[int, ReplicaEntry | None]:
        """Return what each replica that runs answered when it was asked last; asks nobody."""
        runs = {one: supervisor.pid is not None for one, supervisor in self._replicas.items()}
        return {one: self._upkeep[one].entry if runs[one] else None for one in runs}

    def held(self) -> set[int]:
        """Return who is left down on purpose."""
        return {one for one, supervisor in self._replicas.items() if supervisor.held}

    def status(self) -> ClusterStatus:
        """Describe the cluster as its users see it; None where a replica does not answer."""
        entries = self.entries()
        reported = [entry for entry in entries.values() if entry is not None]
        return {
            "cluster": self.cluster.name,
            "cluster_id": self.cluster.id,
            "engine": self.cluster.engine,
            "leader": leader_of(reported),
            "successor": successor_of(reported),
            "quorum": self._votes_needed(reported),
            "replicas": [self._describe(one, entries[one]) for one in self.cluster.ids],
        }

    def unready(self) -> str | None:
        """Return why the cluster does not serve with all its replicas yet; None once it does."""
        entries = self.entries()
        for replica, supervisor in self._replicas.items():
            if entries[replica] is None and not supervisor.held:
                return self._silence(replica, supervisor)
        reported = [entry for entry in entries.values() if entry is not None]
        silent = [one["id"] for one in reported if one["state"] == "down"]
        if silent:
            return f"replica {silent[0]} is not up yet"
        needs = needs_of(reported, len(self.cluster.ids))
        led = leader_of(reported) is not None or not needs["leader"]
        return None if led else "there is no leader"

    def serves(self) -> bool:
        """Return whether what it needs to serve is up: for most, a majority that has a leader."""
        return health_of(self._admins.reported(), len(self.cluster.ids)) == SERVING

    def kill(self, replica: int, force: bool = False) -> ReplicaEntry:
        """Kill a replica with SIGKILL and leave it down."""
        with self._order:
            return self._take_down(replica, "killing", force, Supervisor.kill, Process.kill)

    def stop(self, replica: int, force: bool = False) -> ReplicaEntry:
        """Stop a replica cleanly and leave it down."""
        with self._order:
            return self._take_down(replica, "stopping", force, _stop, _stop_stray)

    def start(self, replica: int) -> ReplicaEntry:
        """Start a replica that is down; it is then restored from a peer's snapshot."""
        with self._order:
            supervisor = self._supervisor(replica)
            down = supervisor.pid is None
            self._launch(replica, supervisor)
            return self._ordered(replica) | ReplicaEntry(changed=down)

    def restart(self, replica: int, force: bool = False) -> ReplicaEntry:
        """Stop a replica cleanly and start it again."""
        with self._order:
            supervisor = self._guarded(replica, "restarting", force)
            supervisor.stop(STOP_PATIENCE)
            self._launch(replica, supervisor)
            return self._ordered(replica)

    def restore(self, replica: int, peer: int | None = None) -> dict[str, Any]:
        """Have a replica's learner restored from a peer's snapshot, the best peer by default."""
        self._supervisor(replica)
        if not kind_for(self.cluster).declared.requests:  # replicas that ask each other nothing
            why = f"engine {self.cluster.engine} has no restore; nothing was done"
            raise to_builtin("UNSUPPORTED", why)
        if peer is not None and peer not in self.cluster.ids:
            raise to_builtin("INVALID", unknown_replica(peer, self.cluster.ids))
        if peer == replica:
            raise to_builtin("INVALID", f"replica {replica} is no peer of its own: name another")
        entries = self.entries()
        if entries[replica] is None:
            raise to_builtin("UNAVAILABLE", f"{self._absence(replica)}; nothing was done")
        if peer is None:
            reported = [entry for entry in entries.values() if entry is not None]
            peer = source_for(reported, replica)
        if peer is None:
            raise to_builtin("UNAVAILABLE", f"no peer is up to restore replica {replica} from")
        try:
            result = self._admins.call(replica, "restore", peer, timeout=RESTORE_PATIENCE)
        except KVError as error:
            raise to_builtin(error.code, str(error)) from None
        brought = " ".join(f"{name}={value}" for name, value in result.items())
        log.info("replica %d restored %s", replica, brought)
        return dict(result)

    def last_restore(self, replica: int) -> Mapping[str, Any] | None:
        """Return what the restore after the replica's last start brought, None until it is done."""
        return self._upkeep[replica].restored

    def _keep(self, replica: int, guard: LostDisks) -> ReplicaUpkeep:
        needed = partial(self._needs, replica)
        return ReplicaUpkeep(replica, self._launcher, self._admins, guard, self.restore, needed)

    def _needs(self, replica: int) -> bool:
        """Return whether the others had fewer votes than needed when they were asked last."""
        entries = [upkeep.entry for one, upkeep in self._upkeep.items() if one != replica]
        said = [entry for entry in entries if entry is not None]
        return sum(map(votes, said)) < needs_of(said, len(self.cluster.ids))["votes"]

    def _votes_needed(self, reported: Sequence[ReplicaEntry]) -> int:
        return needs_of(reported, len(self.cluster.ids))["votes"]

    def _silence(self, replica: int, supervisor: Supervisor) -> str:
        if supervisor.reason is None:
            return f"replica {replica} does not answer"
        if supervisor.pid is not None:
            return f"replica {replica} does not answer, started again after it {supervisor.reason}"
        return f"replica {replica} does not run: {supervisor.reason}"

    def _absence(self, replica: int) -> str:
        """Say why a replica that does not answer can take no order, and what comes first."""
        entry = self._describe(replica, None)
        member = self.cluster.member(replica)
        if entry["pid"] is not None:
            starts = ", it is starting" if entry["state"] == "starting" else ""
            address = join_address(member.host, member.admin)
            return f"replica {replica} does not answer at {address}{starts}"
        known = absence(entry) or f"replica {replica} is down: START {replica} comes first"
        return f"{known}, which restores it too"

    def _supervisor(self, replica: int) -> Supervisor:
        supervisor = self._replicas.get(replica)
        if supervisor is None:
            raise to_builtin("INVALID", unknown_replica(replica, self._replicas))
        return supervisor

    def _guarded(self, replica: int, doing: str, force: bool) -> Supervisor:
        supervisor = self._supervisor(replica)
        reported, replicas = self._admins.reported(), len(self.cluster.ids)
        if not force and loses_quorum(reported, replica, replicas):
            raise to_builtin(
                "NO_QUORUM",
                f"{doing} replica {replica} {loss(needs_of(reported, replicas))}; "
                "nothing was done; --force overrides this, force=True in a program",
            )
        return supervisor

    def _take_down(
        self,
        replica: int,
        doing: str,
        force: bool,
        ours: Callable[[Supervisor], object],
        stray: Callable[[Process], object],
    ) -> ReplicaEntry:
        """Leave a replica down, also one that somebody started by hand."""
        supervisor = self._guarded(replica, doing, force)
        up = supervisor.pid is not None or not supervisor.held
        by_hand = self._launcher.find_replica(replica) if supervisor.pid is None else None
        changed = up or by_hand is not None
        if changed:  # else why it is down stays as it was
            ours(supervisor)
        if by_hand is not None:
            stray(by_hand)
            by_hand.close()
        return self._ordered(replica) | ReplicaEntry(changed=changed)

    def _launch(self, replica: int, supervisor: Supervisor) -> None:
        if supervisor.pid is None:
            self._upkeep[replica].restore_due = True
            self._upkeep[replica].forget()
        try:
            supervisor.start()
        except OSError as error:
            raise to_builtin(
                "UNAVAILABLE", f"replica {replica} is not started yet: {error}"
            ) from None

    def _ordered(self, replica: int) -> ReplicaEntry:
        held = " ".join(map(str, sorted(self.held())))
        self._held_file.write_text(held, encoding="ascii")
        return self._describe(replica, self._admins.entry(replica))

    def _describe(self, replica: int, entry: ReplicaEntry | None) -> ReplicaEntry:
        supervisor = self._replicas[replica]
        reason = supervisor.reason or ("left down on purpose" if supervisor.held else None)
        member = self.cluster.member(replica)
        starting = self._upkeep[replica].starting
        pid, held = supervisor.pid, supervisor.held
        return health.describe(member, pid, held, reason, entry, starting=starting)

    def _held_before(self) -> set[int]:
        try:
            words = self._held_file.read_bytes().split()
        except FileNotFoundError:
            return set()
        return {int(one) for one in words if one.isdigit()}


def _stop(supervisor: Supervisor) -> None:
    supervisor.stop(STOP_PATIENCE)


def _stop_stray(process: Process) -> None:
    stop_all([process], STOP_PATIENCE)
