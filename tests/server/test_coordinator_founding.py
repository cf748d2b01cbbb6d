"""The data folder: founded once, continued, never founded over what is there."""

from __future__ import annotations

import os
import random
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.file import load
from kvrmi.paxos.declaration import PAXOS
from server import ports
from server.coordinator import folders
from server.coordinator.founding import Impossible, Refused, Wish, prepare, unchanged
from server.folder import open_folder
from server.pidlock import PidLock

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def found(data: Path, replicas: int = 3) -> Cluster:
    cluster, founded = prepare(Wish(data, replicas, ephemeral=True))
    assert founded
    return cluster


def test_a_new_cluster_has_folders_a_secret_and_a_file(data: Path) -> None:
    cluster = found(data)
    assert cluster.ids == (1, 2, 3)
    assert len({member.disk for member in cluster.members} - {""}) == 3
    assert all(folders.loss(cluster, data, replica) is None for replica in cluster.ids)
    assert load(data / "cluster.toml") == cluster
    assert cluster.folder == data.resolve()
    assert stat.S_IMODE((data / "secret").stat().st_mode) == 0o600
    assert not (data / "founding").exists()


def test_five_replicas_on_the_usual_ports_unless_told_otherwise(data: Path) -> None:
    if not all(ports.is_free("127.0.0.1", port) for port in (1111, 9090, 9091)):
        with pytest.raises(Refused, match="already in use"):
            prepare(Wish(data))
        return
    cluster, _ = prepare(Wish(data))
    assert [member.client for member in cluster.members] == [1111, 2222, 3333, 4444, 5555]
    assert cluster.nameserver == "127.0.0.1:9090"
    assert cluster.coordinator == "127.0.0.1:9091"


def test_a_base_port(data: Path) -> None:
    base = ports.free_block("127.0.0.1", 17, random.Random())
    cluster, _ = prepare(Wish(data, 3, base_port=base))
    assert [member.client for member in cluster.members] == [base, base + 1, base + 2]
    assert cluster.nameserver == f"127.0.0.1:{base + 15}"
    assert cluster.coordinator == f"127.0.0.1:{base + 16}"


def test_more_than_eight_need_a_base_port(data: Path) -> None:
    with pytest.raises(Refused, match="--base-port"):
        prepare(Wish(data, 9))


def test_it_is_continued_as_it_was(data: Path) -> None:
    cluster = found(data)
    assert prepare(Wish(data)) == (cluster, False)
    assert prepare(Wish(data, 3)) == (cluster, False)


def test_another_number_of_replicas_is_refused(data: Path) -> None:
    found(data)
    with pytest.raises(Refused, match="holds a cluster of 3 replicas"):
        prepare(Wish(data, 5))


def test_a_cluster_that_is_down_can_move(data: Path) -> None:
    cluster = found(data)
    base = ports.free_block("127.0.0.1", 17, random.Random())
    moved, founded = prepare(Wish(data, base_port=base))
    assert not founded
    assert moved.members[0].client == base
    assert [one.disk for one in moved.members] == [one.disk for one in cluster.members]
    assert load(data / "cluster.toml") == moved


def test_a_running_one_cannot(data: Path) -> None:
    cluster = found(data)
    lock = PidLock.take(data / "replica1" / "lock")
    assert lock is not None
    with pytest.raises(Refused, match="is running"):
        prepare(Wish(data, base_port=12_000))
    assert prepare(Wish(data, ephemeral=True)) == (cluster, False)
    lock.close()


def test_ports_that_do_not_fit_together_are_refused_before_anything_is_made(data: Path) -> None:
    base = ports.free_block("127.0.0.1", 17, random.Random())
    with pytest.raises(Impossible, match="is used 2 times"):
        prepare(Wish(data, 3, base_port=base, gateways=True, tcp=base + 2))
    assert list(data.iterdir()) == []


