"""One cluster for all live tests, healthy and led by its first replica before each of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.ports import free_block

from .cluster import LiveCluster


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCluster]:
    data = tmp_path_factory.mktemp("cluster") / "data"
    metrics = free_block("127.0.0.1", 5, random.Random())
    flags = "--ephemeral", "--gateways", "--metrics-port", str(metrics)
    cluster = LiveCluster(data, *flags)
    try:
        cluster.start()
        yield cluster
    finally:
        left = cluster.sweep()
    assert left == [], "the coordinator left processes behind"


@pytest.fixture
def live(shared: LiveCluster) -> LiveCluster:
    shared.start_held()  # by a test that failed on its way: the next ones shall not fail for it
    shared.settle()
    shared.enthrone()
    return shared


@pytest.fixture
def make_cluster(tmp_path: Path) -> Iterator[Callable[..., LiveCluster]]:
    """Clusters of the test's own, not yet started."""
    made: list[LiveCluster] = []

    def make(*flags: str) -> LiveCluster:
        made.append(LiveCluster(tmp_path / f"data{len(made)}", *flags))
        return made[-1]

    yield make
    left = [pid for cluster in made for pid in cluster.sweep()]
    assert left == [], "a coordinator left processes behind"
