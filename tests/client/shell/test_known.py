"""What is known of the cluster without asking: kept fresh beside, never waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from client.shell.known import PAGE, TIMEOUT, Keys, Known
from kvrmi.access.events import Answered, Asked
from kvrmi.access.store import Store, connect
from kvrmi.errors import ConnectionFailed
from tests.client.fake import Cluster


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def opener(cluster: Cluster) -> Callable[[], Store]:
    return lambda: connect(addresses=cluster.addresses, timeout=TIMEOUT)


def test_it_knows_who_answers_and_who_leads(cluster: Cluster) -> None:
    with Known(opener(cluster)) as known:
        assert known.seen.at is None
        wait_for(lambda: known.seen.at)
        assert (known.seen.replica, known.seen.leader, known.seen.silent) == (1, 1, False)
        assert known.replicas == (1, 2)
        shown: list[int | None] = []
        known.changed = lambda: shown.append(known.seen.leader)
        cluster.contents.leader = 2
        wait_for(lambda: known.seen.leader == 2)
        assert 2 in shown


def test_it_goes_where_the_commands_go(cluster: Cluster) -> None:
    with Known(opener(cluster)) as known:
        known.observe(Asked(2, "x"))
        known.observe(Answered(2, "x", 1))
        assert (known.seen.replica, known.seen.leader) == (2, 1)
        wait_for(lambda: cluster.servant(2).calls)
        assert known.seen.replica == 2


def test_a_cluster_that_is_gone_is_only_old(cluster: Cluster) -> None:
    with Known(opener(cluster)) as known:
        wait_for(lambda: known.seen.at)
        for node in cluster.nodes:
            node.kill()
        wait_for(lambda: known.seen.silent)
        known.matching("k")
        assert known.seen.leader == 1


def test_a_cluster_may_come_later(cluster: Cluster) -> None:
    tries: list[None] = []

    def open_late() -> Store:
        tries.append(None)
        if len(tries) < 2:
            raise ConnectionFailed("not yet")
        return opener(cluster)()

    with Known(open_late) as known:
        wait_for(lambda: known.seen.silent)
        wait_for(lambda: known.seen.at)
        assert not known.seen.silent


def test_keys_of_the_store_come_later(cluster: Cluster) -> None:
    cluster.contents.rows |= {"user:1": "x", "user:2": "x", "else": "x"}
    with Known(opener(cluster)) as known:
        assert known.matching("user:") == []
        wait_for(lambda: known.matching("user:"))
        assert known.matching("user:") == ["user:1", "user:2"]
        del cluster.contents.rows["user:2"]
        known.drop(["user:2"])
        assert known.matching("user:") == ["user:1"]


def test_keys_are_asked_for_once_nobody_types(cluster: Cluster) -> None:
    cluster.contents.rows["user:1"] = "x"
    with Known(opener(cluster)) as known:
        for prefix in ("u", "us", "use", "user"):
            known.matching(prefix)
        wait_for(lambda: known.matching("user"))
        for _ in range(50):
            known.matching("user")
        assert cluster.servant(1).calls.count("scan") == 1


def test_a_slow_answer_holds_up_nobody(cluster: Cluster) -> None:
    gate = threading.Event()
    cluster.servant(1).faults += [lambda when: closed(gate) for _ in range(3)]
    with Known(lambda: connect(addresses=cluster.addresses, timeout=60)) as known:
        began = time.monotonic()
        for _ in range(100):
            known.matching("user")
        assert time.monotonic() - began < 10
        gate.set()


def closed(gate: threading.Event) -> None:
    gate.wait(30)


def test_keys_are_not_asked_for_where_that_is_not_wanted(cluster: Cluster) -> None:
    with Known(opener(cluster), keys=False) as known:
        known.use(["user:1"])
        assert known.matching("u") == ["user:1"]
        wait_for(lambda: cluster.servant(1).calls.count("get") >= 2)
        assert "scan" not in cluster.servant(1).calls


@pytest.mark.parametrize("used", [["b", "a"], ["a", "b", "a"]])
def test_keys_used_in_this_run_come_first_the_latest_first(used: list[str]) -> None:
    keys = Keys()
    keys.stored("", ["0", "a", "z"])
    keys.use(used)
    assert keys.matching("") == ["a", "b", "0", "z"]


def test_a_page_takes_the_place_of_what_it_covers() -> None:
    keys = Keys()
    keys.stored("", ["a1", "a2", "b"])
    keys.stored("a", ["a2", "a3"])
    assert keys.matching("") == ["a2", "a3", "b"]
    full = [f"a{number:03}" for number in range(PAGE)]
    keys.stored("", full)
    keys.stored("a", ["z", *full][1:])
    assert keys.matching("b") == ["b"]  # behind the end of a full page nothing is known anew


def test_keys_take_bounded_memory() -> None:
    keys = Keys()
    for number in range(100):
        keys.use(f"used{number}:{at}" for at in range(100))
        keys.stored(f"{number}", [f"{number}:{at:02}" for at in range(99)])
    assert len(keys.matching("used99")) == PAGE
    assert keys.matching("used0:") == []
