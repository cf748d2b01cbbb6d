"""The replica process runs another package of roles as it runs Multi-Paxos, on real sockets."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.file import load
from kvrmi.cluster.status import NO_QUORUM, SERVING, ReplicaEntry, health_of
from kvrmi.operations.interface import Done, Operation, Result, check
from server.coordinator import folders
from server.coordinator.founding import Refused, Wish, prepare
from server.engines.kinds import ENGINES, EngineKind, kind_for
from server.engines.served import Actions, Turns
from server.folder import open_folder
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

    name = "register"
    capabilities = frozenset({"get", "put"})
    actions = Actions()
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


KIND = EngineKind(REGISTER, RegisterEngine)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cluster's folder, founded as any engine's is: all that is known of this one is its kind."""
    monkeypatch.setitem(ENGINES, "register", KIND)
    data = tmp_path / "data"
    prepare(Wish(data, 3, ephemeral=True, engine="register"))
    return data


def start(cluster: Cluster, me: int, data: Path) -> Replica:
    folder = open_folder(data / f"replica{me}", cluster.id, me, kind_for(cluster).declared)
    replica = Replica(cluster, me, folder, SECRET, Fatal())
    replica.start()
    return replica


@pytest.fixture
def replicas(data: Path) -> Iterator[dict[int, Replica]]:
    cluster = load(data / "cluster.toml")
    with ExitStack() as stack:
        running = {i: start(cluster, i, data) for i in IDS}
        for replica in running.values():
            stack.callback(replica.stop)
        yield running


def test_a_cluster_of_another_engine_is_founded_and_continued(data: Path) -> None:
    cluster, founded = prepare(Wish(data, engine="register"))
    assert (cluster.engine, cluster.roles, founded) == ("register", ("supervisor",), False)
    ports = [member.ports for member in cluster.members]
    assert [list(each) for each in ports] == [["client", "supervisor", "admin"]] * 3
    assert [each["supervisor"] + 3 for each in ports] == [each["admin"] for each in ports]
    with pytest.raises(Refused, match="a cluster whose engine is register: leave out --engine"):
        prepare(Wish(data, engine="paxos"))
    (data / "replica2" / "supervisor.db").unlink()
    assert folders.loss(cluster, data, 2) == f"{data}/replica2/supervisor.db is missing"
    folders.renew(cluster, data, 2)
    assert (data / "replica2" / "supervisor.db").exists()


def test_a_file_that_names_other_roles_than_the_engine_has_is_refused(data: Path) -> None:
    file = data / "cluster.toml"
    written = file.read_text()
    file.write_text(written.replace("supervisor = ", "superviser = "))
    with pytest.raises(Refused, match=r"cluster\.toml: replica 1: supervisor missing"):
        prepare(Wish(data))
    file.write_text(written.replace("supervisor = ", "spare = 1\nsupervisor = "))
    with pytest.raises(Refused, match=r"127.0.0.1:1 is used 3 times"):
        prepare(Wish(data))
    file.write_text(written.replace("disk = ", "host2 = 9\ndisk = ", 1))
    with pytest.raises(Refused, match="replica 1: unknown key 'host2'"):
        prepare(Wish(data))
    file.write_text(written.replace('engine = "register"', 'engine = "raft"'))
    with pytest.raises(Refused, match=r"cluster.toml: engine 'raft' is not available, use paxos"):
        prepare(Wish(data))


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
    until(lambda: put(replicas[1], "a") == "OK", 40)
    until(lambda: [get(replicas[i]) for i in IDS] == [b"a"] * 3, 10)
    kept = describe(replicas[2])["round"]
    assert health(replicas) == SERVING, "although nobody leads"
    replicas[2].fail_role("supervisor", "for the test", None)
    assert health(replicas) == SERVING
    assert describe(replicas[2])["round"] is None
    until(lambda: put(replicas[2], "b") == "OK", 40)  # two of three keep it; it never asks twice
    assert get(replicas[3]) == b"b"
    replicas[3].fail_role("supervisor", "for the test", None)
    assert health(replicas) == NO_QUORUM
    replicas[3].restart_role("supervisor")
    assert replicas[2].restart_role("supervisor") == 2
    assert describe(replicas[2])["round"] == kept, "what its disk holds"
    until(lambda: get(replicas[2]) == b"b" and describe(replicas[2])["round"] != kept, 10)