def test_no_cluster_is_founded_in_a_replicas_own_folder(data: Path) -> None:
    prepare(Wish(data, 3, ephemeral=True))
    there = sorted((data / "replica1").iterdir())
    with pytest.raises(Refused, match="is a replica's own folder; nothing was done"):
        prepare(Wish(data / "replica1", 3, ephemeral=True))
    assert sorted((data / "replica1").iterdir()) == there


def test_a_busy_port_is_named_and_nothing_is_made(data: Path) -> None:
    port = ports.free_block("127.0.0.1", 17, random.Random())
    busy = socket.create_server(("127.0.0.1", port))
    with busy, pytest.raises(Refused, match=rf"port {port} .* in use: .*--base-port"):
        prepare(Wish(data, 3, base_port=port))
    assert list(data.iterdir()) == []


def test_the_ports_of_a_running_replica_are_its_own(data: Path) -> None:
    cluster = found(data)
    lock = PidLock.take(data / "replica2" / "lock")
    assert lock is not None
    with socket.create_server(("127.0.0.1", cluster.member(2).client)):
        assert prepare(Wish(data))[0] == cluster
        lock.close()
        with pytest.raises(Refused, match="replica 2"):
            prepare(Wish(data))


def test_others_are_told_another_host_than_it_listens_on(data: Path) -> None:
    cluster, _ = prepare(Wish(data, 3, "0.0.0.0", "localhost", ephemeral=True))
    assert cluster.listen == "0.0.0.0"
    assert {member.host for member in cluster.members} == {"localhost"}
    assert cluster.nameserver.startswith("localhost:")
    assert cluster.coordinator.startswith("localhost:")
    assert load(data / "cluster.toml") == cluster


def test_the_ports_checked_are_those_it_listens_on(data: Path) -> None:
    # All its other ports are free, and none of those that the system hands out meanwhile.
    port = ports.free_block("127.0.0.1", 5 * 3 + 2, random.Random())
    refused = pytest.raises(Refused, match=rf"port {port} on 127\.0\.0\.1 .* in use")
    with socket.create_server(("127.0.0.1", port)), refused:
        prepare(Wish(data, 3, "127.0.0.1", "elsewhere.invalid", port))


def test_a_cluster_that_moves_keeps_the_hosts_it_had(data: Path) -> None:
    prepare(Wish(data, 3, "0.0.0.0", "localhost", ephemeral=True))
    moved, _ = prepare(Wish(data, ephemeral=True))
    assert (moved.listen, moved.members[0].host) == ("0.0.0.0", "localhost")
    moved, _ = prepare(Wish(data, host="127.0.0.1", ephemeral=True))
    assert (moved.listen, moved.members[0].host) == ("", "127.0.0.1")
    moved, _ = prepare(Wish(data, advertise="localhost", ephemeral=True))
    assert (moved.listen, moved.members[0].host) == ("127.0.0.1", "localhost")


def test_a_host_that_is_not_ours_is_refused(data: Path) -> None:
    with pytest.raises(Refused, match=r"nowhere\.invalid"):
        prepare(Wish(data, 3, host="nowhere.invalid", base_port=12_000))


def test_one_lost_folder_stays_lost_until_the_others_are_known(data: Path) -> None:
    cluster = found(data)
    shutil.rmtree(data / "replica2")
    assert prepare(Wish(data)) == (cluster, False)
    assert not (data / "replica2").exists()


def test_a_lost_majority_is_refused(data: Path) -> None:
    found(data)
    for replica in (1, 3):
        shutil.rmtree(data / f"replica{replica}")
    with pytest.raises(
        Refused, match=r"replicas 1, 3 .*replica3 is missing.*kvrmi-cluster recover"
    ):
        prepare(Wish(data))
    assert not (data / "replica1").exists()


def test_folders_without_a_cluster_file_are_not_touched(data: Path) -> None:
    found(data)
    (data / "cluster.toml").unlink()
    with pytest.raises(Refused, match=r"no cluster\.toml"):
        prepare(Wish(data, 3, ephemeral=True))
    assert (data / "replica1" / "acceptor.db").exists()


