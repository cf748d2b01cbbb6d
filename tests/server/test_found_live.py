"""Five replicas with folders of their own and no coordinator: founded by two copied files."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import Pyro5.errors
import pytest

import kvrmi
from kvrmi.access.store import Store
from kvrmi.cluster.file import load
from kvrmi.cluster.naming import kvstore
from kvrmi.errors import KVError, NoQuorum
from kvrmi.remote.identity import make_secret
from kvrmi.remote.proxy import connect
from server.coordinator.found import main as found
from server.ports import free_block

from .processes import start
from .stubs import until

pytestmark = pytest.mark.live

COUNT = 5


class Hosts:
    """A folder for each host; its files were copied there, and nothing else is shared."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[int, subprocess.Popen[bytes]] = {}
        hosts = ",".join(f"127.0.0.{number}" for number in range(1, COUNT + 1))
        base = free_block("127.0.0.1", 5 * COUNT + 2, random.Random())
        made = folder / "made"
        assert found(["--hosts", hosts, "--base-port", str(base), "--data", str(made)]) == 0
        self.cluster = load(made / "cluster.toml")
        for replica in self.cluster.ids:
            shutil.copytree(made, self.data(replica))

    def data(self, replica: int) -> Path:
        return self.folder / f"host{replica}" / "kv"

    def start(self, replica: int, *flags: str) -> None:
        config = str(self.data(replica) / "cluster.toml")
        output = self.folder / f"out{replica}"
        self.running[replica] = start(str(replica), "--config", config, *flags, output=output)

    def kill(self, replica: int) -> None:
        process = self.running.pop(replica)
        process.kill()
        process.wait(60)

    def stop(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.wait(60)

    def store(self, replica: int, timeout: float = 4.0) -> Store:
        """A client that was given the address of one replica, and nothing else."""
        member = self.cluster.member(replica)
        return kvrmi.connect(addresses=[f"{member.host}:{member.client}"], timeout=timeout)

    def entry(self, replica: int) -> dict[str, Any]:
        """What this replica says of itself; empty while it does not answer."""
        member = self.cluster.member(replica)
        try:
            with connect(member.host, member.client, kvstore(replica), timeout=2) as proxy:
                return dict(proxy.status())
        except (Pyro5.errors.CommunicationError, RuntimeError):
            return {}

    def notes(self, replica: int) -> list[str]:
        return list(self.entry(replica).get("notes", ["no answer"]))


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    made = Hosts(tmp_path)
    yield made
    made.stop()


def serves(hosts: Hosts, replica: int, value: str) -> bool:
    try:
        with hosts.store(replica) as store:
            store.put("k", value)
    except KVError:
        return False
    return True


def level(hosts: Hosts, one: int, other: int) -> bool:
    entries = hosts.entry(one), hosts.entry(other)
    return all(entries) and len({(each["applied"], each["digest"]) for each in entries}) == 1


def test_they_say_who_lacks_the_secret_form_serve_and_survive_a_kill(hosts: Hosts) -> None:
    (hosts.data(5) / "secret").unlink()
    make_secret(hosts.data(5) / "secret")
    for replica in hosts.cluster.ids:
        hosts.start(replica, "--format")
    until(lambda: "replica 5 at 127.0.0.5" in " ".join(hosts.notes(1)), 60)
    until(lambda: len(hosts.notes(5)) == 2, 20)  # all others refuse it, and it is not formed
    until(lambda: hosts.notes(1)[-1].endswith("have met once; not met yet: 5"), 60)
    with hosts.store(5) as store, pytest.raises(NoQuorum, match="Both need the same secret file"):
        store.put("k", "v")

    hosts.kill(5)
    shutil.copy(hosts.data(1) / "secret", hosts.data(5) / "secret")
    hosts.start(5)
    until(lambda: serves(hosts, 3, "formed"), 60)
    until(lambda: not any(hosts.notes(replica) for replica in hosts.cluster.ids), 60)

    leader = hosts.entry(3)["leader"]
    hosts.kill(leader)
    survivor = 3 if leader != 3 else 4
    until(lambda: serves(hosts, survivor, "after the kill"), 60)
    hosts.start(leader)
    until(lambda: level(hosts, leader, survivor), 60)
    with hosts.store(leader) as store:
        assert store["k"] == "after the kill"
