"""Replicas as processes: what clients see while processes, roles and links fail."""

from __future__ import annotations

import contextlib
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from Pyro5.errors import CommunicationError

from kvrmi.paxos.declaration import PAXOS
from kvrmi.remote.identity import Credentials
from kvrmi.storage.interface import Remove
from kvrmi.storage.sqlite import SqliteStorage
from server.coordinator import folders

from .processes import NOT_YET, Replicas, replicas
from .stubs import until

pytestmark = pytest.mark.live


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Replicas]:
    with replicas(tmp_path / "data", 3) as cluster:
        yield cluster


def a_follower(cluster: Replicas) -> int:
    leader = cluster.leader()
    return next(i for i in cluster.running if i != leader)


def test_any_replica_serves_and_all_end_up_equal(three: Replicas) -> None:
    for i in three.running:
        with three.store(i) as store:
            store.put(f"k{i}", f"v{i}")
            assert store.put_many([["a", "1"], ["b", b"2"]]) > 0
            assert store.get_many(["a", "b", "none"]) == ["1", b"2", None]
    for i in three.running:
        with three.store(i) as store:
            assert [store.get(f"k{j}") for j in three.running] == ["v1", "v2", "v3"]
            assert store.size() == 5
            assert store.delete("absent") is False
            assert store.cas("k1", "v1", "v1") is True
            assert store.scan("k", None, 2) == [["k1", "v1"], ["k2", "v2"]]
    until(three.equal)
    assert set(three.stop().values()) == {0}


def test_a_retried_request_takes_effect_once(three: Replicas) -> None:
    follower = a_follower(three)
    with three.store(three.leader()) as one, three.store(follower) as other:
        first = one.cas("k", None, "v", ["client", 1])
        again = other.cas("k", None, "v", ["client", 1])
        assert (first, again) == (True, True)
        with pytest.raises(ValueError, match="INVALID"):
            other.put("k", "other", ["client", 1])
        with pytest.raises(TimeoutError, match="UNKNOWN_OUTCOME: session expired"):
            other.put("k", "other", ["nobody", 2])


def test_writes_go_on_after_the_leader_was_killed_and_it_catches_up(three: Replicas) -> None:
    leader = three.leader()
    three.put(leader, "before", "1")
    three.kill(leader)
    survivor = next(iter(three.running))
    killed = time.monotonic()
    three.put(survivor, "after", "2")
    assert time.monotonic() - killed < 6
    three.start(leader)
    until(three.equal, 60)
    with three.store(leader) as store:
        assert store.get("after") == "2"


def test_a_stopped_leader_never_answers_with_what_is_no_longer_true(three: Replicas) -> None:
    leader, follower = three.leader(), a_follower(three)
    three.put(leader, "k", "old")
    with three.store(leader) as stopped:
        assert stopped.get("k") == "old"
        three.signal(leader, signal.SIGSTOP)
        three.put(follower, "k", "new")
        three.signal(leader, signal.SIGCONT)
        with contextlib.suppress(*NOT_YET):  # no answer is no wrong answer
            assert stopped.get("k") == "new"


def test_without_a_majority_the_answer_says_so_in_time(three: Replicas) -> None:
    leader = three.leader()
    for i in three.cluster.ids:
        if i != leader:
            three.kill(i)
    with three.store(leader) as store:
        for _ in range(2):
            asked = time.monotonic()
            with pytest.raises((RuntimeError, TimeoutError), match=r"NO_QUORUM|UNKNOWN_OUTCOME"):
                store.put("k", "v")
            assert time.monotonic() - asked < 9.0
        with pytest.raises(RuntimeError, match="NO_QUORUM"):
            store.get("k")
        assert store.get("k", "local") is None


@pytest.mark.parametrize("role", ["proposer", "acceptor", "learner"])
def test_each_role_can_fail_and_come_back_from_its_disk(three: Replicas, role: str) -> None:
    victim = three.leader()
    follower = a_follower(three)
    three.put(victim, "before", "1")
    assert three.admin(victim, "fail_role", role) is True
    assert three.status(victim)["roles"][role] == {"state": "down", "incarnation": 1}
    three.put(follower, "during", "2")
    assert three.admin(victim, "restart_role", role) == 2
    three.put(victim, "after", "3")
    until(three.equal, 60)
    assert three.status(victim)["roles"][role] == {"state": "up", "incarnation": 2}
    log = three.data / f"replica{victim}" / "replica.log"
    until(lambda: f"[{role}] RESTARTED incarnation=2" in log.read_text())
    assert f"[{role}] FAILED incarnation=1 reason=failed on purpose" in log.read_text()


def test_a_role_failed_for_a_while_comes_back_by_itself(three: Replicas) -> None:
    three.admin(2, "fail_role", "acceptor", 0.3)
    until(lambda: three.status(2)["roles"]["acceptor"] == {"state": "up", "incarnation": 2})


def test_two_failed_acceptors_of_three_take_the_majority_away(three: Replicas) -> None:
    leader = three.leader()
    others = [i for i in three.running if i != leader]
    for i in others:
        three.admin(i, "fail_role", "acceptor")
    with three.store(leader) as store, pytest.raises(NOT_YET, match=r"NO_QUORUM|UNKNOWN"):
        store.put("k", "v")
    for i in others:
        three.admin(i, "restart_role", "acceptor")
    three.put(leader, "k", "v")


