"""A majority of disks is lost at once; what is left makes a new cluster, with all of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from server.coordinator import main

from .folders import traces
from .processes import Replicas, replicas

pytestmark = pytest.mark.live


def test_the_leaders_folder_alone_gives_all_that_was_acknowledged(tmp_path: Path) -> None:
    lost = Replicas(tmp_path / "lost", 3)
    try:
        lost.start()
        leader = lost.leader()
        for number in range(300):  # the last of them are on no learner's disk yet
            lost.put(1 + number % 3, f"k{number}", f"v{number}")
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
    with replicas(new, 3) as cluster, cluster.store(2) as store:
        assert store.get_many([f"k{number}" for number in range(300)]) == [
            f"v{number}" for number in range(300)
        ]
        assert cluster.put(3, "after", "1") == 301
