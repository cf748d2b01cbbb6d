"""What a store reports of its attempts, to whom it sends them, and under which name."""

from __future__ import annotations

from collections.abc import Iterator

import Pyro5.api
import pytest

from kvrmi.access.events import Answered, Asked, Event, Failed
from kvrmi.access.store import connect
from kvrmi.errors import Aborted, InvalidRequest
from tests.client.fake import Cluster, lose_answer, refuse
from tests.conftest import Ending


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, ending: Ending) -> Iterator[Cluster]:
    monkeypatch.setattr(Pyro5.config, "SERPENT_BYTES_REPR", True)  # as the servers do
    cluster = Cluster(3)
    yield cluster
    ending(cluster.close)


def test_an_operation_is_asked_and_answered(cluster: Cluster) -> None:
    events: list[Event] = []
    cluster.contents.leader = 2
    where = [node.address.partition("@")[2] for node in cluster.nodes]
    with connect(addresses=cluster.addresses, observer=events.append) as store:
        store.put("a", "1")
        store.get("a")
    assert events == [
        Asked(1, where[0]),
        Answered(1, where[0], 2),
        Asked(2, where[1]),
        Answered(2, where[1], 2),
    ]


def test_failures_say_whether_bytes_left_and_why(cluster: Cluster) -> None:
    events: list[Event] = []
    cluster.nodes[0].kill()
    cluster.servant(2).faults = [refuse("UNAVAILABLE", "starting"), lose_answer]
    with connect(addresses=cluster.addresses[:2], observer=events.append) as store:
        assert store.put("a", "1") == 1
    failures = [event for event in events if isinstance(event, Failed)]
    assert [(one.replica, one.sent) for one in failures][:2] == [(1, False), (2, True)]
    assert "refused" in failures[0].reason
    assert (failures[1].reason, failures[1].code) == ("starting", "UNAVAILABLE")
    asked = [event.replica for event in events if isinstance(event, Asked)]
    assert 1 not in asked  # not one byte left
    assert isinstance(events[-1], Answered)


def test_what_an_observer_raises_breaks_nothing(cluster: Cluster) -> None:
    def observer(event: Event) -> None:
        raise RuntimeError(event)

    with connect(addresses=cluster.addresses, observer=observer) as store:
        assert store.put("a", "1") == 1
        assert store.get("a") == "1"


def test_ctrl_c_in_an_observer_is_one_in_the_operation(cluster: Cluster) -> None:
    def observer(event: Event) -> None:
        raise KeyboardInterrupt

    with (
        connect(addresses=cluster.addresses, observer=observer) as store,
        pytest.raises(KeyboardInterrupt),
    ):
        store.put("a", "1")
    assert not cluster.contents.applied


def test_a_store_moves_to_a_replica_and_back_to_the_leader(cluster: Cluster) -> None:
    with connect(addresses=cluster.addresses) as store:
        store.put("a", "1")
        store.prefer(3)
        store.put("b", "2")
        store.put("c", "3")
        assert cluster.servant(3).calls == ["put", "put"]
        store.prefer(None)
        store.put("d", "4")
        assert cluster.servant(1).calls == ["put", "put"]
        assert not cluster.servant(2).calls


def test_a_preferred_replica_that_failed_just_now_is_tried_again(cluster: Cluster) -> None:
    cluster.servant(2).faults = [refuse("UNAVAILABLE")]
    with connect(2, addresses=cluster.addresses) as store:
        store.put("a", "1")
        assert cluster.servant(1).calls == ["put"]
        store.prefer(2)
        store.put("b", "2")
        assert cluster.servant(2).calls == ["put", "put"]


@pytest.mark.parametrize("replica", [9, 0, -1])
def test_a_replica_that_is_not_there_is_not_preferred(cluster: Cluster, replica: int) -> None:
    with connect(2, addresses=cluster.addresses) as store:
        with pytest.raises(InvalidRequest, match=f"no replica {replica}, only 1, 2, 3"):
            store.prefer(replica)
        store.put("a", "1")
    assert cluster.servant(2).calls == ["put"]


def test_a_name_begins_the_session(cluster: Cluster) -> None:
    with connect(addresses=cluster.addresses, name="my-client-one") as store:
        store.put("a", "1")
    assert [id.partition(":")[0] for id in cluster.contents.sessions] == ["my-client-one"]


@pytest.mark.parametrize("name", ["", "x" * 31, "a b", "\x1b[2J", "[red]x", "é"])
def test_a_name_that_could_do_harm_is_refused(cluster: Cluster, name: str) -> None:
    with pytest.raises(InvalidRequest, match="1 to 30"):
        connect(addresses=cluster.addresses, name=name)


def test_a_connection_that_was_closed_while_idle_is_no_failure(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers close idle connections after ten minutes, and all of them when they restart."""
    monkeypatch.setattr("kvrmi.access.connections._FRESH", 0.0)
    events: list[Event] = []
    with connect(addresses=cluster.addresses, observer=events.append) as store:
        store.put("a", "1")
        for client in cluster.servant(1).clients:
            client.close()
        store.put("b", "2")
    assert [type(event) for event in events] == [Asked, Answered] * 2


def test_an_error_that_is_final_is_an_answer(cluster: Cluster) -> None:
    events: list[Event] = []
    cluster.servant(1).faults = [refuse("ABORTED")]
    with (
        connect(addresses=cluster.addresses, observer=events.append) as store,
        pytest.raises(Aborted),
    ):
        store.put("a", "1")
    assert isinstance(events[-1], Answered)
    assert events[-1].leader is None
