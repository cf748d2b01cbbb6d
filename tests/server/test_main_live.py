"""The program: what it refuses in one line, with which status, and how it ends."""

from __future__ import annotations

import random
import signal
import socket
import tempfile
from pathlib import Path
from urllib.request import urlopen

import pytest

from kvrmi.paxos.declaration import PAXOS
from server.coordinator.found import main as found
from server.folder import format_folder, open_folder
from server.ports import free_block

from .processes import Replicas, replicas, start
from .stubs import until

pytestmark = pytest.mark.live


def refused(*arguments: str, status: int = 1) -> str:
    """Start, and return the one line with which it ended, with that status."""
    with tempfile.NamedTemporaryFile() as file:
        process = start(*arguments, output=Path(file.name))
        ended = process.wait(60)
        lines = file.read().decode().splitlines()
    assert (ended, len(lines)) == (status, 1), lines
    return lines[0]


@pytest.fixture
def founded(tmp_path: Path) -> Replicas:
    return Replicas(tmp_path / "data", 3)


def config(cluster: Replicas) -> list[str]:
    return ["--config", str(cluster.data / "cluster.toml")]


def test_usage() -> None:
    assert "id" in refused(status=2)
    assert "--nonsense" in refused("1", "--nonsense", status=2)


def test_a_missing_or_broken_cluster_file(tmp_path: Path) -> None:
    assert "none.toml" in refused("1", "--config", str(tmp_path / "none.toml"))
    (tmp_path / "cluster.toml").write_text("[cluster")
    assert "cluster.toml" in refused("1", "--config", str(tmp_path / "cluster.toml"))


def test_another_list_of_members_than_the_disk_knows(founded: Replicas) -> None:
    disks = {member.id: member.disk for member in founded.cluster.members}
    folder = open_folder(founded.data / "replica2", founded.cluster.id, 2, PAXOS)
    folder.change(members=disks | {4: "d4", 5: "d5"})
    folder.close()
    assert "was formatted for replicas 1, 2, 3, 4, 5, the cluster file" in refused(
        "2", *config(founded)
    )


def test_metrics_are_served_where_a_port_is_given(founded: Replicas) -> None:
    port = free_block("127.0.0.1", 1, random.Random())
    url = f"http://127.0.0.1:{port}/metrics"
    replica = start(
        "1", *config(founded), "--metrics-port", str(port), output=founded.data / "output"
    )
    try:
        until(lambda: b'kvrmi_up{replica="1"} 1.0' in fetched(url), 15)
        line = refused("2", *config(founded), "--metrics-port", str(port))
        assert line.endswith(
            f": replica 2 cannot start: port {port} on 127.0.0.1: Address already in use"
        )
    finally:
        replica.terminate()
        assert replica.wait(60) == 0


def fetched(url: str) -> bytes:
    try:
        with urlopen(url, timeout=60) as answer:
            body: bytes = answer.read()
            return body
    except OSError:
        return b""


def test_an_unknown_replica(founded: Replicas) -> None:
    assert "no replica 4" in refused("4", *config(founded), status=2)


def test_a_missing_secret_is_noticed_before_anything_is_formatted(tmp_path: Path) -> None:
    assert found(["--hosts", "127.0.0.1,127.0.0.2,127.0.0.3", "--data", str(tmp_path)]) == 0
    (tmp_path / "secret").unlink()
    line = refused("1", "--config", str(tmp_path / "cluster.toml"), "--format")
    assert "secret is missing; nothing was done. Copy it from where" in line
    assert [file.name for file in tmp_path.iterdir()] == ["cluster.toml"]


def test_an_unformatted_folder(founded: Replicas) -> None:
    folder = founded.data / "replica2"
    folder.rename(founded.data / "elsewhere")
    assert "not formatted" in refused("2", *config(founded))
    assert not folder.exists()


def test_a_foreign_folder(founded: Replicas) -> None:
    folder = founded.data / "replica2"
    folder.rename(founded.data / "elsewhere")
    format_folder(folder, PAXOS, "another", 2, recovering=False)
    assert "belongs to replica 2 of cluster another" in refused("2", *config(founded))


def test_another_disk_than_the_cluster_knows_is_a_lost_disk(founded: Replicas) -> None:
    folder = founded.data / "replica2"
    folder.rename(founded.data / "elsewhere")
    format_folder(folder, PAXOS, founded.cluster.id, 2, recovering=False)
    assert "cannot be trusted" in refused("2", *config(founded), status=4)


def test_a_busy_port(founded: Replicas) -> None:
    member = founded.cluster.member(2)
    with socket.create_server((member.host, member.ports["acceptor"])):
        line = refused("2", *config(founded))
    assert f"replica 2 cannot start: port {member.ports['acceptor']} on {member.host}: " in line


def test_one_id_runs_once_and_ends_cleanly(tmp_path: Path) -> None:
    with replicas(tmp_path / "data", 1) as one:
        assert "in use by process" in refused("1", *config(one))
        process = one.running[1]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        one.running.clear()
        one.start(1)
        one.leader()


def test_a_clean_start_finds_applied_what_a_clean_end_held_back(tmp_path: Path) -> None:
    with replicas(tmp_path / "data", 1) as one:
        one.put(1, "key", "value")
        applied = one.status(1)["applied"]
        assert one.stop() == {1: 0}
        one.start(1)
        one.leader()
        log = one.data / "replica1" / "replica.log"
        line = f"[learner] STARTED incarnation=1 applied={applied} keys=1"
        until(lambda: line in log.read_text())


def test_a_damaged_acceptor_is_a_lost_disk(founded: Replicas) -> None:
    (founded.data / "replica2" / "acceptor.db").write_bytes(b"junk" * 5000)
    assert "cannot be trusted" in refused("2", *config(founded), status=4)


def test_replicas_form_a_cluster_without_a_coordinator(tmp_path: Path) -> None:
    base = free_block("127.0.0.1", 15, random.Random())
    addresses = [f"127.0.0.1:{base + 5 * i}" for i in range(3)]
    options = ["--peers", ",".join(addresses), "--data", str(tmp_path)]
    processes = [
        start(str(i), "--address", address, *options, "--format", output=tmp_path / "output")
        for i, address in enumerate(addresses, start=1)
    ]
    try:
        log = tmp_path / "replica1" / "replica.log"
        until(lambda: log.exists() and "[learner] commit" in log.read_text(), 15)
    finally:
        for process in processes:
            process.terminate()
        assert [process.wait(60) for process in processes] == [0, 0, 0]
