"""Five replicas on five hosts, founded by one command: real partitions, real loss, slow links."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .cluster import ROOT, TIMEOUT, wait_for
from .hosts import SWITCH, Hosts, Unavailable

pytestmark = pytest.mark.live

SECONDS = 6


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    try:
        made = Hosts(5)
    except Unavailable as error:
        pytest.skip(str(error))
    try:
        yield made
    finally:
        made.close()


class Programs:
    """The programs of one cluster, each on its host."""

    def __init__(self, hosts: Hosts, data: Path) -> None:
        self.hosts, self.config = hosts, data / "cluster.toml"
        addresses = ",".join(map(hosts.address, hosts.numbers))
        found = "found", "--hosts", addresses, "--data", str(data)
        assert self._start(SWITCH, "server.coordinator", *found).wait(TIMEOUT) == 0
        self._replicas = [
            self._start(one, "server", str(one), "--config", str(self.config), "--format")
            for one in hosts.numbers
        ]

    def client(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a client at the switch."""
        return self._start(SWITCH, "client", "--config", str(self.config), *words)

    def status(self) -> dict[str, Any]:
        """Ask for the cluster's status; its exit status says whether it serves just now."""
        words = "client", "--config", str(self.config), "--json", "STATUS"
        command = self.hosts.command(SWITCH, _python(*words))
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return {"leader": None, "replicas": [], **json.loads(done.stdout or "{}")}

    def are_level(self) -> bool:
        """Whether all five are up and hold the same."""
        replicas = self.status()["replicas"]
        return len({(one["state"], one["applied"], one["digest"]) for one in replicas}) == 1

    def end(self) -> set[int]:
        """End the replicas; their exit statuses."""
        for replica in self._replicas:
            replica.send_signal(signal.SIGTERM)
        return {replica.wait(TIMEOUT) for replica in self._replicas}

    def _start(self, host: int, module: str, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.hosts.command(host, _python(module, *words)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )


def _python(module: str, *words: str) -> list[str]:
    return ["env", f"PYTHONPATH={ROOT}", sys.executable, "-P", "-m", module, *words]


def test_partitions_loss_and_slow_links_leave_a_linearizable_history(
    hosts: Hosts, tmp_path: Path
) -> None:
    programs, history = Programs(hosts, tmp_path / "data"), tmp_path / "history.jsonl"
    try:
        assert programs.client("HEALTH", "--wait", "60").wait(2 * TIMEOUT) == 0
        load_on = programs.client("workload", "--record", str(history), "--seconds", str(SECONDS))
        _fail_the_network(programs)
        assert load_on.wait(2 * TIMEOUT) == 0
        assert programs.client("verify", str(history)).wait(2 * TIMEOUT) == 0
        wait_for(programs.are_level, "all five equal")
    finally:
        statuses = programs.end()
    assert statuses == {0}


def _fail_the_network(programs: Programs) -> None:
    """Part the leader from all, then two from three; lose packets; slow one link; heal."""
    hosts = programs.hosts
    wait_for(lambda: programs.status()["leader"] is not None, "a leader")
    former = programs.status()["leader"]
    others = [one for one in hosts.numbers if one != former]
    hosts.part([former], others)
    wait_for(lambda: programs.status()["leader"] not in (None, former), "another leader")
    hosts.heal()
    hosts.part(others[:2], [former, *others[2:]])
    hosts.drop_some(others[2], 0.05)
    hosts.slow(others[3])
    wait_for(lambda: programs.status()["leader"] is not None, "a leader of three")
    hosts.heal()