def test_a_founding_that_was_cut_short_begins_anew(data: Path) -> None:
    former = found(data)
    (data / "cluster.toml").unlink()
    (data / "founding").touch()
    said: list[str] = []
    cluster, founded = prepare(Wish(data, 3, ephemeral=True), said.append)
    assert founded
    assert cluster.id != former.id
    assert not (data / "founding").exists()
    assert len(said) == 3
    assert "replica1.lost1" in said[0]
    assert (data / "replica1.lost1" / "acceptor.db").exists()


def test_a_marker_that_outlived_the_founding_endangers_nothing(data: Path) -> None:
    found(data)
    (data / "founding").touch()
    for replica in (1, 2, 3):
        (data / f"replica{replica}" / "lock").touch()  # replicas have run
    before = sorted(data.rglob("*"))
    toml = (data / "cluster.toml").read_bytes()
    (data / "cluster.toml").unlink()
    with pytest.raises(Refused, match=r"no cluster\.toml"):
        prepare(Wish(data, 3, ephemeral=True))
    (data / "cluster.toml").write_bytes(toml)
    assert sorted(data.rglob("*")) == before
    prepare(Wish(data))
    assert not (data / "founding").exists(), "it is removed as soon as it is seen"


def test_killed_at_any_step_it_loses_no_disk_and_is_founded_again() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.server.crashes"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found_steps, *others = map(int, done.stdout.split())
    assert found_steps > 20
    assert len(others) == 2
    assert min(others) > 5


