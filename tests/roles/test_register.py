"""The replica process runs another package of roles as it runs Multi-Paxos, on real sockets."""

from __future__ import annotations

import dataclasses
import queue
import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.members import members
from kvrmi.cluster.status import NO_QUORUM, SERVING, ReplicaEntry, health_of
from kvrmi.cluster.timing import Timing
from kvrmi.operations.interface import Done, Operation, Result, check
from server.coordinator.ports import free_block
from server.engines.kinds import EngineKind
from server.engines.paxos import Turns
from server.folder import format_folder, open_folder
from server.hosts import Hosts
from server.replica import Replica
from server.router import Router
from server.status import describe
from tests.roles.register import REGISTER, Client
from tests.server.stubs import Fatal, until

pytestmark = pytest.mark.live

SECRET = b"x" * 64
IDS = (1, 2, 3)
DEADLINE = 2.0


class RegisterEngine:
    """Serves get and put of any key as those of the one register."""

    capabilities = frozenset({"get", "put"})
    leader = 0

    def __init__(
        self,
        me: int,
        hosts: Hosts,
        router: Router,
        turns: Turns,
        *_: Any,
    ) -> None:
        self._me = me
        self._client = hosts["front"]
        self._soon = turns.soon

    def submit(self, operation: Operation, request: tuple[str, int] | None, done: Done) -> None:
        value = None if operation.reads else str(operation.args[1]).encode()
        order = self._client.act(lambda client, now: Client.submit(client, value, now + DEADLINE))

        def look() -> None:
            if order.answer is not None:
                done(Result("OK", order.answer, 0, self._me, 0, False))
            elif self._client.clock() >= order.deadline:
                done(Result("UNKNOWN_OUTCOME", "no majority", 0, self._me, 0, False))
            else:
                threading.Timer(0.005, self._soon, (look,)).start()

        self._soon(look)

    def execute(self, operation: Operation, request: tuple[str, int] | None) -> Result:
        answers: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self.submit(operation, request, answers.put)
        return answers.get(timeout=2 * DEADLINE)

    def status(self) -> dict[str, object]:
        return {}

    def restore(self, peer: int) -> dict[str, object]:
        return {}

    def transfer(self, to: int) -> bool:
        return False

    def log(self, first: int | None, most: int) -> dict[str, object]:
        return {}

    def chain(self) -> dict[str, object]:
        return {}

    def tentative(self) -> dict[str, object]:
        return {}

    def queue(self) -> dict[str, object]:
        return {}


KIND = EngineKind(REGISTER, RegisterEngine)


def start(cluster: Cluster, me: int, data: Path) -> Replica:
    folder = open_folder(data / f"replica{me}", cluster.id, me, REGISTER)
    replica = Replica(cluster, me, folder, SECRET, Fatal(), KIND)
    replica.start()
    return replica


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[dict[int, Replica]]:
    base = free_block("127.0.0.1", 15, random.Random())
    disks = {
        i: format_folder(tmp_path / f"replica{i}", REGISTER, "c", i, recovering=False) for i in IDS
    }
    listed = tuple(
        dataclasses.replace(member, disk=disks[member.id])
        for member in members(3, "127.0.0.1", base, REGISTER.daemons)
    )
    cluster = Cluster("t", "c", "register", "127.0.0.1:9", "127.0.0.1:8", listed, Timing(), None)
    with ExitStack() as stack:
        running = {i: start(cluster, i, tmp_path) for i in IDS}
        for replica in running.values():
            stack.callback(replica.stop)
        yield running


def put(replica: Replica, value: str) -> str:
    return replica.engine.execute(check("put", ("k", value)), None).code


def get(replica: Replica) -> object:
    return replica.engine.execute(check("get", ("k",)), None).value


def health(replicas: dict[int, Replica]) -> str:
    entries = [cast(ReplicaEntry, describe(replica)) for replica in replicas.values()]
    return health_of(entries, len(IDS))


def test_a_register_without_consensus_runs_in_the_same_process(
    replicas: dict[int, Replica],
) -> None:
    until(lambda: put(replicas[1], "a") == "OK", 10)
    until(lambda: [get(replicas[i]) for i in IDS] == [b"a"] * 3, 10)
    kept = describe(replicas[2])["round"]
    assert health(replicas) == SERVING, "although nobody leads"
    replicas[2].fail_role("supervisor", "for the test", None)
    assert health(replicas) == SERVING
    assert describe(replicas[2])["round"] is None
    until(lambda: put(replicas[2], "b") == "OK", 10)  # two of three keep it; it never asks twice
    assert get(replicas[3]) == b"b"
    replicas[3].fail_role("supervisor", "for the test", None)
    assert health(replicas) == NO_QUORUM
    replicas[3].restart_role("supervisor")
    assert replicas[2].restart_role("supervisor") == 2
    assert describe(replicas[2])["round"] == kept, "what its disk holds"
    until(lambda: get(replicas[2]) == b"b" and describe(replicas[2])["round"] != kept, 10)
