"""The cluster that is broken: its processes, its folder, and the orders it takes.

Rules: everything is done as an operator could do it, with signals, files and orders; a signal goes
through a pidfd, so that it never hits a stranger; what was started here is ended here.
It does not know why anything is broken.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from kvrmi.access.admins import Admins
from kvrmi.access.store import Store, connect
from kvrmi.cluster import naming
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.file import load
from kvrmi.cluster.members import Member
from kvrmi.cluster.status import ClusterStatus, ReplicaEntry, in_charge
from kvrmi.errors import KVError, was_refused
from kvrmi.remote.identity import Credentials, read_secret
from kvrmi.remote.proxy import connect as connect_proxy

from .. import programs, signals
from ..admin import Admin

__all__ = ["NotStarted", "Subject", "all_up", "whole"]

CONFIG = "cluster.toml"
OUTPUT = "nemesis.out"
"""What coordinators print, in the data folder."""
_START = 60.0
_STOP = 20.0
_CALL = 1.0
_TIMEOUT = 5.0
_KEPT = re.compile(r"(?m)^log_entries = .*\n")
_DAMAGED = 100
"""Of so many bytes of a damaged file one is changed: every record has its share."""


class NotStarted(Exception):
    """The cluster did not come up, or cannot be used; the text says why."""


class Subject:
    """One cluster: with a coordinator of its own, or one that runs already."""

    def __init__(self, data: Path, file: str = CONFIG) -> None:
        """Use a folder with such a cluster file: `start` where nothing runs yet, else `attach`."""
        self.data = data
        self.config = data / file
        self._coordinator: subprocess.Popen[bytes] | None = None
        self._attached = False
        self._pids: dict[int, int] = {}

    def start(self, *flags: str) -> None:
        """Found and start the cluster, and wait until all of it serves. Raises NotStarted.

        flags: the coordinator's, as `--replicas 5`.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        self.start_coordinator("--ephemeral", *flags)
        deadline = time.monotonic() + _START
        while not self.config.exists():
            self._await(deadline)
        self._open()
        while not whole(self.status()):
            self._await(deadline)

    def attach(self) -> None:
        """Use the cluster that runs in the folder: who started it ends it. Raises ConfigError."""
        self._attached = True
        self._open()

    def check_whole(self) -> None:
        """Raise NotStarted unless all is up: what was down before could not be brought back so."""
        status = self.status()
        if whole(status):
            return
        down = [way for one in status["replicas"] for way in _ways_back(one)]
        first = f"these come first: {', '.join(down)}" if down else "wait until somebody leads"
        raise NotStarted(f"not all of the cluster is up; {first}; nothing was done")

    def _open(self) -> None:
        self.cluster: Cluster = load(self.config)
        self._credentials = Credentials(
            self.cluster.id, 0, "client", read_secret(self.data / "secret")
        )
        self._store = self.open_store(None, None)
        self._admin = Admin(self._store, str(self.config))

    def _await(self, deadline: float) -> None:
        if not self.coordinated or time.monotonic() > deadline:
            said = (self.data / OUTPUT).read_text(errors="replace").strip().rpartition("\n")[2]
            raise NotStarted(f"the cluster did not start ({said or 'it gave no reason'})")
        time.sleep(0.1)

    def keep(self, entries: int) -> None:
        """Have logs keep so many entries: all of it ends and starts again. Raises NotStarted."""
        self.stop()
        text = _KEPT.sub(f"log_entries = {entries}\n", self.config.read_text(encoding="utf-8"))
        self.config.write_text(text, encoding="utf-8")
        self.start_coordinator()
        deadline = time.monotonic() + _START
        while not whole(self.status()):
            self._await(deadline)

    def ask(self, replica: int, method: str, *args: object) -> Any:
        """Call a method of a replica's admin object; raises a KVError."""
        return Admins(self.cluster, self._credentials).replica(replica, method, *args)

    def open_store(self, replica: int | None, timeout: float | None) -> Store:
        """Open a session that asks this replica first (None: follows the leader).

        timeout: when it gives up, in seconds; None: the usual.
        """
        return connect(replica, config=self.config, timeout=timeout or _TIMEOUT)

    def status(self) -> ClusterStatus:
        """Return the cluster's status, with the pids of replicas that do not answer."""
        status = self._admin.status()
        self._pids |= {each["id"]: each["pid"] for each in status["replicas"] if each["pid"]}
        return status

    def signal(self, replica: int, number: signal.Signals) -> bool:
        """Send a replica's process a signal; whether there was one."""
        pid = self._pids.get(replica)
        return pid is not None and signals.send(pid, number, str(self.config))

    @property
    def coordinated(self) -> bool:
        """Whether the coordinator runs; of a cluster that is not ours, it is not our concern."""
        running = self._coordinator is not None and self._coordinator.poll() is None
        return self._attached or running

    def start_coordinator(self, *flags: str) -> None:
        """Start a coordinator on the folder; it adopts what runs."""
        with (self.data / OUTPUT).open("ab") as output:
            self._coordinator = subprocess.Popen(
                programs.command("server.coordinator", "--data", str(self.data), *flags),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=programs.environment(),
                start_new_session=True,
            )

    def kill_coordinator(self) -> bool:
        """Kill the coordinator; whether it ran. What it kept goes on."""
        if self._coordinator is None or not self.coordinated:
            return False
        self._coordinator.kill()
        self._coordinator.wait()
        return True

    def kill_names(self) -> bool:
        """Kill the name server; whether there was one."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.data / "nameserver.lock").read_text(encoding="ascii"))
            return signals.send(pid, signal.SIGKILL, "nameserver")
        return False

    def fail_role(self, replica: int, role: str, back_after: float | None) -> bool:
        """Fail a role for so many seconds, None: for good; whether it was up and took the order."""
        try:
            done = self._admin.order("fail", (replica, role, back_after, False))
        except KVError:
            return False
        return bool(done.fields["value"])

    def restart_role(self, replica: int, role: str) -> bool:
        """Bring a role back from its disk; whether the replica took the order."""
        return self._order("restart", replica, role, None, False)

    def transfer(self, to: int) -> bool:
        """Have the leader hand over to a replica; whether that leads now."""
        return self._order("transfer", to)

    def hang_disk(self, replica: int, seconds: float) -> bool:
        """Have a replica's disk do nothing for so long, 0: no longer; whether it took the order."""
        member = self.cluster.member(replica)
        with contextlib.suppress(Exception):  # one that is down or stopped does not answer
            with connect_proxy(
                member.host, member.admin, naming.admin(replica), timeout=_CALL,
                credentials=self._credentials,
            ) as proxy:  # fmt: skip
                proxy.hang_disk(seconds)
            return True
        return False

    def kill(self, replica: int, *, force: bool = False) -> bool:
        """Have a replica killed and left down; refused where a quorum could be lost.

        force: also where it would.
        """
        return self._order("kill", replica, None, None, force) and self._gone(replica)

    def bring_back(self, replica: int) -> bool:
        """Start a replica that was left down."""
        return self._order("start", replica, None, None, False)

    def cut(self, links: Collection[tuple[int, int]], side: str) -> None:
        """Cut links at the sender's table, the receiver's, or both, of replicas that answer."""
        for member in self.cluster.members:
            here = [
                link
                for link in sorted(links)
                if (side != "receiver" and link[0] == member.id)
                or (side != "sender" and link[1] == member.id)
            ]
            with contextlib.suppress(Exception):  # one that is down or stopped does not answer
                self._cut_at(member.host, member.admin, member.id, here)

    def heal(self, links: Collection[tuple[int, int]] | None = None) -> bool:
        """End these cuts, None: all; False if a replica that runs could not be reached yet."""
        reached = [self._heal_at(member, links) for member in self.cluster.members]
        return all(reached)

    def wipe(self, replica: int, files: str) -> None:
        """Delete what a replica that is down has on disk: all, or one of its two databases."""
        folder = self.data / f"replica{replica}"
        if files == "all":
            shutil.rmtree(folder)
            return
        for path in folder.glob(f"{files}.db*"):
            path.unlink()

    def damage(self, replica: int, database: str) -> None:
        """Change one byte in each hundred of a database of a replica that is down.

        A write-ahead log beside it is left alone: damage there looks like a write that never
        finished.
        """
        with contextlib.suppress(FileNotFoundError):  # a replica that never wrote has none
            path = self.data / f"replica{replica}" / f"{database}.db"
            contents = bytearray(path.read_bytes())
            for at in range(_DAMAGED - 1, len(contents), _DAMAGED):
                contents[at] ^= 0xFF
            path.write_bytes(contents)

    def stop(self) -> list[int]:
        """End the whole cluster if it is ours; the pids of what did not end when asked to."""
        if self._attached:
            return []
        if self.config.exists():
            for replica in self._pids:
                self.signal(replica, signal.SIGCONT)
            if not self.coordinated:
                self.start_coordinator()
                self._await_adoption()
        if self._coordinator is not None:
            self._coordinator.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._coordinator.wait(_STOP)
            self.kill_coordinator()
        mine = f"--config {self.config}"
        return [pid for pid in _pids_with(mine) if signals.send(pid, signal.SIGKILL, mine)]

    def _await_adoption(self) -> None:
        """Give a new coordinator time to know its replicas: asked earlier, it would miss some."""
        deadline = time.monotonic() + _STOP
        while self.coordinated and time.monotonic() < deadline:
            if all(entry["pid"] for entry in self.status()["replicas"]):
                return
            time.sleep(0.1)

    def _gone(self, replica: int) -> bool:
        """Wait until the process that was killed has ended: until then it may write."""
        deadline = time.monotonic() + _STOP
        while self.signal(replica, signal.SIGKILL):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def _order(self, name: str, *args: object) -> bool:
        try:
            self._admin.order(name, args)
        except KVError:
            return False
        return True

    def _heal_at(self, member: Member, links: Collection[tuple[int, int]] | None) -> bool:
        name = naming.admin(member.id)
        try:
            with connect_proxy(
                member.host, member.admin, name, timeout=_CALL, credentials=self._credentials
            ) as proxy:
                if links is None:
                    proxy.heal()
                for sender, receiver in links or ():
                    if member.id in (sender, receiver):
                        proxy.heal(sender, receiver)
        except Exception as error:
            return was_refused(error)  # one that starts anew has no cuts
        return True

    def _cut_at(self, host: str, port: int, replica: int, links: list[tuple[int, int]]) -> None:
        if not links:
            return
        with connect_proxy(
            host, port, naming.admin(replica), timeout=_CALL, credentials=self._credentials
        ) as proxy:
            for sender, receiver in links:
                proxy.cut(sender, receiver)


def whole(status: ClusterStatus) -> bool:
    """Whether all replicas and all their roles are up, and one leads where one has to."""
    return in_charge(status) is not None and all(map(all_up, status["replicas"]))


def all_up(entry: ReplicaEntry) -> bool:
    """Whether a replica votes, and all its roles are up."""
    roles = entry["roles"]
    if entry["state"] != "up" or roles is None:
        return False
    return all(role["state"] == "up" for role in roles.values())


def _ways_back(entry: ReplicaEntry) -> list[str]:
    """List the orders that bring up what is down of a replica."""
    replica, roles = entry["id"], entry["roles"]
    if entry["state"] != "up" or roles is None:
        return [f"START {replica}"]
    return [f"RESTART {replica} {name}" for name, one in roles.items() if one["state"] != "up"]


def _pids_with(words: str) -> list[int]:
    found = (int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit())
    return [pid for pid in found if pid != os.getpid() and words in signals.command_line(pid)]