def test_a_leader_that_is_cut_off_is_replaced_and_follows_when_healed(three: Replicas) -> None:
    leader = three.leader()
    others = [i for i in three.running if i != leader]
    for other in others:
        three.admin(leader, "cut", leader, other)
        three.admin(leader, "cut", other, leader)
    three.put(others[0], "k", "v")
    assert three.status(others[0])["leader"] in others
    three.admin(leader, "heal")
    until(three.equal, 60)


def test_a_snapshot_of_a_peer_is_taken_only_when_it_is_ahead(three: Replicas) -> None:
    three.put(three.leader(), "k", "v")
    until(three.equal)
    answer = three.admin(2, "restore", 1)
    assert (answer["missed"], answer["keys"]) == (0, 1)


def test_a_replica_that_lost_its_disk_is_silent_until_it_has_rejoined(three: Replicas) -> None:
    three.put(three.leader(), "before", "1")
    three.kill(3)
    three.put(1, "during", "2")
    folders.renew(three.cluster, three.data, 3)
    three.start(3)
    until(lambda: three.running[3].poll() is None and answers(three, 3))
    until(lambda: three.status(3)["state"] == "up", 60)
    until(three.equal, 60)
    three.kill(2)
    three.put(1, "after", "3")  # with its vote


def test_a_damaged_learner_db_is_learned_again_and_costs_no_vote(three: Replicas) -> None:
    """Rows that do not add up at a start, then a bad record at a restart of the role."""
    three.put(three.leader(), "k", "v")
    three.put(three.leader(), "l", "w")
    until(three.equal)
    victim = a_follower(three)
    folder = three.data / f"replica{victim}"
    stopped = three.running.pop(victim)
    stopped.terminate()
    assert stopped.wait(60) == 0
    state = SqliteStorage(folder / "learner.db", PAXOS.tables("learner.db"))
    state.write([Remove("rows", "k")])
    state.close()

    three.start(victim)
    until(three.equal, 60)
    (note,) = three.status(victim)["notes"]
    assert "put aside as learner.db.damaged-1" in note

    with closing(sqlite3.connect(folder / "learner.db", timeout=5)) as behind_its_back:
        count = "SELECT count(*) FROM rows"
        until(lambda: behind_its_back.execute(count).fetchone() == (2,))
        behind_its_back.execute("UPDATE rows SET value = x'00'")
        behind_its_back.commit()
    assert three.admin(victim, "restart_role", "learner") == 2
    until(three.equal, 60)
    entry = three.status(victim)
    assert [note.split(" as ")[1].split(";")[0] for note in entry["notes"]] == [
        "learner.db.damaged-1", "learner.db.damaged-2",
    ]  # fmt: skip
    assert (entry["state"], entry["keys"]) == ("up", 2)
    log = folder / "replica.log"
    until(lambda: log.read_text().count("learner.db was damaged") == 2)
    disks = set(re.findall(r"disk=\w+", log.read_text()))
    assert len(disks) == 1, "acceptor.db is what it was"


def test_a_replica_catches_up_while_others_write(three: Replicas) -> None:
    """From a snapshot, since the logs do not reach back so far; it answers on the way."""
    large = "x" * (1 << 16)
    leader = three.leader()
    for page in range(24):  # a slow disk does not always take one in time
        three.until_done(leader, "put_many", [[f"k{page}.{one}", large] for one in range(15)])
    victim = a_follower(three)
    three.kill(victim)
    for file in (three.data / f"replica{victim}").glob("learner.db*"):
        file.unlink()
    others = sorted(three.running)
    over = threading.Event()
    writer = threading.Thread(target=write_on, args=(three, others[0], large, over))
    writer.start()
    try:
        three.start(victim)
        until(lambda: answers(three, victim), 60)
        until(lambda: three.status(victim)["keys"] >= 360, 60)
        assert three.status(victim)["restored"]["missed"] >= 24
    finally:
        over.set()
        writer.join(60)
    until(three.equal, 60)
    log = three.data / f"replica{victim}" / "replica.log"
    until(lambda: log.read_text().count("installed") == 1)


def write_on(cluster: Replicas, replica: int, value: str, over: threading.Event) -> None:
    with cluster.store(replica) as store:
        while not over.is_set():
            with contextlib.suppress(*NOT_YET):
                store.put("written", value)


def answers(cluster: Replicas, replica: int) -> bool:
    try:
        return bool(cluster.status(replica))
    except NOT_YET:
        return False


def test_leadership_is_handed_over_on_demand(three: Replicas) -> None:
    def handed_over() -> bool:
        try:
            # False is a true answer while the follower is not fit: it may have just been started.
            return bool(three.admin(three.leader(), "transfer", a_follower(three)))
        except RuntimeError:  # by then another one led
            return False

    until(handed_over, 60)
    three.put(three.leader(), "k", "v")


def test_who_does_not_know_the_secret_is_not_heard(three: Replicas) -> None:
    three.credentials = Credentials(three.cluster.id, 1, "replica", b"x" * 64)
    with pytest.raises(CommunicationError, match="secret"):
        three.admin(1, "status")
