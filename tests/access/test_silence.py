"""connect() among replicas that take connections and answer nothing, as stopped processes do."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import Pyro5.api
import pytest

from kvrmi.access import attempts, candidates, findings
from kvrmi.access.events import Asked, Event
from kvrmi.access.store import connect
from kvrmi.errors import ConnectionFailed, KVError, NoQuorum, UnknownOutcome
from tests.client.fake import Cluster, refuse

LATE = 0.5
"""Seconds after its time-out by which an operation must have ended."""
WAITS = 0.6
"""Seconds after which the fakes report that there is no quorum."""
TIMEOUT = 2.6
"""Seconds that are not enough to connect to three silent replicas, and hear of that too."""
SILENT, AWAKE = (1, 2, 3), (4, 5)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """Five replicas, of which three are stopped; the others know it."""
    monkeypatch.setattr(Pyro5.config, "SERPENT_BYTES_REPR", True)  # as the servers do
    monkeypatch.setattr(findings, "ANSWER", WAITS + 0.4)
    monkeypatch.setattr("kvrmi.access.connections.CONNECT", 0.7)
    cluster = Cluster(5)
    stop(cluster)
    yield cluster
    cluster.close()


def stop(cluster: Cluster) -> None:
    for id in SILENT:
        cluster.nodes[id - 1].stop()
    for id in AWAKE:
        cluster.servant(id).faults = [no_quorum] * 50
        cluster.servant(id).follows = None


def go_on(cluster: Cluster) -> None:
    for node in cluster.nodes:
        node.go_on()
        node.servant.faults, node.servant.follows = [], 1


def no_quorum(when: str) -> None:
    """Be a fault: a server waits for a majority first."""
    if when == "before":
        time.sleep(WAITS)
    refuse("NO_QUORUM", "no majority")(when)


def timed(operation: Callable[[], object]) -> tuple[KVError, float]:
    began = time.monotonic()
    with pytest.raises(KVError) as raised:
        operation()
    return raised.value, time.monotonic() - began


def asked(events: list[Event]) -> list[int]:
    return [event.replica for event in events if isinstance(event, Asked)]


@pytest.mark.parametrize("name", ["get", "delete"])
def test_silent_replicas_leave_enough_time_for_a_certain_answer(
    cluster: Cluster, name: str
) -> None:
    with connect(addresses=cluster.addresses, timeout=TIMEOUT) as store:
        error, took = timed(lambda: store.call(name, "k"))
    assert isinstance(error, NoQuorum)
    assert took < TIMEOUT + LATE
    assert not any(cluster.servant(id).calls for id in SILENT)


def test_the_next_command_does_not_begin_with_the_silent(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "AVOID", 0.0)  # however much later it comes
    with connect(addresses=cluster.addresses, timeout=TIMEOUT) as store:
        timed(lambda: store.put("k", "v"))
        cluster.servant(4).faults = cluster.servant(5).faults = []
        cluster.contents.leader = 4
        began = time.monotonic()
        assert store.put("k", "v") == 1
        assert time.monotonic() - began < attempts.STATUS


def test_the_preferred_one_is_looked_at_before_it_is_asked(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "AVOID", 0.0)
    events: list[Event] = []
    with connect(1, addresses=cluster.addresses, timeout=TIMEOUT, observer=events.append) as store:
        for _ in range(2):
            error, _ = timed(lambda: store.put("k", "v"))
            assert isinstance(error, NoQuorum)
        assert set(asked(events)) <= set(AWAKE)
        go_on(cluster)
        store.put("k", "v")
    assert asked(events)[-1] == 1


@pytest.mark.parametrize("preferred", [None, 1])
def test_one_that_comes_back_is_taken_up_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, preferred: int | None
) -> None:
    with connect(preferred, addresses=cluster.addresses, timeout=TIMEOUT) as store:
        timed(lambda: store.put("k", "v"))
        go_on(cluster)
        monkeypatch.setattr(candidates, "AVOID", 0.0)
        _until(lambda: store.call("put", "k", "v")["replica"] == 1)


def test_one_that_comes_back_during_a_command_answers_it(cluster: Cluster) -> None:
    def come_back(when: str) -> None:
        if when == "before":
            go_on(cluster)
        refuse("NO_QUORUM")(when)

    cluster.servant(4).faults = [come_back]
    with connect(addresses=cluster.addresses, timeout=TIMEOUT) as store:
        store.put("k", "v")
    assert len(cluster.contents.applied) == 1


def test_a_write_that_may_have_been_sent_is_never_reported_as_not_done(cluster: Cluster) -> None:
    go_on(cluster)
    with connect(addresses=cluster.addresses, timeout=TIMEOUT) as store:
        store.put("k", "v")  # there is a connection to replica 1 now
        stop(cluster)
        error, took = timed(lambda: store.put("k", "w"))
        assert isinstance(error, UnknownOutcome)
        assert took < TIMEOUT + LATE
        error, _ = timed(lambda: store.put("k", "x"))
        assert isinstance(error, NoQuorum), "of this one not one byte left"


def test_a_read_of_which_a_silent_one_took_the_time_is_no_quorum(cluster: Cluster) -> None:
    go_on(cluster)
    with connect(addresses=cluster.addresses, timeout=2.0) as store:
        store.get("k")
        stop(cluster)
        error, took = timed(lambda: store.get("k"))
    assert isinstance(error, NoQuorum)
    assert "no replica leads as far as replicas 4 and 5 know (replica 1 at " in str(error)
    assert took < 2.0 + LATE
    assert not cluster.servant(4).calls + cluster.servant(5).calls


def test_one_that_took_the_request_is_not_one_that_is_not_there(cluster: Cluster) -> None:
    for node in cluster.nodes:
        node.stop()
    with connect(addresses=cluster.addresses, timeout=2.0) as store:
        error, took = timed(lambda: store.get("k"))
        assert isinstance(error, ConnectionFailed)
        assert "no replica of the addresses given answered (replica 1 at" in str(error)
        assert took < 1.8, "nobody was ever there"
        cluster.nodes[1].go_on()
        cluster.servant(2).faults = [lambda when: time.sleep(1.5)] * 50
        cluster.servant(2).follows = 1
        error, _ = timed(lambda: store.get("k"))
    assert isinstance(error, ConnectionFailed)
    assert "no answer within 2 s (replica 2 at " in str(error)
    assert "Check that" not in str(error)


def test_healthy_replicas_are_not_looked_at(cluster: Cluster) -> None:
    go_on(cluster)
    with connect(addresses=cluster.addresses) as store:
        store.put("k", "v")
        store.get("k")
    assert [len(node.servant.clients) for node in cluster.nodes] == [1, 0, 0, 0, 0]


def test_an_address_without_a_name_has_no_more_time(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its object is looked for by one question after the other."""
    daemon = cluster.nodes[3].daemon
    found = daemon.objectsById["Pyro.Daemon"]
    original = found.get_metadata

    @Pyro5.api.expose  # type: ignore[untyped-decorator]
    def get_metadata(name: str, *args: object) -> object:
        time.sleep(0.4)
        return original(name, *args)

    monkeypatch.setattr(found, "get_metadata", get_metadata)
    address = cluster.addresses[3].partition("@")[2]
    with connect(addresses=[address], timeout=0.5) as store:
        _, took = timed(lambda: store.put("k", "v"))
    assert took < 0.5 + LATE


def test_a_host_with_several_addresses_has_no_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        full = [socket.socket() for _ in range(8)]
        for sock in full:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", listener.getsockname())
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: [address] * 4)
        with connect(addresses=["kvrmi.replica1@many.invalid:9"], timeout=0.5) as store:
            error, took = timed(lambda: store.put("k", "v"))
        for sock in full:
            sock.close()
    assert isinstance(error, ConnectionFailed)
    assert took < 0.5 + LATE


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
