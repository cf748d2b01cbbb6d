"""The status of a cluster: one address suffices, and silence has two names."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from kvrmi.access.store import connect
from kvrmi.errors import ConnectionFailed
from tests.client.fake import Cluster
from tests.conftest import Ending


@pytest.fixture
def three(ending: Ending) -> Any:
    cluster = Cluster(3)
    cluster.introduce("deadbeef")
    yield cluster
    ending(cluster.close)


def test_one_address_shows_all_members(three: Cluster) -> None:
    address = three.addresses[1].partition("@")[2]
    with connect(addresses=[address]) as store:
        status = store.status()
    assert [entry["id"] for entry in status["replicas"]] == [1, 2, 3]
    assert {entry["state"] for entry in status["replicas"]} == {"up"}
    assert (status["quorum"], status["leader"], status["health"]) == (2, 1, "serving")
    assert (status["cluster"], status["cluster_id"]) == ("fake", "deadbeef")
    assert "members" not in status["replicas"][0]


def test_who_listens_and_says_nothing_is_not_answering_and_who_is_gone_is_down(
    three: Cluster,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:
        three.nodes[2].kill()
        members = three.servant(1).reported["members"]
        members[1] = [2, f"127.0.0.1:{hung.getsockname()[1]}"]
        with connect(addresses=[three.addresses[0]]) as store:
            status = store.status()
    assert [entry["state"] for entry in status["replicas"]] == ["up", "not answering", "down"]
    assert status["health"] == "no quorum"


def test_a_majority_without_acceptors_does_not_serve(three: Cluster) -> None:
    for replica in (2, 3):
        three.servant(replica).reported["roles"] = {"acceptor": {"state": "down", "incarnation": 1}}
    with connect(addresses=three.addresses) as store:
        assert store.status()["health"] == "no quorum"


def test_silent_addresses_of_a_cluster_that_nobody_describes(three: Cluster) -> None:
    for node in three.nodes:
        node.kill()
    with connect(addresses=three.addresses) as store:
        status = store.status()
    assert status["health"] == "nobody answers"
    assert [entry["id"] for entry in status["replicas"]] == [1, 2, 3]


def test_bare_addresses_where_nobody_answers_are_no_cluster() -> None:
    problem = pytest.raises(ConnectionFailed, match=r"no replica answers at 127\.0\.0\.1:1")
    with connect(addresses=["127.0.0.1:1"]) as store, problem:
        store.status()
