"""doctor on the folders of a cluster that does not run, with faults that are made for real."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from client.__main__ import main
from server.coordinator.founding import Wish, prepare

Cluster = Any


@pytest.fixture
def stopped(tmp_path: Path) -> Cluster:
    """Four replicas that have never run."""
    data = tmp_path / "data"
    data.mkdir(0o700)
    return prepare(Wish(data, replicas=4, ephemeral=True))[0]


def doctor(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> tuple[int, dict[str, list[str]]]:
    """Exit status, and what was found, by check."""
    status = main(["--config", str(cluster.source), "--json", "doctor"])
    report = json.loads(capsys.readouterr().out)
    assert report["status"] == status
    found: dict[str, list[str]] = {}
    for one in report["findings"]:
        assert one["means"]
        assert one["type"]
        found.setdefault(one["check"], []).append(one["what"])
    return status, found


def test_a_cluster_that_does_not_run_is_all_right(
    stopped: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = doctor(stopped, capsys)
    assert status == 0
    assert set(found) == {"running", "even number"}


def test_faults_in_its_folders(stopped: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    data = stopped.folder
    (data / "replica1").chmod(0o755)
    (data / "cluster.toml").chmod(0o666)
    (data / "replica2" / "acceptor.db").unlink()
    votes = data / "replica3" / "acceptor.db"
    votes.write_bytes(bytes(len(votes.read_bytes())))
    (data / "replica4").rename(data / "4")
    (data / "replica1").rename(data / "replica4")
    (data / "4").rename(data / "replica1")
    (data / "secret").chmod(0o644)
    (data / "replica2.lost1").mkdir()
    taken = socket.create_server(("127.0.0.1", stopped.member(3).admin))
    gateway, metrics = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    with taken, gateway, metrics:
        file = data / "cluster.toml"
        others = f"[gateways]\ntcp = {gateway.getsockname()[1]}\n"
        first = f"metrics_port = {metrics.getsockname()[1]}\n"
        file.write_text(first + file.read_text() + others)
        status, found = doctor(stopped, capsys)
    assert status == 4
    assert found["modes"] == [
        "replica4 is open to other users",
        f"{data / 'cluster.toml'} may be changed by other users",
    ]
    assert found["missing files"] == ["replica2 holds no records"]
    assert found["damaged votes"][0].startswith("replica 3: acceptor.db is damaged")
    assert len(found["foreign folder"]) == 2
    assert found["foreign folder"][0].startswith("replica1 is the folder of replica 4")
    assert "may be read by others: chmod 600" in found["secret"][0]
    assert found["left over"][0].startswith("replica2.lost1 was kept")
    for port in (
        "TCP gateway port of replica 1",
        "metrics port of replica 1",
        "admin port of replica 3",
    ):
        assert any(f"the {port}" in one for one in found["ports taken"])


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads everything")
def test_a_folder_of_which_nothing_can_be_seen(
    stopped: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = stopped.folder / "replica2"
    folder.chmod(0)
    status, found = doctor(stopped, capsys)
    folder.chmod(0o700)
    assert status == 1
    assert found["unreadable files"][0].startswith("replica2 cannot be looked at")


def test_lines_break_at_words(
    stopped: Cluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (stopped.folder / "replica1").chmod(0o755)
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["--config", str(stopped.source), "doctor", "--checks"]) == 1
    shown = capsys.readouterr().out
    assert "\x1b" not in shown, "colours are for terminals"
    assert "\nwarning: replica1 is open to other users\n" in shown
    assert "\nnote: the cluster has 4 replicas, an even number\n" in shown
    assert "clock rates      danger   the clocks of leases, against" in shown
    assert "1 warning, 2 notes; " in shown
    paths = [line for line in shown.splitlines() if "/" not in line]
    assert max(map(len, paths)) <= 60


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--config", "{data}/no.toml"), "cannot be read: No such file or directory"),
        (("--config", "{data}/moved.toml"), "beside it are replica1, replica2"),
        (("--config", "{data}"), "Is a directory"),
        (("--config", "{data}/secret"), "cluster file"),
        (("--address", "127.0.0.1:1"), "name its cluster file with --config"),
    ],
)
def test_a_wrong_folder_is_one_line(
    words: tuple[str, ...], says: str, stopped: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [word.format(data=stopped.folder) for word in words]
    assert main([*flags, "doctor"]) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert said.err.count("\n") == 1
    assert not said.out


def test_wrong_usage_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["doctor", "--nonsense"])
    assert left.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_folder_that_may_not_be_entered_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", deny)
    assert main(["--config", str(tmp_path / "x.toml"), "doctor"]) == 2
    assert "INVALID: cluster file " in capsys.readouterr().err
