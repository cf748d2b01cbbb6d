"""Processes and roles that fail one at a time: writes go on, nothing acknowledged is lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kvrmi.access.store import Store, connect
from kvrmi.cluster import naming
from kvrmi.cluster.file import load as load_cluster
from kvrmi.errors import NoQuorum, UnknownOutcome
from kvrmi.remote.identity import Credentials, read_secret
from kvrmi.remote.proxy import connect as connect_proxy
from server.demo.load import Load

from .cluster import TIMEOUT, LiveCluster, given_by, wait_for

pytestmark = pytest.mark.live


HANG = 60.0
"""Seconds that a disk hangs, unless it is told to go on."""
TRIES = 3


@pytest.fixture
def store(live: LiveCluster) -> Iterator[Store]:
    with connect(config=str(live.config)) as store:
        yield store


@pytest.fixture
def load(live: LiveCluster) -> Iterator[Load]:
    load = Load(live.config, {"ana": 1, "ben": 3, "eva": 5})
    yield load
    load.close()


def assert_all_there(live: LiveCluster, load: Load) -> None:
    load.stop()
    wanted = load.acknowledged()
    assert wanted
    with connect(config=str(live.config)) as store:
        keys = sorted(wanted)
        found = {
            key: value
            for at in range(0, len(keys), 500)
            for key, value in zip(
                keys[at : at + 500], store.get_many(keys[at : at + 500]), strict=True
            )
        }
    assert {key for key in keys if found[key] != wanted[key]} == set()
    assert [line for client in load.clients for line in client.stale] == []
    wait_for(live.is_level, "equal contents everywhere")


def written_more(load: Load, count: int = 30) -> float:
    """Wait until the load has written that much more; the seconds until the first of it."""
    before = load.count
    first = wait_for(lambda: load.count > before, "the next acknowledged write")
    wait_for(lambda: load.count >= before + count, "more acknowledged writes")
    return first


def in_time(pause: Callable[[], float], seconds: float) -> bool:
    """Whether one of some failures paused the writes for less: others may keep the machine busy."""
    return any(pause() < seconds for _ in range(TRIES))


def explained(lines: str, leader: int) -> bool:
    """Whether a log says that `leader` leads no more, and then who does."""
    ended = lines.find(f"[proposer] leads no more replica={leader} ")
    return ended >= 0 and "[proposer] leads replica=" in lines[ended:]


def test_the_leader_is_killed(live: LiveCluster, load: Load) -> None:
    load.start()
    written_more(load)
    assert in_time(lambda: pause_of_a_killed_leader(live, load), 3.0)
    assert_all_there(live, load)


def pause_of_a_killed_leader(live: LiveCluster, load: Load) -> float:
    """Kill it; the seconds until writes went on, once it is back and the logs explain it all."""
    leader = given_by(live.leader, "a leader")
    logs = [live.data / f"replica{number}" / "replica.log" for number in live.followers()]
    before = [len(log.read_text()) for log in logs]
    pid = live.signal(leader, signal.SIGKILL)
    pause = written_more(load)
    wait_for(
        lambda: all(
            explained(log.read_text()[at:], leader) for log, at in zip(logs, before, strict=True)
        ),
        "logs that explain it",
    )
    wait_for(lambda: (live.entries()[leader] or {}).get("pid") not in (None, pid), "its return")
    live.settle()
    return pause


def test_a_follower_hangs(live: LiveCluster, load: Load) -> None:
    load.start()
    assert in_time(lambda: pause_of_a_follower_that_hangs(live, load), 2.0)
    assert_all_there(live, load)


def pause_of_a_follower_that_hangs(live: LiveCluster, load: Load) -> float:
    """Stop it; the seconds until writes went on, once it was seen to hang and goes on."""
    victim = live.followers()[0]
    pid = live.signal(victim, signal.SIGSTOP)
    try:
        pause = written_more(load)
        with live.orders() as orders:
            entry = orders.status()["replicas"][victim - 1]
        assert (entry["state"], entry["pid"], entry["applied"]) == ("not answering", pid, None)
    finally:
        os.kill(pid, signal.SIGCONT)
    live.settle()
    assert live.entries()[victim]["pid"] == pid
    return pause


def test_the_leader_s_disk_hangs(live: LiveCluster, load: Load) -> None:
    """Writes go on, it hands over, and its status is to be had; later its disk goes on."""
    load.start()
    written_more(load)
    assert in_time(lambda: pause_of_a_disk_that_hangs(live, load), 2.0)
    assert_all_there(live, load)


def pause_of_a_disk_that_hangs(live: LiveCluster, load: Load) -> float:
    """Let the leader's hang; the longer of the pauses before and after it handed over."""
    leader = given_by(live.leader, "a leader")
    hang(live, leader, HANG)
    first = written_more(load)
    wait_for(lambda: live.leader() not in (None, leader), "another leader", HANG / 2)
    second = written_more(load)
    entry = given_by(lambda: live.entries()[leader], "its status")
    assert entry["state"] == "up"
    assert entry["roles"]["acceptor"]["state"] == "up"
    hang(live, leader, 0.0)
    live.settle()
    return max(first, second)