def test_names_are_synced_in_their_order(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The marker before any folder, the cluster file before the marker goes, and its going."""
    events: list[str] = []

    def note(name: str, text: Callable[..., str]) -> None:
        real: Any = getattr(os, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            events.append(text(*args))
            return real(*args, **kwargs)

        monkeypatch.setattr(os, name, call)

    def synced(descriptor: int) -> str:
        here = os.fstat(descriptor)
        return "sync" if os.path.samestat(here, os.stat(data)) else "other sync"

    note("fsync", synced)
    note("mkdir", lambda path, *_: f"mkdir {Path(path).name}")
    note("replace", lambda source, target: f"replace {Path(target).name}")
    note("unlink", lambda path, *_: f"unlink {Path(path).name}")
    found(data)
    first = events.index("mkdir replica1")
    file = events.index("replace cluster.toml")
    marker = events.index("unlink founding")
    assert "sync" in events[:first]
    assert "sync" in events[file:marker]
    assert "sync" in events[marker:]


def test_empty_folders_wait_for_a_founding(data: Path) -> None:
    for replica in (1, 2, 3):
        (data / f"replica{replica}").mkdir(parents=True)
    found(data)


def test_other_members_than_the_disks_know_are_refused(data: Path) -> None:
    cluster = found(data, 5)
    disks = {member.id: member.disk for member in cluster.members}
    for replica in cluster.ids:
        opened(data, cluster, replica, disks)
    prepare(Wish(data))
    lines = (data / "cluster.toml").read_text().split("\n[[replica]]")
    (data / "cluster.toml").write_text("\n[[replica]]".join(lines[:4]))
    with pytest.raises(
        Refused, match=r"was formatted for replicas 1, 2, 3, 4, 5, .* lists 1, 2, 3:"
    ):
        prepare(Wish(data))


def test_folders_that_the_file_does_not_list_are_refused(data: Path) -> None:
    found(data, 5)
    lines = (data / "cluster.toml").read_text().split("\n[[replica]]")
    (data / "cluster.toml").write_text("\n[[replica]]".join(lines[:4]))
    with pytest.raises(
        Refused, match=r"holds replica4, replica5, which cluster\.toml does not list"
    ):
        prepare(Wish(data))


def test_an_engine_that_is_not_there_is_refused_whether_it_runs_or_not(data: Path) -> None:
    found(data)
    edit(data, 'engine = "paxos"', 'engine = "raft"')
    says = r"cluster\.toml: engine 'raft' is not available, use paxos"
    with pytest.raises(Refused, match=says):
        prepare(Wish(data))
    with pytest.raises(Refused, match=f"it runs: .*{says}"):
        unchanged(Wish(data), "it runs")


@pytest.mark.parametrize("ran", [True, False])
def test_another_id_than_that_of_the_disks_is_refused(data: Path, ran: bool) -> None:
    cluster = found(data)
    disks = {member.id: member.disk for member in cluster.members}
    if ran:
        opened(data, cluster, 1, disks)
    edit(data, cluster.id, "f" * 16)
    belongs = rf"replica1 belongs to replica 1 of cluster {cluster.id}, not to .* of cluster ffff"
    with pytest.raises(Refused, match=belongs):
        prepare(Wish(data))


def test_folders_that_changed_places_are_refused(data: Path) -> None:
    found(data)
    for source, target in (("replica1", "aside"), ("replica2", "replica1"), ("aside", "replica2")):
        (data / source).rename(data / target)
    with pytest.raises(Refused, match=r"replica1 belongs to replica 2 of cluster"):
        prepare(Wish(data))


@pytest.mark.parametrize("port", [65_530, 65_535])
def test_a_base_port_without_room_is_one_line_whether_it_runs_or_not(data: Path, port: int) -> None:
    found(data)
    with pytest.raises(Refused, match="base port"):
        prepare(Wish(data, base_port=port))
    with pytest.raises(Refused, match=r"it runs: .*base port"):
        unchanged(Wish(data, base_port=port), "it runs")


def edit(data: Path, old: str, new: str) -> None:
    file = data / "cluster.toml"
    file.write_text(file.read_text().replace(old, new))


def opened(data: Path, cluster: Cluster, replica: int, disks: dict[int, str]) -> None:
    """Have run a replica once: it has recorded the members."""
    folder = open_folder(data / f"replica{replica}", cluster.id, replica, PAXOS)
    folder.change(founding=False, members=disks)
    folder.close()


def test_a_damaged_cluster_file_is_named(data: Path) -> None:
    found(data)
    (data / "cluster.toml").write_text("nonsense")
    with pytest.raises(Refused, match=r"cluster\.toml"):
        prepare(Wish(data))


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"replicas": 3},
        {"host": "127.0.0.1"},
        {"advertise": "localhost"},
        {"replicas": 3, "host": "127.0.0.1", "advertise": "localhost", "base": True},
        {"base": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("runs", [True, False])
def test_equal_values_are_no_change_whether_it_runs_or_not(
    data: Path, said: dict[str, Any], runs: bool
) -> None:
    base = ports.free_block("127.0.0.1", 17, random.Random())
    first = Wish(data, 3, "127.0.0.1", "localhost", base)
    cluster, _ = prepare(first)
    file = (data / "cluster.toml").read_bytes()
    wish = Wish(data, **{k: v for k, v in said.items() if k != "base"})
    wish = wish._replace(base_port=base if "base" in said else None)
    assert unchanged(wish, "it runs") == cluster
    locks = [PidLock.take(folders.of(data, 1) / "lock")] if runs else []
    assert prepare(wish) == (cluster, False)
    assert (data / "cluster.toml").read_bytes() == file
    for lock in locks:
        assert lock is not None
        lock.close()


def test_another_host_keeps_the_ports(data: Path) -> None:
    base = ports.free_block("127.0.0.1", 17, random.Random())
    before, _ = prepare(Wish(data, 3, base_port=base))
    after, _ = prepare(Wish(data, host="127.0.0.1", advertise="localhost"))
    assert [one.ports for one in after.members] == [one.ports for one in before.members]
    assert (after.members[0].host, after.listen) == ("localhost", "127.0.0.1")
    assert after.nameserver == f"localhost:{base + 15}"
