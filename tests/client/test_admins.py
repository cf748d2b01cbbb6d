"""Orders go to the cluster that was named, or nowhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from client.__main__ import main
from client.admin import _process_done
from kvrmi.access.admins import Admins
from kvrmi.cluster.file import load
from kvrmi.errors import ConnectionFailed, InvalidRequest
from kvrmi.remote.daemon import Daemon
from kvrmi.remote.identity import Caller, Credentials, Refused
from server.coordinator import found
from server.coordinator.founding import Wish, prepare
from tests.client.conftest import Run
from tests.client.fake import Cluster

ORDERS = (
    ["FAIL", "1", "acceptor"],
    ["RESTART", "1"],
    ["CUT", "1", "2"],
    ["HEAL"],
    ["KILL", "1"],
    ["STOP", "1", "--force"],
    ["START", "1"],
    ["RESTORE", "1"],
    ["TRANSFER", "2"],
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Orders that would have left, to whichever cluster."""
    made: list[str] = []

    def note(self: Admins, *args: object, **_: object) -> object:
        made.append(str(args))
        return {"pid": 1, "state": "up", "cuts": []}

    monkeypatch.setattr(Admins, "replica", note)
    monkeypatch.setattr(Admins, "coordinator", note)
    return made


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: Cluster
) -> Callable[..., Path]:
    """Stand in a folder that holds the file of a cluster with the fake's addresses."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KVRMI_CONFIG", raising=False)
    return lambda id: cluster.write_file(tmp_path / ".kvrmi" / "cluster.toml", id)


def test_a_cluster_without_a_coordinator_says_where_to_start_and_stop(
    tmp_path: Path,
) -> None:
    assert found.main(["--hosts", "a,b,c", "--data", str(tmp_path)]) == 0
    apart = load(tmp_path / "cluster.toml")
    with pytest.raises(InvalidRequest, match="on hosts of their own: start and stop them there"):
        Admins(apart, Credentials(apart.id, 0, "client", b"x")).coordinator("kill", 1, False)


@pytest.mark.parametrize("state", ["missing", "empty"])
def test_without_the_secret_it_says_once_where_it_belongs_and_what_to_do(
    cluster: Cluster,
    run: Run,
    folder: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    state: str,
) -> None:
    secret = folder("deadbeef").parent / "secret"
    secret.unlink()
    if state == "empty":
        secret.touch(0o600)
    cluster.introduce("deadbeef")
    assert run("FAIL", "1", "acceptor", "--force") == 2
    said = capsys.readouterr().err
    assert f"orders need the secret that the replicas share: {secret}: " in said
    assert "put back the secret that the whole cluster shares, or, if it is lost, stop" in said


def test_without_a_cluster_file_an_order_by_address_is_for_the_console(
    cluster: Cluster,
    run: Run,
    folder: Callable[..., Path],
    calls: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("CUT", "1", "2") == 2
    assert "with --config in place of the address; replicas that" in capsys.readouterr().err
    assert calls == []


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
def test_an_order_to_another_cluster_than_the_one_in_the_folder_is_refused(
    cluster: Cluster,
    run: Run,
    folder: Callable[..., Path],
    calls: list[str],
    capsys: pytest.CaptureFixture[str],
    order: list[str],
) -> None:
    folder("feedface")
    cluster.introduce("deadbeef")
    assert run(*order) == 2
    said = capsys.readouterr().err
    assert "of cluster deadbeef" in said
    assert "file of feedface" in said
    assert "nothing was done" in said
    assert said.count("\n") == 1
    assert calls == []


def test_an_order_to_the_folders_own_cluster_by_address_is_carried_out(
    cluster: Cluster, run: Run, folder: Callable[..., Path], calls: list[str]
) -> None:
    folder("deadbeef")
    cluster.introduce("deadbeef")
    assert run("FAIL", "1", "acceptor", "--force") == 0
    assert calls == ["(1, 'fail_role', 'acceptor', None)"]


def test_a_copy_of_a_cluster_at_other_addresses_is_not_it(
    cluster: Cluster, run: Run, folder: Callable[..., Path], calls: list[str]
) -> None:
    folder("deadbeef")
    cluster.introduce("deadbeef")
    members = [[1, "127.0.0.1:1"], [2, "127.0.0.1:2"]]
    cluster.servant(1).reported["members"] = members
    assert run("FAIL", "1", "acceptor") == 2
    assert calls == []


def test_a_replica_that_does_not_say_which_cluster_it_is_of_gets_no_order(
    run: Run, folder: Callable[..., Path], calls: list[str]
) -> None:
    folder("deadbeef")
    assert run("FAIL", "1", "acceptor") == 2
    assert calls == []


def test_nobody_at_the_address_is_unavailable(
    folder: Callable[..., Path], calls: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder("deadbeef")
    assert main(["--address", "127.0.0.1:9", "--timeout", "1", "KILL", "1"]) == 6
    assert "no replica answers at 127.0.0.1:9" in capsys.readouterr().err
    assert calls == []


def test_the_status_of_another_cluster_is_not_mixed_with_the_folders(
    cluster: Cluster, run: Run, folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def ask(address: str, cluster_id: str) -> None:
        asked.append(address)

    monkeypatch.setattr("client.admin.coordinator_status", ask)
    folder("feedface")
    cluster.introduce("deadbeef")
    for servant in (cluster.servant(1), cluster.servant(2)):
        servant.reported["coordinator"] = "127.0.0.1:7"
    cluster.nodes[1].kill()
    run("STATUS")
    assert asked == ["127.0.0.1:7"], "the coordinator that its replicas name"
    cluster.nodes[0].kill()
    run("STATUS")
    assert len(asked) == 1, "not the one that the file in the folder names"


def test_who_takes_another_secret_is_not_called_silent(tmp_path: Path, cluster: Cluster) -> None:
    def refuse(_: object) -> Caller:
        raise Refused("kvrmi.replica1.admin needs proof of the cluster's secret")

    daemon = Daemon("127.0.0.1", 0, admit=refuse, pool=4, max_message=1 << 16, idle=60.0)
    daemon.start()
    try:
        known = load(cluster.write_file(tmp_path / "kv" / "cluster.toml"))
        first = known.members[0]
        one = dataclasses.replace(first, ports={**first.ports, "admin": daemon.port})
        known = dataclasses.replace(known, members=(one, *known.members[1:]))
        admins = Admins(known, Credentials(known.id, 0, "client", b"x" * 64))
        with pytest.raises(ConnectionFailed, match="has another secret than this client"):
            admins.replica(1, "heal")
        with pytest.raises(ConnectionFailed, match="replica 2 does not answer at"):
            admins.replica(2, "heal")
    finally:
        daemon.cut()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"state": "held", "pid": None, "changed": True}, "is down until START 4"),
        (
            {"state": "held", "pid": None, "changed": False, "reason": "killed on purpose"},
            "is already down until START 4 (killed on purpose); nothing was done",
        ),
        ({"state": "starting", "pid": 7}, "is starting, pid 7"),
        (
            {"state": "up", "pid": 7, "changed": False, "reason": None},
            "is already up, pid 7; nothing was done",
        ),
    ],
)
def test_an_order_to_a_process_says_whether_there_was_anything_to_do(
    entry: dict[str, object], said: str
) -> None:
    assert _process_done(4, entry).text == f"replica 4 {said}"


def test_a_coordinator_that_does_not_run_is_started_again(tmp_path: Path) -> None:
    cluster = prepare(Wish(tmp_path / "data", 1, ephemeral=True))[0]
    admins = Admins(cluster, Credentials(cluster.id, 0, "client", b"s" * 32))
    with pytest.raises(ConnectionFailed, match=f"kvrmi-cluster --data {tmp_path / 'data'} starts"):
        admins.coordinator("kill", 1, False)
