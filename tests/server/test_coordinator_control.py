"""Orders to a cluster whose replicas are processes that do nothing."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.status import ReplicaEntry
from kvrmi.errors import KVError, UnknownOutcome
from server.coordinator import folders
from server.coordinator.control import Control
from server.coordinator.founding import Wish, prepare
from server.coordinator.processes import Process
from tests.cluster.test_status import entry


class FakeAdmins:
    """Replicas answer as long as their process lives."""

    def __init__(self) -> None:
        self.processes: dict[int, Process] = {}
        self.calls: list[tuple[object, ...]] = []
        self.recovering: set[int] = set()
        self.silent: set[int] = set()
        """Those that end before they serve."""
        self.said: dict[str, Any] = {}
        """What all report besides, or otherwise."""
        self.failure: KVError | None = None
        """What calls of methods end with."""

    def entry(self, replica: int, timeout: float = 1.0) -> ReplicaEntry | None:
        process = self.processes.get(replica)
        if process is None or not process.alive or replica in self.silent:
            return None
        state = "recovering" if replica in self.recovering else "up"
        role = "leader" if replica == 1 else "follower"
        made = {"pid": process.pid, "state": state, "role": role} | self.said
        return entry(replica, **made)

    def examine(self, replica: int) -> ReplicaEntry | None:
        return self.entry(replica)

    def entries(self, timeout: float = 1.0) -> dict[int, ReplicaEntry | None]:
        return {replica: self.entry(replica) for replica in (1, 2, 3)}

    def reported(self) -> list[ReplicaEntry]:
        return [entry for entry in self.entries().values() if entry is not None]

    def call(self, replica: int, method: str, *arguments: object, timeout: float) -> Any:
        self.calls.append((replica, method, *arguments))
        if self.failure is not None:
            raise self.failure
        return {"slot": 10, "peer": arguments[0], "keys": 1, "digest": "d", "missed": 2}


class FakeLauncher:
    """Starts processes that do nothing."""

    def __init__(self, data: Path, admins: FakeAdmins) -> None:
        self.data = data
        self.admins = admins
        self.running: dict[int, Process] = {}
        self.status = 0
        self.comes_up = True

    def replica(self, replica: int) -> Process:
        silent = self.admins.silent
        quiet = self.status or not self.comes_up
        silent.add(replica) if quiet else silent.discard(replica)
        self.admins.processes[replica] = self._sleeper(self.output(replica))
        return self.admins.processes[replica]

    def nameserver(self) -> Process:
        return self._sleeper(self.data / "nameserver.out")

    def find_nameserver(self) -> Process | None:
        return None

    def find_replica(self, replica: int) -> Process | None:
        running = self.running.get(replica)
        return running if running is not None and running.alive else None

    def output(self, replica: int) -> Path:
        return self.data / f"replica{replica}.out"

    def _sleeper(self, output: Path) -> Process:
        line = "import time; time.sleep(60)"
        if self.status:
            line = f"print('why'); exit({self.status})"
        return Process.start([sys.executable, "-c", line], output)


class Rig:
    """A cluster of three, its control and what it stands on."""

    def __init__(self, data: Path) -> None:
        self.cluster: Cluster = prepare(Wish(data, 3, ephemeral=True))[0]
        self.admins = FakeAdmins()
        self.reports: list[str] = []
        self.launcher = FakeLauncher(data, self.admins)
        self.control = self.make()

    def make(self) -> Control:
        launcher: Any = self.launcher
        admins: Any = self.admins
        return Control(self.cluster, launcher, admins, self.reports.append)

    def state(self, replica: int) -> str:
        states = {one["id"]: one["state"] for one in self.control.status()["replicas"]}
        return str(states[replica])


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path / "data")
    rig.control.begin()
    yield rig
    rig.control.stop_all()
    assert not any(process.alive for process in rig.admins.processes.values())


def wait_for(condition: Callable[[], bool], seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def test_a_cluster_is_ready_without_a_leader_where_none_is_needed(rig: Rig) -> None:
    rig.admins.said = {"role": None}
    assert rig.control.unready() == "there is no leader"
    rig.admins.said = {"role": None, "needs": {"votes": 3, "leader": False}}
    assert rig.control.unready() is None
    assert rig.control.status()["quorum"] == 3
    assert rig.control.status()["successor"] is None
    assert rig.control.serves()
    with pytest.raises(
        RuntimeError, match="killing replica 2 would stop every write, as all 3 must vote"
    ):
        rig.control.kill(2)


def test_the_status_of_all(rig: Rig) -> None:
    status = rig.control.status()
    assert (status["leader"], status["successor"], status["quorum"]) == (1, 2, 2)
    assert (status["cluster"], status["engine"]) == ("kvrmi", "paxos")
    assert [one["state"] for one in status["replicas"]] == ["up"] * 3
    assert rig.control.unready() is None
    assert rig.control.serves()


def test_killed_on_purpose_it_is_held_until_started(rig: Rig) -> None:
    assert rig.control.kill(3)["state"] == "held"
    assert rig.state(3) == "held"
    assert rig.control.unready() is None
    rig.control.start(3)
    assert rig.state(3) == "up"
    wait_for(lambda: rig.control.last_restore(3) is not None)
    assert rig.admins.calls == [(3, "restore", 2)]


def test_killed_by_somebody_else_it_is_back_and_restored(rig: Rig) -> None:
    former = rig.admins.processes[1]
    former.kill()
    wait_for(lambda: rig.admins.processes[1] is not former)
    wait_for(lambda: rig.control.last_restore(1) is not None)
    assert rig.state(1) == "up"


@pytest.mark.parametrize("order", ["kill", "stop", "restart"])
def test_the_quorum_is_guarded(rig: Rig, order: str) -> None:
    rig.control.kill(3)
    with pytest.raises(RuntimeError, match=r"^NO_QUORUM: .*force=True"):
        getattr(rig.control, order)(2)
    assert rig.state(2) == "up"
    former = rig.admins.processes[2]
    getattr(rig.control, order)(2, force=True)
    assert not former.alive


def test_what_is_not_there_is_invalid(rig: Rig) -> None:
    for order in (rig.control.kill, rig.control.stop, rig.control.start, rig.control.restore):
        with pytest.raises(ValueError, match=r"^INVALID: there is no replica 4, only 1, 2, 3"):
            order(4)
    with pytest.raises(ValueError, match=r"^INVALID: "):
        rig.control.restore(1, 1)
    with pytest.raises(ValueError, match=r"^INVALID: there is no replica 9, only 1, 2, 3"):
        rig.control.restore(1, 9)


def test_a_restore_needs_a_peer(rig: Rig) -> None:
    rig.control.kill(2)
    rig.control.kill(3, force=True)
    with pytest.raises(RuntimeError, match=r"^UNAVAILABLE: no peer is up to restore replica 1"):
        rig.control.restore(1)


def test_what_cannot_be_restored_is_named_with_what_comes_first(rig: Rig) -> None:
    rig.control.kill(3)
    first = r"replica 3 is down \(killed on purpose\): START 3 comes first, which restores it too"
    with pytest.raises(RuntimeError, match=f"^UNAVAILABLE: {first}; nothing was done"):
        rig.control.restore(3)
    rig.admins.silent.add(2)
    address = f"127.0.0.1:{rig.cluster.member(2).admin}"
    with pytest.raises(RuntimeError, match=f"^UNAVAILABLE: replica 2 does not answer at {address}"):
        rig.control.restore(2)
    assert rig.admins.calls == []


def test_one_that_stops_answering_while_it_restores_is_reported_in_a_line(rig: Rig) -> None:
    rig.admins.failure = UnknownOutcome("replica 2 did not answer to restore: late")
    with pytest.raises(TimeoutError, match=r"^UNKNOWN_OUTCOME: replica 2 did not answer to"):
        rig.control.restore(2)


def test_the_next_coordinator_adopts_and_leaves_held_ones_down(rig: Rig) -> None:
    rig.control.kill(3)
    for replica in (1, 2):
        adopted = Process.adopt(rig.admins.processes[replica].pid)
        assert adopted is not None
        rig.launcher.running[replica] = adopted
    before = dict(rig.admins.processes)
    second = rig.make()
    second.begin()
    states = [one["state"] for one in second.status()["replicas"]]
    assert states == ["up", "up", "held"]
    assert rig.admins.processes == before
    second.stop_all()
    assert not before[1].alive
    assert not (rig.launcher.data / "held").exists()


def test_what_was_not_adopted_yet_is_ended_as_well(rig: Rig) -> None:
    stray = rig.launcher.replica(2)  # as one started by hand
    rig.launcher.running[2] = stray
    rig.control.stop_all()
    assert not stray.alive
    stray.close()


@pytest.mark.parametrize("order", ["kill", "stop"])
def test_what_somebody_started_by_hand_is_taken_down_too(rig: Rig, order: str) -> None:
    take_down = getattr(rig.control, order)
    assert take_down(2)["changed"]
    assert not take_down(2)["changed"], "it was down already"
    stray = rig.launcher.running[2] = rig.launcher.replica(2)
    assert take_down(2)["changed"]
    assert not rig.admins.processes[2].alive
    stray.close()
    del rig.launcher.running[2]
    assert [rig.control.start(2)["changed"], rig.control.start(2)["changed"]] == [True, False]


def test_why_it_is_down_stays_where_there_was_nothing_to_do(rig: Rig) -> None:
    rig.control.kill(3)
    again = rig.control.stop(3)
    assert (again["changed"], again["reason"]) == (False, "killed on purpose")
    rig.control.start(3)
    assert rig.control.stop(3)["reason"] == "stopped on purpose"
    assert rig.control.kill(3)["reason"] == "stopped on purpose"


def test_a_broken_invariant_is_not_started_without_end(rig: Rig) -> None:
    rig.launcher.status = 5
    rig.admins.processes[3].kill()
    wait_for(lambda: rig.reports == ["replica 3 is left down: ended with exit status 5 (why)"])
    entry = rig.control.status()["replicas"][2]
    assert (entry["state"], entry["reason"]) == ("down", "ended with exit status 5 (why)")
    assert rig.launcher.output(3).read_text().count("why") == 3
    assert not (rig.launcher.data / "held").exists(), "nobody left it down on purpose"
    rig.launcher.status = 0
    rig.control.start(3)
    assert rig.state(3) == "up"


def test_the_quorum_never_waits_for_a_pause(rig: Rig) -> None:
    for _ in range(8):  # the eighth pause would be five seconds
        former = dict(rig.admins.processes)
        began = time.monotonic()
        for process in former.values():
            process.kill()
        wait_for(lambda: all(rig.admins.entry(one) for one in former))  # noqa: B023
        assert time.monotonic() - began < 4.5


def test_a_wiped_folder_is_made_anew_to_recover_in(rig: Rig) -> None:
    rig.control.stop(3)
    shutil.rmtree(rig.launcher.data / "replica3")
    rig.control.start(3)
    assert folders.loss(rig.cluster, rig.launcher.data, 3) is None


def test_a_second_lost_disk_is_not_replaced(rig: Rig) -> None:
    rig.control.stop(3)
    rig.admins.recovering = {1}
    shutil.rmtree(rig.launcher.data / "replica3")
    with pytest.raises(
        RuntimeError, match=r"^UNAVAILABLE: .* its disk is lost: .*Nothing was formatted"
    ):
        rig.control.start(3)
    assert folders.loss(rig.cluster, rig.launcher.data, 3)


def test_exit_status_four_means_a_lost_disk(rig: Rig) -> None:
    rig.launcher.status = 4
    rig.admins.processes[3].kill()
    lost = rig.launcher.data / "replica3.lost1"
    wait_for(lost.exists)
    rig.launcher.status = 0
    wait_for(lambda: rig.state(3) == "up")


def test_a_disk_that_is_lost_again_and_again_is_not_replaced_without_end(rig: Rig) -> None:
    rig.launcher.status = 4
    rig.admins.processes[3].kill()
    wait_for(lambda: rig.reports == ["replica 3 is left down: ended with exit status 4 (why)"])
    assert len(list(rig.launcher.data.glob("replica3.lost*"))) == 2
    rig.launcher.status = 0
    rig.control.start(3)
    assert len(list(rig.launcher.data.glob("replica3.lost*"))) == 2, "with the folder as it is"
    assert rig.state(3) == "up"


def test_all_whose_disks_are_lost_are_not_made_anew(rig: Rig) -> None:
    rig.launcher.status = 4
    for process in rig.admins.processes.values():
        process.kill()
    needed = "its disk is lost: why. Nothing was formatted"
    wait_for(
        lambda: all(needed in (one.get("reason") or "") for one in rig.control.status()["replicas"])
    )
    assert not list(rig.launcher.data.glob("*.lost*"))
    assert [one["state"] for one in rig.control.status()["replicas"]] == ["down"] * 3
    rig.launcher.status = 0
    for replica in (1, 2):
        rig.control.start(replica)  # their folders were put back, say
    wait_for(lambda: rig.state(3) == "up")
    assert (rig.launcher.data / "replica3.lost1").exists()


def test_why_it_ended_is_said_while_it_is_started_again(rig: Rig) -> None:
    rig.launcher.status = 1
    rig.admins.processes[1].kill()
    wait_for(lambda: "exit status 1 (why)" in (rig.control.unready() or ""))
    rig.launcher.status = 0
    wait_for(lambda: rig.state(1) == "up")
    rig.admins.silent.add(1)  # it runs, and has not refused again yet
    assert rig.control.unready() == (
        "replica 1 does not answer, started again after it ended with exit status 1 (why)"
    )


def test_one_that_was_just_launched_is_starting_and_one_that_has_answered_hangs(rig: Rig) -> None:
    rig.launcher.comes_up = False
    rig.admins.processes[3].kill()
    wait_for(lambda: rig.state(3) == "starting")
    entry = rig.control.status()["replicas"][2]
    assert entry["reason"] == "it was down before: was ended by SIGKILL", "until it answers"
    rig.control.stop(3)
    entry = rig.control.start(3)
    assert (entry["state"], entry["reason"]) == ("starting", None)
    rig.admins.silent.clear()
    wait_for(lambda: rig.control.last_restore(3) is not None)
    rig.admins.silent.add(3)
    entry = rig.control.status()["replicas"][2]
    assert (entry["state"], entry["reason"]) == (
        "not answering",
        "its process runs but does not answer",
    )


def test_a_file_system_that_is_gone_keeps_the_replica_down(rig: Rig) -> None:
    rig.control.stop(3)
    kept = (rig.launcher.data / "replica3").rename(rig.launcher.data / "kept")
    (rig.launcher.data / "replica3").mkdir()  # a bare mount point
    with pytest.raises(RuntimeError, match=r"^UNAVAILABLE: .*replica3 is empty: mount"):
        rig.control.start(3)
    assert "replica3 is empty: mount" in (rig.control.status()["replicas"][2]["reason"] or "")
    assert not list((rig.launcher.data / "replica3").iterdir())
    kept.rename(rig.launcher.data / "replica3")
    wait_for(lambda: rig.state(3) == "up")
