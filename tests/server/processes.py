"""Real replicas for live tests: founded in a temporary folder, started as processes, all ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import Pyro5.api
import Pyro5.errors

from kvrmi.cluster import naming
from kvrmi.cluster.config import Cluster
from kvrmi.remote.identity import Credentials, read_secret
from kvrmi.remote.proxy import connect
from server.coordinator.founding import Wish, prepare
from tests.stopping import stop

from .stubs import until

ROOT = Path(__file__).resolve().parents[2]
NOT_YET = (Pyro5.errors.CommunicationError, RuntimeError, TimeoutError)


class Replicas:
    """A cluster of processes; `stop` ends what still runs."""

    def __init__(self, data: Path, count: int) -> None:
        self.data = data
        self.cluster: Cluster = prepare(Wish(data, replicas=count, ephemeral=True))[0]
        self.running: dict[int, subprocess.Popen[bytes]] = {}
        self.credentials = Credentials(self.cluster.id, 0, "test", read_secret(data / "secret"))

    def start(self, *replicas: int) -> None:
        for replica in replicas or self.cluster.ids:
            config = ["--config", str(self.data / "cluster.toml")]
            self.running[replica] = start(str(replica), *config, output=self.data / "output")

    def kill(self, replica: int) -> None:
        process = self.running.pop(replica)
        process.kill()
        process.wait(60)

    def signal(self, replica: int, number: int) -> None:
        pid = self.running[replica].pid
        stop(pid) if number == signal.SIGSTOP else os.kill(pid, number)

    def stop(self) -> dict[int, int]:
        for process in self.running.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        statuses = {}
        for replica, process in self.running.items():
            try:
                statuses[replica] = process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                statuses[replica] = process.wait(60)
        self.running.clear()
        return statuses

    def store(self, replica: int) -> Any:
        """A plain Pyro5 proxy, as any client has it."""
        member = self.cluster.member(replica)
        proxy = Pyro5.api.Proxy(f"PYRO:{naming.kvstore(replica)}@{member.host}:{member.client}")
        proxy._pyroTimeout = 5
        return proxy

    def admin(self, replica: int, method: str, *arguments: object) -> Any:
        member = self.cluster.member(replica)
        name = naming.admin(replica)
        with connect(
            member.host, member.admin, name, timeout=10, credentials=self.credentials
        ) as proxy:
            return getattr(proxy, method)(*arguments)

    def status(self, replica: int) -> dict[str, Any]:
        with self.store(replica) as store:
            return dict(store.status())

    def leader(self) -> int:
        """Wait for a leader that all running replicas follow."""
        found: list[int] = []

        def agreed() -> bool:
            try:
                leaders = {self.status(replica)["leader"] for replica in self.running}
            except NOT_YET:
                return False
            found[:] = [one for one in leaders if one in self.running]
            return len(leaders) == len(found) == 1

        until(agreed, 60)
        return found[0]

    def put(self, replica: int, key: str, value: str) -> int:
        """Put until it works: elections take a moment."""
        return int(self.until_done(replica, "put", key, value))

    def until_done(self, replica: int, method: str, *arguments: object) -> Any:
        """Call a plain proxy's method until it works; its answer."""
        answers: list[Any] = []

        def done() -> bool:
            try:
                with self.store(replica) as store:
                    answers.append(getattr(store, method)(*arguments))
            except NOT_YET:
                return False
            return True

        until(done, 60)
        return answers[-1]

    def equal(self) -> bool:
        """Whether all running replicas have applied the same and hold the same."""
        try:
            entries = [self.status(replica) for replica in self.running]
        except NOT_YET:
            return False
        return len({(entry["applied"], entry["digest"]) for entry in entries}) == 1


def start(*arguments: str, output: Path) -> subprocess.Popen[bytes]:
    """Start `python -m server` with its streams appended to a file."""
    with output.open("ab") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "server", *arguments], cwd=ROOT, stdout=sink, stderr=sink
        )


@contextmanager
def replicas(data: Path, count: int) -> Iterator[Replicas]:
    """Run a cluster for the length of a block."""
    cluster = Replicas(data, count)
    try:
        cluster.start()
        cluster.leader()
        yield cluster
    finally:
        cluster.stop()