def hang(live: LiveCluster, replica: int, seconds: float) -> None:
    cluster = load_cluster(live.config)
    member = cluster.member(replica)
    proof = Credentials(cluster.id, 0, "client", read_secret(live.data / "secret"))
    where = (member.host, member.admin, naming.admin(replica))
    with connect_proxy(*where, timeout=5.0, credentials=proof) as proxy:
        proxy.hang_disk(seconds)


@pytest.mark.parametrize("role", ["proposer", "acceptor", "learner"])
@pytest.mark.parametrize("whose", ["leader", "follower"])
def test_a_role_fails_and_is_restarted(
    live: LiveCluster, load: Load, role: str, whose: str
) -> None:
    load.start()
    assert in_time(lambda: pause_of_a_role_that_fails(live, load, role, whose), 3.0)
    assert_all_there(live, load)


def pause_of_a_role_that_fails(live: LiveCluster, load: Load, role: str, whose: str) -> float:
    """Fail it for half a second; the seconds until writes went on, once it is up again."""
    leader = given_by(live.leader, "a leader")
    victim = leader if whose == "leader" else live.followers()[0]
    before = live.entries()[victim]["roles"][role]["incarnation"]
    assert live.admins.call(victim, "fail_role", role, 0.5, timeout=5.0)
    pause = written_more(load)

    def back() -> bool:
        entry = live.entries()[victim]
        if entry is None:  # too busy to tell within a second
            return False
        now = entry["roles"][role]
        return bool(now["state"] == "up" and now["incarnation"] > before)

    wait_for(back, f"the {role} is up again")
    return pause


def test_three_of_five_down(live: LiveCluster, store: Store) -> None:
    store.put("quorum/key", "before")
    leader = given_by(live.leader, "a leader")
    down = [one for one in live.cluster.ids if one != leader][:3]
    with live.orders(timeout=TIMEOUT) as orders:
        for victim in down[:2]:
            orders.kill(victim)
        with pytest.raises(RuntimeError, match=r"^NO_QUORUM: "):
            orders.kill(down[2])
        orders.kill(down[2], True)
        with connect(leader, config=str(live.config), timeout=4.0) as alone:
            began = time.monotonic()
            with pytest.raises((NoQuorum, UnknownOutcome)):
                alone.put("quorum/key", "during")
            with pytest.raises((NoQuorum, UnknownOutcome)):
                alone.get("quorum/key")
            assert time.monotonic() - began < 20.0, "two time-outs, and no more than that"
        orders.start(down[2])
        wait_for(lambda: live.leader() is not None, "a leader with a majority")
        store.put("quorum/key", "after")
        for victim in down[:2]:
            orders.start(victim)
    live.settle()
    assert store.get("quorum/key") == "after"


def test_all_five_are_killed_at_once(live: LiveCluster, load: Load) -> None:
    load.start()
    written_more(load, 100)
    for entry in live.entries().values():
        os.kill(entry["pid"], signal.SIGKILL)
    killed = load.count
    wait_for(lambda: load.count > killed + 30, "writes after the power cut")
    live.settle()
    assert_all_there(live, load)


@pytest.fixture
def mount_point(live: LiveCluster) -> Iterator[tuple[int, Path, Path]]:
    """A replica whose folder is a mount point, the folder, and what is mounted there."""
    victim = live.followers()[-1]
    folder, disk = live.data / f"replica{victim}", live.data / "disk"
    with live.orders() as orders:
        orders.stop(victim)
        folder.rename(disk)
        folder.mkdir()
        try:
            if not mounted(disk, folder):
                pytest.skip("mounting takes root and the capability to mount")
            yield victim, folder, disk
        finally:
            orders.stop(victim)
            subprocess.run(["umount", "--lazy", folder], check=False, stderr=subprocess.DEVNULL)
            folder.rmdir()
            disk.rename(folder)
            orders.start(victim)


def mounted(disk: Path, folder: Path) -> bool:
    return not subprocess.run(["mount", "--bind", disk, folder], check=False).returncode


def test_a_replica_whose_file_system_is_gone_waits_for_it(
    live: LiveCluster, mount_point: tuple[int, Path, Path]
) -> None:
    victim, folder, disk = mount_point
    with live.orders() as orders:
        orders.start(victim)
        live.settle()
        subprocess.run(["umount", "--lazy", folder], check=True)  # it notices, and ends

        def reason() -> str:
            return str(orders.status()["replicas"][victim - 1].get("reason"))

        wait_for(lambda: "is empty: mount the file system" in reason(), "the reason in status")
        assert not list(folder.iterdir()), "nothing was formatted"
        assert mounted(disk, folder)
        live.settle()


def test_a_folder_that_is_wiped_under_a_running_replica_is_made_anew(
    live: LiveCluster, load: Load
) -> None:
    load.start()
    victim = live.followers()[-1]
    folder = live.data / f"replica{victim}"
    former = live.entries()[victim]["pid"]
    shutil.rmtree(folder, ignore_errors=True)  # files may come while it goes through them

    def another() -> bool:
        entry = live.entries()[victim]
        return entry is not None and entry["pid"] != former

    wait_for(another, "its end, and a new process")
    assert (folder / "acceptor.db").exists()
    assert (
        "was deleted, moved or changed in use" in (live.data / f"replica{victim}.out").read_text()
    )
    live.settle()
    written_more(load)
    assert_all_there(live, load)
