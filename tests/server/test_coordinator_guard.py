"""The lost-disk guard: nobody gets a new folder while too few are known to have their own disk."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.status import ReplicaEntry
from server.coordinator.folders import Unusable
from server.coordinator.founding import Wish, prepare
from server.coordinator.guard import LostDisks
from tests.cluster.test_status import LAME, entry


class Admins:
    """Replicas that answer as they are set to; all are asked at once."""

    def __init__(self) -> None:
        self.reported: dict[int, ReplicaEntry | None] = {one: entry(one) for one in range(1, 6)}

    def entries(self, timeout: float = 1.0) -> dict[int, ReplicaEntry | None]:
        return dict(self.reported)


class Rig:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.cluster: Cluster = prepare(Wish(data, 5, ephemeral=True))[0]
        self.admins = Admins()
        fake: Any = self.admins
        self.guard = LostDisks(self.cluster, data, fake)

    def lose(self, replica: int) -> None:
        """The replica's process is gone, and so is its folder."""
        self.admins.reported[replica] = None
        shutil.rmtree(self.data / f"replica{replica}", ignore_errors=True)

    def renew(self, replica: int) -> None:
        self.guard.renew(replica, "its folder is missing")


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "data")


def test_two_of_five_may_recover_at_once_and_no_third(rig: Rig) -> None:
    for replica in (1, 2):
        rig.lose(replica)
        rig.renew(replica)
        rig.admins.reported[replica] = entry(replica, state="recovering")
    rig.lose(3)
    with pytest.raises(Unusable, match=r"Nothing was formatted: .* 3 others .* now: 4, 5"):
        rig.renew(3)
    assert rig.guard.loss(3)
    rig.admins.reported[1] = entry(1)  # it has rejoined: its disk is its own again
    rig.renew(3)
    assert rig.guard.loss(3) is None


def test_five_that_end_one_after_another_are_not_all_made_anew(rig: Rig) -> None:
    # Nobody recovers meanwhile: those with a new folder have not started yet.
    made = []
    for replica in rig.cluster.ids:
        rig.admins.reported[replica] = None
        try:
            rig.renew(replica)
        except Unusable:
            continue
        made.append(replica)
    assert made == [1, 2]


@pytest.mark.parametrize(
    "unknown",
    [
        None,
        entry(2, state="recovering"),
        entry(2, state="down"),
        entry(2, roles=LAME),
        entry(2, roles=None),
    ],
)
def test_whoever_does_not_answer_as_a_voter_counts_as_lost(
    rig: Rig, unknown: ReplicaEntry | None
) -> None:
    rig.lose(1)
    rig.admins.reported |= {2: unknown, 3: None}
    with pytest.raises(Unusable, match="now: 4, 5"):
        rig.renew(1)
    rig.admins.reported[2] = entry(2)
    rig.renew(1)


def test_the_lost_one_does_not_count_itself(rig: Rig) -> None:
    rig.admins.reported |= {2: None, 3: None}
    with pytest.raises(Unusable, match=r"now: 4, 5\."):
        rig.renew(1)


def test_one_at_a_time(rig: Rig) -> None:
    """Two that ask at the same moment do not count each other."""
    answers = rig.admins.entries
    asking = threading.Barrier(2)
    together: list[bool] = []

    def entries(timeout: float = 1.0) -> dict[int, ReplicaEntry | None]:
        try:
            asking.wait(0.3)
            together.append(True)
        except threading.BrokenBarrierError:
            asking.reset()
        return answers()

    rig.admins.entries = entries  # type: ignore[method-assign]
    rig.lose(1)
    rig.lose(2)
    threads = [threading.Thread(target=rig.renew, args=[one]) for one in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not together
