"""`kvrmi-cluster found`: two files for replicas on hosts of their own, and what to do with them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kvrmi.cluster.file import load
from server.coordinator import main
from server.coordinator.founding import Refused, Wish, prepare

HOSTS = "--hosts", "h1,h2:7000,127.0.0.3"


def test_it_makes_a_cluster_file_and_a_secret(tmp_path: Path) -> None:
    assert main(["found", *HOSTS, "--data", str(tmp_path)]) == 0
    cluster = load(tmp_path / "cluster.toml")
    assert [(one.host, one.client, one.admin) for one in cluster.members] == [
        ("h1", 1111, 1115), ("h2", 7000, 7004), ("127.0.0.3", 3333, 3337),
    ]  # fmt: skip
    assert not any(member.disk for member in cluster.members)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert {file.name for file in tmp_path.iterdir()} == {"cluster.toml", "secret"}


def test_it_says_what_to_copy_and_what_to_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["found", *HOSTS, "--data", str(tmp_path / "a b")])
    said = capsys.readouterr().out
    assert f"scp -rp '{tmp_path}/a b' h2:" in said
    assert "3 --config 'a b/cluster.toml' --format" in said
    assert "client --address h1:1111 STATUS" in said
    assert "also run on h1:\n     python -m nameserver --config 'a b/cluster.toml'" in said


def test_ports_of_ones_choice(tmp_path: Path) -> None:
    main(["found", "--hosts", "a,b,c", "--base-port", "9000", "--data", str(tmp_path)])
    cluster = load(tmp_path / "cluster.toml")
    assert [one.client for one in cluster.members] == [9000, 9001, 9002]
    assert (cluster.nameserver, cluster.coordinator) == ("a:9015", "a:9016")


@pytest.mark.parametrize(("given", "address"), [("n", "n:9090"), ("n:99", "n:99")])
def test_the_name_server_on_a_host_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, address: str
) -> None:
    assert main(["found", *HOSTS, "--nameserver", given, "--data", str(tmp_path)]) == 0
    assert load(tmp_path / "cluster.toml").nameserver == address
    assert "also run on n:\n" in capsys.readouterr().out


def test_a_folder_of_a_cluster_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["found", *HOSTS, "--data", str(tmp_path)])
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    first = capsys.readouterr().out
    assert main(["found", "--hosts", "h1,h2", "--data", str(tmp_path)]) == 1
    assert "holds cluster.toml, secret of a cluster" in capsys.readouterr().err
    assert main(["found", *HOSTS, "--data", str(tmp_path)]) == 0, "the same command twice"
    assert capsys.readouterr().out == first
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
    (tmp_path / "secret").unlink()
    assert main(["found", *HOSTS, "--data", str(tmp_path)]) == 1


def test_no_coordinator_takes_such_a_cluster_for_one_of_lost_disks(
    tmp_path: Path,
) -> None:
    main(["found", *HOSTS, "--data", str(tmp_path)])
    with pytest.raises(Refused, match="hosts of their own, no coordinator runs it: start each"):
        prepare(Wish(tmp_path))
    assert {file.name for file in tmp_path.iterdir()} == {"cluster.toml", "secret"}


def test_a_full_disk_leaves_no_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "cluster.toml")

    monkeypatch.setattr("server.coordinator.founding.write_cluster", full)
    assert main(["found", *HOSTS, "--data", str(tmp_path)]) == 1
    assert "cluster.toml: No space left on device; nothing was made" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("hosts", ["a,a:1111,b", "a,b:99999", "a,b c", "a:1111:2"])
def test_hosts_that_make_no_cluster_leave_nothing(
    hosts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made"
    assert main(["found", "--hosts", hosts, "--data", str(made)]) == 2
    assert not made.exists()
    assert capsys.readouterr().err.count("\n") == 1


def test_ports_beyond_the_last_are_a_wrong_command_line(tmp_path: Path) -> None:
    hosts, made = "a,b,c,d,e", tmp_path / "made"
    assert main(["found", "--hosts", hosts, "--base-port", "65534", "--data", str(made)]) == 2
    assert not made.exists()


def test_an_empty_host_is_a_wrong_command_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["found", "--hosts", "a,,b", "--data", str(tmp_path)])
    assert ended.value.code == 2


def test_an_engine_that_is_not_there_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["found", "--hosts", "a,b,c", "--data", str(tmp_path / "new"), "--engine", "raft"])
        == 2
    )
    said = capsys.readouterr().err
    assert "engine 'raft' is not available, use paxos, " in said
    assert not (tmp_path / "new").exists()


def test_gateways_are_in_the_file(tmp_path: Path) -> None:
    words = "--gateways", "--tcp-port", "1211"
    assert main(["found", *HOSTS, *words, "--data", str(tmp_path)]) == 0
    assert load(tmp_path / "cluster.toml").gateways == (1211, 5555)
