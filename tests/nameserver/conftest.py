"""A name server on a free port, and credentials of a cluster that it knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kvrmi.cluster.naming import NAMESERVER
from kvrmi.remote.daemon import Daemon, caller
from kvrmi.remote.identity import Credentials, make_secret
from nameserver.gate import Gate
from nameserver.service import NameServer

CLUSTER = "c1"


@pytest.fixture
def secret(tmp_path: Path) -> bytes:
    return make_secret(tmp_path / "secret")


@pytest.fixture
def credentials(secret: bytes) -> Callable[[int], Credentials]:
    """Make the credentials of a replica, or of another process of the cluster: 0."""
    return lambda replica: Credentials(
        CLUSTER, replica, "replica" if replica else "coordinator", secret
    )


@pytest.fixture
def daemon(tmp_path: Path, secret: bytes) -> Iterator[Daemon]:
    gate = Gate(tmp_path / "secret", CLUSTER)
    daemon = Daemon("127.0.0.1", 0, admit=gate.admit, pool=20, max_message=1 << 20, idle=60.0)
    daemon.register(NameServer(daemon.locationStr, caller), NAMESERVER)
    daemon.start()
    yield daemon
    daemon.cut()


@pytest.fixture
def address(daemon: Daemon) -> str:
    return str(daemon.locationStr)
