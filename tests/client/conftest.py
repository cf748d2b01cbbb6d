"""A fake cluster, and the program run inside the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import Pyro5.api
import pytest

from client.__main__ import main
from tests.client.fake import Cluster
from tests.conftest import Ending

Run = Callable[..., int]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, ending: Ending) -> Iterator[Cluster]:
    monkeypatch.setattr(Pyro5.config, "SERPENT_BYTES_REPR", True)  # as the servers do
    cluster = Cluster(2)
    yield cluster
    ending(cluster.close)


@pytest.fixture
def run(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the program against the first fake replica; returns the exit status."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))  # where a prompt keeps its history

    def run(*words: str) -> int:
        name, _, address = cluster.addresses[0].partition("@")
        return main(["--object", name, "--address", address, *words])

    return run
