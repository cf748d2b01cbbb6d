"""One small cluster that all attacks are made on; it must not even notice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.cluster import LiveCluster

from .calm import tracebacks
from .sockets import Daemon, daemons

LEADER = 1


@pytest.fixture(scope="package")
def fort(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCluster]:
    data = tmp_path_factory.mktemp("fort") / "data"
    cluster = LiveCluster(data, "--ephemeral", "--replicas", "3")
    try:
        cluster.start()
        cluster.settle()
        cluster.enthrone()
        yield cluster
        assert tracebacks(data) == []
        assert cluster.coordinator is not None
        coordinator = cluster.coordinator
        assert cluster.stop() == 0
        assert coordinator.stderr is not None
        assert coordinator.stderr.read() == ""
    finally:
        left = cluster.sweep()
    assert left == [], "the coordinator left processes behind"


@pytest.fixture
def ports(fort: LiveCluster) -> dict[str, Daemon]:
    """The leader's daemons, the name server's and the coordinator's."""
    fort.settle()
    assert fort.leader() == LEADER
    return daemons(fort, LEADER)
