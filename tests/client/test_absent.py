"""Orders and questions for a replica that cannot take them: why not, and what comes first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client.admin import _for_how_long, _handed_over
from kvrmi.access.admins import Admins
from kvrmi.cluster.status import ClusterStatus, unanswered
from kvrmi.errors import ConnectionFailed
from tests.client.conftest import Run
from tests.client.fake import Cluster

Captured = pytest.CaptureFixture[str]
Told = Callable[[str, str | None], None]

DOWN = "replica 2 is down (killed on purpose): START 2 comes first"


@pytest.fixture
def coordinator(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Stand in the cluster's folder; the second replica is away, as its coordinator reports."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KVRMI_CONFIG", raising=False)
    cluster.write_file(tmp_path / ".kvrmi" / "cluster.toml")
    cluster.introduce("deadbeef")
    cluster.servant(1).reported["coordinator"] = "127.0.0.1:7"
    cluster.nodes[1].kill()

    def told(state: str, reason: str | None) -> None:
        entry = unanswered(2, "127.0.0.1:1", state) | {"reason": reason}
        status: ClusterStatus = {"replicas": [entry]}
        monkeypatch.setattr("client.admin.coordinator_status", lambda *_: status)

    return told


@pytest.mark.parametrize(
    "order",
    [
        "FAIL 2 acceptor",
        "RESTART 2 acceptor",
        "SERVER 2 RECONNECT",
        "PRINTKVSTORE 2",
        "PRINTQUEUE 2",
        "PRINTBLOCKCHAIN 2",
        "LOG 2",
        "CHAIN VERIFY 2",
        "METRICS 2",
        "TRANSFER 2",
    ],
)
def test_a_replica_that_is_down_says_so_and_what_comes_first(
    coordinator: Told, run: Run, capsys: Captured, order: str
) -> None:
    coordinator("held", "killed on purpose")
    assert run(*order.split()) == 6
    said = capsys.readouterr().err
    assert said.startswith(f"UNAVAILABLE: {DOWN}; nothing was ")
    assert said.count("\n") == 1


def test_links_name_it_too(
    coordinator: Told, run: Run, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator("held", "killed on purpose")
    ask = Admins.replica

    def first_answers(self: Admins, replica: int, method: str, *args: object) -> Any:
        return [] if replica == 1 else ask(self, replica, method, *args)

    monkeypatch.setattr(Admins, "replica", first_answers)
    assert run("LINKS") == 0
    assert f"replica 2: {DOWN}\n" in capsys.readouterr().out


def test_one_that_is_starting(coordinator: Told, run: Run, capsys: Captured) -> None:
    coordinator("starting", None)
    assert run("LOG", "2") == 6
    assert "replica 2 is starting: wait until STATUS shows" in capsys.readouterr().err


def test_without_a_reason_the_address_is_named(
    coordinator: Told, run: Run, capsys: Captured
) -> None:
    coordinator("down", None)
    assert run("LOG", "2") == 6
    assert "replica 2 does not answer at 127.0.0.1:20" in capsys.readouterr().err


def test_leadership_goes_to_nobody_whose_role_is_down(
    coordinator: Told, cluster: Cluster, run: Run, capsys: Captured
) -> None:
    cluster.servant(1).reported["roles"] = {"learner": {"state": "down", "incarnation": 1}}
    assert run("TRANSFER", "1") == 6
    assert "replica 1: learner is down: RESTART 1 learner comes first" in capsys.readouterr().err


def test_leadership_goes_to_nobody_who_does_not_answer_and_the_reason_is_given(
    coordinator: Told, run: Run, capsys: Captured
) -> None:
    coordinator("not answering", "its process runs but does not answer")
    assert run("TRANSFER", "2") == 6
    said = "replica 2 is not answering (its process runs but does not answer); nothing was done"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("to", "leader", "able", "first"),
    [(3, 1, (2, 3), 1), (3, 4, (2, 3), 2), (2, 4, (2, 3), 0), (1, 2, (1,), 0)],
)
def test_a_transfer_that_does_not_last_says_who_gets_it_back(
    to: int, leader: int, able: tuple[int, ...], first: int
) -> None:
    up = {"proposer": {"state": "up", "incarnation": 1}}
    others: list[Any] = [{"id": one, "state": "up", "roles": up} for one in able]
    led: Any = {"id": leader, "state": "up", "roles": up, "role": "leader", "ballot": [1, leader]}
    led["needs"] = {"votes": 2, "leader": True}
    said = _for_how_long({"leader": leader, "replicas": [led, *others]}, to)
    assert said.startswith(f"; replica {first} gets leadership back") if first else said == ""


class _Leaders:
    """Admin objects of which only the last one to lead hands over."""

    def __init__(self, leader: int) -> None:
        self.leader = leader
        self.asked: list[int] = []

    def replica(self, replica: int, *_: object, timeout: float) -> bool:
        self.asked.append(replica)
        if replica != self.leader:
            raise ConnectionFailed(f"only the leader hands leadership over, replica {self.leader}")
        return True


@pytest.mark.parametrize(("now", "asked"), [(3, [1, 3]), (2, [1])])
def test_a_transfer_goes_on_to_the_new_leader(now: int, asked: list[int]) -> None:
    admins: Any = _Leaders(3)
    assert _handed_over(admins, 1, 2, lambda: {"leader": now})
    assert admins.asked == asked


@pytest.mark.parametrize("now", [1, None])
def test_a_transfer_is_not_repeated_at_the_same_one(now: int | None) -> None:
    admins: Any = _Leaders(3)
    with pytest.raises(ConnectionFailed, match="only the leader"):
        _handed_over(admins, 1, 2, lambda: {"leader": now})
    assert admins.asked == [1]


def test_a_transfer_to_the_leader_does_nothing(
    coordinator: Told, cluster: Cluster, run: Run, capsys: Captured
) -> None:
    for node in cluster.nodes:
        node.servant.reported["leader"] = 1
    assert run("TRANSFER", "1") == 0
    assert capsys.readouterr().out == "replica 1 leads already; nothing was done\n"
