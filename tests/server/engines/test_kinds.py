"""Which engines there are, and of how many processes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.members import Member
from server.alone import cluster_of
from server.coordinator.founding import Impossible, Wish, prepare
from server.coordinator.options import parse
from server.engines.kinds import ENGINES, REPLICAS, kind_for, kind_of, replicas_of
from server.folder import FolderRefused
from server.offline.stopped import open_stopped


def test_each_engine_is_called_by_its_own_name() -> None:
    for name, kind in ENGINES.items():
        assert getattr(kind.engine, "name", name) == name
        assert kind.declared.name == name


def test_how_many_replicas_a_new_cluster_has() -> None:
    assert (replicas_of("paxos", None), replicas_of("paxos", 3)) == (REPLICAS, 3)
    assert (replicas_of("etcd", None), replicas_of("etcd", 3)) == (2, 3)
    assert (kind_of("etcd").warning(2), kind_of("paxos").warning(3)) == (None, None)
    assert "an odd number is better" in str(kind_of("paxos").warning(4))
    assert (replicas_of("single", None), replicas_of("single", 1)) == (1, 1)
    with pytest.raises(ConfigError, match="engine single runs as 1 process, not as 3 replicas"):
        replicas_of("single", 3)


def test_a_number_that_the_engine_cannot_have_is_refused_wherever_it_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--engine", "single", "--replicas", "3"])
    assert ended.value.code == 2
    assert "engine single runs as 1 process, not as 3 replicas" in capsys.readouterr().err
    with pytest.raises(Impossible, match="engine single runs as 1 process"):
        prepare(Wish(tmp_path / "a", 2, ephemeral=True, engine="single"))
    with pytest.raises(ConfigError, match="engine single runs as 1 process, not as 2 replicas"):
        cluster_of(1, "127.0.0.1:1", ["127.0.0.1:1", "127.0.0.1:9"], tmp_path, "single")


def test_a_cluster_file_that_lists_more_than_the_engine_has_is_refused(tmp_path: Path) -> None:
    cluster, _ = prepare(Wish(tmp_path, ephemeral=True, engine="single"))
    assert [len(cluster.members), [*cluster.members[0].ports]] == [1, ["client", "admin"]]
    assert kind_of("single").declared.voters_file == "writer.db"
    two = (*cluster.members, Member(2, "127.0.0.1", {"client": 1, "admin": 2}))
    with pytest.raises(ConfigError, match="lists 2 replicas, and engine single runs as 1"):
        kind_for(dataclasses.replace(cluster, members=two))


def test_a_stopped_folder_that_only_its_engine_can_read_is_named(tmp_path: Path) -> None:
    prepare(Wish(tmp_path, ephemeral=True, engine="single"))
    with (
        pytest.raises(
            FolderRefused,
            match="is of engine single, and recover makes a new cluster of what a paxos",
        ),
        open_stopped(tmp_path / "replica1"),
    ):
        pass


@pytest.mark.parametrize(("engine", "other"), [("paxos", "2pc"), ("2pc", "paxos")])
def test_an_engine_that_was_changed_in_the_file_is_named(
    engine: str, other: str, tmp_path: Path
) -> None:
    cluster, _ = prepare(Wish(tmp_path, 3, ephemeral=True, engine=engine))
    with pytest.raises(ConfigError, match=f"engine is {other}, .* ports of engine {engine}: put"):
        kind_for(dataclasses.replace(cluster, engine=other, settings={}))
