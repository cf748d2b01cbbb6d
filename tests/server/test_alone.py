"""A replica without a coordinator makes the same cluster as its peers do."""

from __future__ import annotations

from pathlib import Path

import pytest

from kvrmi.cluster.checks import ConfigError
from server.alone import cluster_of, counted_in, members_of
from server.engines.kinds import DEFAULT, kind_of

A, B, C = "h1:1111", "h2:1111", "h2:2222"
DATA = Path("data")


def test_all_replicas_make_the_same_cluster() -> None:
    clusters = [
        cluster_of(1, A, [A, B, C], DATA),
        cluster_of(2, B, [A, C], DATA),
        cluster_of(3, C, [A, B], DATA),
    ]
    assert clusters[0] == clusters[1] == clusters[2]
    third = clusters[0].member(3)
    assert (third.host, third.client, third.admin) == ("h2", 2222, 2226)
    assert third.ports["proposer"] == 2223


@pytest.mark.parametrize(
    ("me", "address", "peers"),
    [(2, A, [A, B, C]), (5, A, [B, C]), (1, "non sense", [B]), (1, "h:99999", [B]), (1, A, [B, B])],
)
def test_what_does_not_fit_is_refused(me: int, address: str, peers: list[str]) -> None:
    with pytest.raises(ConfigError):
        cluster_of(me, address, peers, DATA)


def test_ports_that_overlap_are_explained() -> None:
    near = [f"h:{port}" for port in (26600, 26601, 26602)]
    rule = "replicas 1 and 2 would both listen on h:26601: each takes 5 ports in a row"
    with pytest.raises(ConfigError, match=rule) as caught:
        cluster_of(1, near[0], near, DATA)
    assert "one more replica" not in str(caught.value)
    with pytest.raises(ConfigError, match=rule):
        members_of(near, kind_of(DEFAULT).declared.daemons)


def test_an_own_address_that_overlaps_and_is_no_peer_is_named() -> None:
    peers = ["h:26600", "h:26610", "h:26620"]
    with pytest.raises(ConfigError, match="h:26601 is not among --peers, so it counts as one more"):
        cluster_of(1, "h:26601", peers, DATA)


def test_an_own_address_that_is_no_peer_is_said_to_make_the_cluster_larger() -> None:
    more = f"replica 1 of 3: {A} is not among --peers, so it counts as one more"
    assert counted_in(1, A, [B, C]) == more
    assert counted_in(1, A, [A, B, C]) is None
    assert counted_in(1, A, []) is None, "a cluster of one"


def test_the_ninth_host_needs_a_port() -> None:
    with pytest.raises(ConfigError, match=r"replica 9 at 'h9' has no default port .* HOST:PORT"):
        members_of([f"h{number}" for number in range(1, 10)])


def test_all_have_the_engine_that_is_named() -> None:
    assert cluster_of(1, A, [A, B], DATA).engine == DEFAULT
    with pytest.raises(ConfigError, match="engine 'raft' is not available"):
        cluster_of(1, A, [A, B], DATA, "raft")


def test_a_host_alone_has_the_default_ports() -> None:
    members = members_of(["h", "::1", "h2:7000", "[::1]:8000"])
    known = [(one.host, one.client) for one in members]
    assert known == [("h", 1111), ("::1", 2222), ("h2", 7000), ("::1", 8000)]
