"""connect(): retries, failover, sessions, threads; against fake replicas on real daemons."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import Pyro5.api
import pytest

from kvrmi.access.store import Store, connect
from kvrmi.errors import (
    Aborted,
    ConnectionFailed,
    InvalidRequest,
    NoQuorum,
    UnknownOutcome,
    Unsupported,
)
from tests.client.fake import Cluster, lose_answer, refuse, stall
from tests.conftest import Ending


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, ending: Ending) -> Iterator[Cluster]:
    monkeypatch.setattr(Pyro5.config, "SERPENT_BYTES_REPR", True)  # as the servers do
    cluster = Cluster(3)
    yield cluster
    ending(cluster.close)


@pytest.fixture
def store(cluster: Cluster) -> Iterator[Store]:
    with connect(addresses=cluster.addresses, timeout=5) as store:
        yield store


def test_is_a_mapping(store: Store) -> None:
    store["a"] = "1"
    store["b"] = b"\x00\xff"
    assert store["a"] == "1"
    assert store["b"] == b"\x00\xff"
    assert "a" in store
    assert "c" not in store
    assert list(store) == ["a", "b"]
    assert list(store.items()) == [("a", "1"), ("b", b"\x00\xff")]
    assert list(store.values()) == ["1", b"\x00\xff"]
    assert len(store) == 2
    assert store.pop("a") == "1"
    with pytest.raises(KeyError):
        store["a"]
    with pytest.raises(KeyError):
        del store["a"]
    assert store.setdefault("a", "9") == "9"
    assert store.setdefault("a", "8") == "9"
    store.update({"x": "y"})
    store.clear()
    assert len(store) == 0


def test_operations(store: Store) -> None:
    assert store.put("k", "v") == 1
    assert store.get("k") == "v"
    assert store.get("k", consistency="local") == "v"
    assert store.get("absent") is None
    assert store.get("absent", "other") == "other"
    assert store.put_many({"a": "1", "b": "2"}) == 2
    assert store.put_many([("c", "3")]) == 3
    assert store.get_many(["a", "z", "c"]) == ["1", None, "3"]
    assert store.cas("k", "v", "w")
    assert not store.cas("k", None, "x")
    assert store.delete("k")
    assert not store.delete("k")


def test_scan_reads_all_pages(store: Store) -> None:
    keys = [f"k{number:04}" for number in range(2345)]
    store.put_many({key: "" for key in keys})
    store["other"] = ""
    assert [key for key, _ in store.scan("k")] == keys
    assert [key for key, _ in store.scan("k", start="k2340")] == keys[2341:]


def test_arguments_are_checked_before_anything_is_sent(cluster: Cluster, store: Store) -> None:
    with pytest.raises(InvalidRequest, match="must not be empty"):
        store[""] = "v"
    with pytest.raises(InvalidRequest):
        store.put("k", 5)  # type: ignore[arg-type]
    assert not cluster.servant(1).calls


@pytest.mark.parametrize(
    ("code", "error"),
    [("INVALID", InvalidRequest), ("ABORTED", Aborted), ("UNSUPPORTED", Unsupported)],
)
def test_final_answers_are_raised_at_once(
    cluster: Cluster, store: Store, code: str, error: type[Exception]
) -> None:
    cluster.servant(1).faults = [refuse(code)]
    with pytest.raises(error, match="told to"):
        store.put("k", "v")
    assert cluster.servant(1).calls == ["put"]
    assert not cluster.servant(2).calls


def test_lost_answer_is_asked_for_again_with_the_same_id(cluster: Cluster, store: Store) -> None:
    store.put("first", "")
    cluster.servant(1).faults = [lose_answer]
    assert store.cas("k", None, "v")
    assert [name for name, _ in cluster.contents.applied] == ["put", "cas"]
    assert cluster.servant(2).calls == ["cas"]


def test_late_answer_is_asked_for_again_with_the_same_id(
    cluster: Cluster, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kvrmi.access.findings.ANSWER", 0.2)
    cluster.servant(1).faults = [stall(0.6)]
    assert store.delete("absent") is False
    assert store.put("k", "v") == 2  # an absent delete is a revision too
    assert cluster.contents.applied[0][0] == "delete"
    assert len(cluster.contents.applied) == 2


def test_fails_over_when_a_replica_dies(cluster: Cluster, store: Store) -> None:
    store.put("a", "1")
    cluster.nodes[0].kill()
    cluster.contents.leader = 2
    assert store.put("b", "2") == 2
    assert store.get("a") == "1"
    assert cluster.servant(2).calls == ["put", "get"]


def test_follows_the_leader(cluster: Cluster, store: Store) -> None:
    cluster.contents.leader = 3
    store.put("a", "1")
    store.put("b", "2")
    assert cluster.servant(1).calls == ["put"]
    assert cluster.servant(3).calls == ["put"]


def test_a_chosen_replica_is_kept(cluster: Cluster) -> None:
    with connect(2, addresses=cluster.addresses) as store:
        store.put("a", "1")
        store.put("b", "2")
    assert cluster.servant(2).calls == ["put", "put"]
    with pytest.raises(InvalidRequest, match="no replica 9"):
        connect(9, addresses=cluster.addresses)


def test_no_quorum_at_one_replica_is_retried_at_others(cluster: Cluster, store: Store) -> None:
    cluster.servant(1).faults = [refuse("NO_QUORUM")]
    assert store.put("k", "v") == 1
    assert cluster.servant(2).calls == ["put"]


def test_no_quorum_is_reported_without_waiting_in_vain(cluster: Cluster) -> None:
    for node in cluster.nodes:
        node.servant.faults = [refuse("NO_QUORUM")]
        node.servant.follows = None
    with (
        connect(addresses=cluster.addresses, timeout=2) as store,
        pytest.raises(NoQuorum, match="told to"),
    ):
        store.put("k", "v")
    assert sum(len(node.servant.calls) for node in cluster.nodes) == 1


def test_with_little_time_left_only_who_knows_a_leader_is_asked(cluster: Cluster) -> None:
    cluster.servant(1).faults = [refuse("NO_QUORUM")]
    cluster.servant(2).follows = None
    cluster.servant(3).follows = 3
    with connect(addresses=cluster.addresses, timeout=2) as store:
        assert store.put("k", "v") == 1
    assert not cluster.servant(2).calls
    assert cluster.servant(3).calls == ["put"]


def test_who_follows_a_leader_without_a_quorum_is_not_asked(cluster: Cluster) -> None:
    """It would only pass the request on, and a certain answer would become a doubt."""
    cluster.servant(1).faults = [refuse("NO_QUORUM")]
    with (
        connect(addresses=cluster.addresses, timeout=2) as store,
        pytest.raises(NoQuorum, match="told to"),
    ):
        store.put("k", "v")
    assert not cluster.servant(2).calls + cluster.servant(3).calls


def test_the_last_reason_is_not_taken_for_the_outcome(cluster: Cluster) -> None:
    for node in cluster.nodes:
        node.servant.faults = [lose_answer, *[refuse("UNAVAILABLE", "x; nothing was done")] * 999]
    with (
        connect(addresses=cluster.addresses, timeout=2.0) as store,
        pytest.raises(UnknownOutcome) as raised,
    ):
        store.put("k", "v")
    assert "within 2 s" in str(raised.value)
    assert "nothing was done" not in str(raised.value)


def test_after_a_lost_attempt_no_quorum_is_not_reported(cluster: Cluster) -> None:
    cluster.servant(1).faults = [lose_answer, *[refuse("NO_QUORUM")] * 999]
    for node in cluster.nodes[1:]:
        node.servant.faults = [refuse("NO_QUORUM")] * 999
    with (
        connect(addresses=cluster.addresses, timeout=2.0) as store,
        pytest.raises(UnknownOutcome, match="may or may not"),
    ):
        store.put("k", "v")


def test_reads_are_never_of_unknown_outcome(cluster: Cluster) -> None:
    for node in cluster.nodes:
        node.servant.faults = [lose_answer] * 50
    with (
        connect(addresses=cluster.addresses, timeout=0.5) as store,
        pytest.raises(ConnectionFailed),
    ):
        store.get("k")


def test_unavailable_replicas_are_asked_until_the_deadline(cluster: Cluster, store: Store) -> None:
    for node in cluster.nodes:
        node.servant.faults = [refuse("UNAVAILABLE")] * 2
    assert store.put("k", "v") == 1


def test_an_address_alone_suffices(cluster: Cluster) -> None:
    addresses = [address.partition("@")[2] for address in cluster.addresses]
    cluster.contents.leader = 2
    with connect(addresses=addresses) as store:
        store.put("a", "1")
        assert store.status()["replicas"][0]["id"] == 1
        store.put("b", "2")
        store.put("c", "2")
    assert cluster.servant(2).calls == ["put"], "known once it was met"


def test_nobody_there_is_said_soon() -> None:
    started = time.monotonic()
    with (
        connect(addresses=["kvrmi.replica1@127.0.0.1:9"], timeout=30) as store,
        pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1:9"),
    ):
        store.put("k", "v")
    assert time.monotonic() - started < 5


def test_expired_session_of_an_unsent_write_is_replaced(cluster: Cluster, store: Store) -> None:
    store.put("a", "1")
    cluster.contents.sessions.clear()
    assert store.put("b", "2") == 2
    assert len(cluster.contents.applied) == 2


def test_expired_session_of_a_sent_write_is_of_unknown_outcome(
    cluster: Cluster, store: Store
) -> None:
    store.put("a", "1")

    def forget(when: str) -> None:
        if when == "after":
            cluster.contents.sessions.clear()
            lose_answer(when)

    cluster.servant(1).faults = [forget]
    with pytest.raises(UnknownOutcome, match="session expired"):
        store.put("b", "2")
    assert store.put("c", "3") == 3


def test_threads_share_a_store(cluster: Cluster, store: Store) -> None:
    def write(thread: int) -> None:
        for number in range(20):
            store.put(f"{thread}.{number}", "v")

    _in_threads(8, write)
    assert len(store) == 160
    requests = [request for _, request in cluster.contents.applied if request]
    assert len(set(requests)) == 160
    assert len({client for client, _ in requests}) == 1
    assert max(sequence for _, sequence in requests) == 160


def test_first_write_of_a_session_is_alone(cluster: Cluster, store: Store) -> None:
    cluster.servant(1).faults = [stall(0.2, "before")]
    _in_threads(4, lambda thread: store.put(str(thread), ""))
    assert cluster.contents.applied[0][1] is not None
    assert cluster.contents.applied[0][1][1] == 1


def test_status_of_a_dead_replica_is_null(cluster: Cluster, store: Store) -> None:
    cluster.nodes[2].kill()
    status = store.status()
    assert status["leader"] == 1
    assert status["successor"] == 2
    assert status["quorum"] == 2
    assert status["engine"] == "paxos"
    assert [entry["state"] for entry in status["replicas"]] == ["up", "up", "down"]
    assert status["replicas"][2]["digest"] is None
    assert status["replicas"][2]["id"] == 3


def test_closed_store_does_nothing(cluster: Cluster, store: Store) -> None:
    store.put("a", "1")
    store.close()
    with pytest.raises(ConnectionFailed, match="closed"):
        store.put("b", "2")


def test_process_wide_settings_stay_as_they_are(cluster: Cluster, store: Store) -> None:
    before = Pyro5.config.as_dict()
    store["k"] = b"bytes"
    assert store["k"] == b"bytes"
    assert Pyro5.config.as_dict() == before


def test_bytes_pass_with_default_settings(
    cluster: Cluster, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pyro5.config, "SERPENT_BYTES_REPR", False)
    store["k"] = b"\x00bytes"
    assert cluster.contents.rows["k"] == b"\x00bytes"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_must_connect_itself(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("a", "1")
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(ConnectionFailed, match="fork"):
        store.put("b", "2")


def _in_threads(count: int, work: Callable[[int], object]) -> None:
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not failures
