"""A replica's ways in: all opened when it serves, looked after, and cut when it stops."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.members import members
from kvrmi.cluster.timing import Timing
from kvrmi.paxos.declaration import PAXOS
from kvrmi.remote.listener import Client
from server.folder import format_folder, open_folder
from server.ports import free_block
from server.replica import Replica
from server.status import describe

from .stubs import Fatal, until

pytestmark = pytest.mark.live
HOST = "127.0.0.1"


class Gateway:
    """An endpoint that listens to nobody."""

    def __init__(self) -> None:
        self.alive = False
        self.connections = 2
        self.clients = [Client("somebody", "h:1", 1_700_000_000.0)]
        self.opened = 0
        self.may_open = threading.Event()
        self.may_open.set()

    def open(self) -> None:
        self.opened += 1
        assert self.may_open.wait(30)
        self.alive = True

    def cut(self) -> None:
        self.alive = False


def test_every_endpoint_is_opened_reported_looked_after_and_cut(tmp_path: Path) -> None:
    base = free_block(HOST, 8, random.Random())
    cluster = Cluster(
        "test",
        "c1",
        "paxos",
        f"{HOST}:{base + 6}",
        f"{HOST}:{base + 7}",
        members(1, HOST, base, PAXOS.daemons),
        Timing(),
        None,
    )
    format_folder(tmp_path, PAXOS, cluster.id, 1, recovering=False)
    replica = Replica(cluster, 1, open_folder(tmp_path, cluster.id, 1, PAXOS), b"x" * 64, Fatal())
    store, gateway = replica.endpoints[0], Gateway()
    replica.endpoints.append(gateway)
    stopping = threading.Thread(target=replica.stop)
    replica.start()
    try:
        assert store.alive
        assert gateway.alive
        entry = describe(replica)
        assert (entry["connections"], len(replica.endpoints)) == (2, 2)
        assert str(entry["clients"]).count("somebody") == 1
        for endpoint in replica.endpoints:
            endpoint.cut()
        until(lambda: store.alive and gateway.opened == 2)
        gateway.may_open.clear()
        gateway.cut()
        until(lambda: gateway.opened == 3)
        stopping.start()
        stopping.join(1.5)
        assert stopping.is_alive(), "what is being opened has to be cut as well"
    finally:
        gateway.may_open.set()
        if stopping.ident is None:
            stopping.start()
        stopping.join(30)
    assert not store.alive
    assert not gateway.alive
