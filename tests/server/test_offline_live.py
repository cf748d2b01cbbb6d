"""A majority of disks is lost at once; what is left makes a new cluster, with all of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import kvrmi
from server.coordinator import main

from .folders import traces
from .processes import Replicas, replicas

pytestmark = pytest.mark.live


COUNT = 100


def written_under_one_leader(cluster: Replicas) -> int:
    """Put COUNT keys at all replicas in turn, again if leadership changes meanwhile; the leader."""
    while True:
        leader = cluster.leader()
        before = cluster.status(leader)["ballot"]
        for number in range(COUNT):  # the last of them are on no learner's disk yet
            cluster.put(1 + number % 3, f"k{number}", f"v{number}")
        after = cluster.status(leader)
        if (after["role"], after["ballot"]) == ("leader", before):
            return leader


def test_the_leaders_folder_alone_gives_all_that_was_acknowledged(tmp_path: Path) -> None:
    lost = Replicas(tmp_path / "lost", 3)
    try:
        lost.start()
        leader = written_under_one_leader(lost)
        for replica in lost.cluster.ids:
            lost.kill(replica)
    finally:
        lost.stop()
    for replica in lost.cluster.ids:
        if replica != leader:
            shutil.rmtree(lost.data / f"replica{replica}")
    home, new = lost.data / f"replica{leader}", tmp_path / "new"
    before = traces(home)
    assert main(["recover", "--from", str(home), "--data", str(new), "--yes"]) == 0
    assert traces(home) == before
    with replicas(new, 3), kvrmi.connect(config=new / "cluster.toml", timeout=15) as store:
        keys = [f"k{number}" for number in range(COUNT)]
        assert store.get_many(keys) == [f"v{number}" for number in range(COUNT)]
        revision = store.call("size")["revision"]
        assert store.put("after", "1") == revision + 1
