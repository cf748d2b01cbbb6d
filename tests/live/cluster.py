"""A real cluster in a folder of its own: started, looked at, broken, and surely ended."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from kvrmi.cluster import naming
from kvrmi.cluster.file import load
from kvrmi.errors import KVError
from kvrmi.remote.identity import Credentials, read_secret
from kvrmi.remote.proxy import connect
from server.coordinator.health import Admins
from tests.stopping import stop

ROOT = Path(__file__).parents[2]
TIMEOUT = 60.0
"""Seconds; a busy machine needs some, a quiet one hardly any."""
PAUSE = 0.05
"""Seconds between two looks; to ask five replicas takes 20 ms of the machine."""

T = TypeVar("T")


def wait_for(condition: Callable[[], Any], what: str, seconds: float = TIMEOUT) -> float:
    """Wait until `condition` holds; the seconds that it took."""
    began = time.monotonic()
    given_by(lambda: condition() or None, what, seconds)
    return time.monotonic() - began


def given_by(ask: Callable[[], T | None], what: str, seconds: float = TIMEOUT) -> T:
    """Ask until there is an answer; the answer, which the next question may not get any more."""
    deadline = time.monotonic() + seconds
    while (answer := ask()) is None:
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        time.sleep(PAUSE)
    return answer


class LiveCluster:
    """One cluster and its coordinator, which can be killed and started anew."""

    def __init__(self, data: Path, *flags: str) -> None:
        self.data = data
        self.config = data / "cluster.toml"
        self.flags = flags
        self.ready_line = ""
        self.ready_seconds = 0.0
        self.coordinator: subprocess.Popen[str] | None = None

    def start(self, *flags: str) -> None:
        """Start a coordinator and wait for its ready line."""
        self._end_coordinator()
        began = time.monotonic()
        self.coordinator = launch("--data", str(self.data), *self.flags, *flags)
        self.ready_line = read_line(self.coordinator, TIMEOUT)
        self.ready_seconds = time.monotonic() - began
        assert self.ready_line.startswith("ready "), self.ready_line + self._errors()
        self.cluster = load(self.config)
        secret = read_secret(self.data / "secret")
        self.credentials = Credentials(self.cluster.id, 0, "coordinator", secret)
        self.admins = Admins(self.cluster, self.credentials)

    def stop(self) -> int:
        """Ask the coordinator to stop everything; its exit status."""
        assert self.coordinator is not None
        self.coordinator.send_signal(signal.SIGTERM)
        return self.coordinator.wait(TIMEOUT)

    def sweep(self) -> list[int]:
        """End whatever still runs of this cluster; the pids of what should not have been there."""
        self._end_coordinator()
        left = self.pids()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return left

    def pids(self) -> list[int]:
        """Every process that was started with this cluster's file."""
        return running(self.config)

    def orders(self, timeout: float = 10.0) -> Any:
        """Connect to the coordinator with the right to give orders."""
        host, port = self.cluster.coordinator.rsplit(":", 1)
        return connect(
            host, int(port), naming.COORDINATOR, timeout=timeout, credentials=self.credentials
        )

    def entries(self, timeout: float = 5.0) -> dict[int, Any]:
        """Ask each replica for its entry; None for one that does not answer.

        timeout: seconds that one which hangs costs; a busy machine answers within it.
        """
        return self.admins.entries(timeout)

    def leader(self) -> int | None:
        """Who leads, as far as a majority can tell."""
        return leader_of(self.entries())

    def followers(self) -> list[int]:
        """Everybody but the one that leads, once one does."""
        leader = given_by(self.leader, "a leader")
        return [replica for replica in self.cluster.ids if replica != leader]

    def is_healthy(self) -> bool:
        """Whether all replicas and all roles are up and one leads."""
        reported = self.entries()
        up = all(
            e and e["state"] == "up" and all(r["state"] == "up" for r in e["roles"].values())
            for e in reported.values()
        )
        return up and leader_of(reported) is not None

    def is_level(self) -> bool:
        """Whether all replicas hold the same contents at the same slot."""
        reported = list(self.entries().values())
        return all(reported) and len({(e["applied"], e["digest"]) for e in reported}) == 1

    def settle(self) -> None:
        """Wait until all is well."""
        wait_for(self.is_healthy, "all replicas up, with a leader")

    def enthrone(self) -> None:
        """Let the first replica lead, as it will anyway: later, no hand-over comes in between."""
        first = self.cluster.ids[0]

        def leads() -> bool:
            leader = self.leader()
            if leader not in (None, first):
                with contextlib.suppress(KVError):  # it may lead no more by now
                    self.admins.call(leader, "transfer", first, timeout=5.0)
            return leader == first

        wait_for(leads, f"replica {first} leads")

    def start_held(self) -> None:
        """Start the replicas that were left down on purpose."""
        if all(self.entries().values()):
            return
        with self.orders() as orders:
            for entry in orders.status()["replicas"]:
                if entry["state"] == "held":
                    orders.start(entry["id"])

    def signal(self, replica: int, number: signal.Signals) -> int:
        """Send a replica's process a signal; its pid. One that is to stop has stopped then."""
        pid = int(self.entries()[replica]["pid"])
        if number == signal.SIGSTOP:
            stop(pid)
        else:
            os.kill(pid, number)
        return pid

    def _end_coordinator(self) -> None:
        coordinator, self.coordinator = self.coordinator, None
        if coordinator is None:
            return
        coordinator.terminate()
        try:
            coordinator.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            coordinator.kill()
            coordinator.communicate()

    def _errors(self) -> str:
        if self.coordinator is None or self.coordinator.stderr is None:
            return ""
        self.coordinator.kill()
        return self.coordinator.stderr.read()


def leader_of(entries: dict[int, Any]) -> int | None:
    """Who says that it leads, if that is one."""
    leaders = [one for one, entry in entries.items() if entry and entry["role"] == "leader"]
    return leaders[0] if len(leaders) == 1 else None


def launch(*flags: str) -> subprocess.Popen[str]:
    """Start run_cluster.py with these flags, outside the checkout."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "run_cluster.py"), *flags],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        start_new_session=True,
        umask=0,
    )


def read_line(process: subprocess.Popen[str], seconds: float) -> str:
    """Read the next line of its output; empty if it ended or said nothing in time."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline() if ready else ""


def running(path: Path) -> list[int]:
    """List the processes whose command line names a file or folder."""
    pids = [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()]
    return [pid for pid in pids if str(path) in _command_line(pid)]


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""
