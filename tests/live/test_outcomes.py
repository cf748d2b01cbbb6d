"""Plain clients, which send a write once: what they are left with when leadership changes."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import Pyro5.api
import pytest

from kvrmi.cluster import naming
from kvrmi.remote.proxy import connect

from .cluster import TIMEOUT, LiveCluster, given_by, wait_for

pytestmark = pytest.mark.live

CLIENTS = 12


class Writers:
    """Plain Pyro5 clients of some replicas, writing without a pause until `stop`."""

    def __init__(self, live: LiveCluster, replicas: list[int]) -> None:
        self.errors: list[str] = []
        self.done = 0
        self._cluster = live.cluster
        self._stopped = threading.Event()
        homes = itertools.islice(itertools.cycle(replicas), CLIENTS)
        self._threads = [
            threading.Thread(target=self._write, args=(number, home), daemon=True)
            for number, home in enumerate(homes)
        ]
        for thread in self._threads:
            thread.start()

    def _write(self, number: int, home: int) -> None:
        member = self._cluster.member(home)
        where = f"PYRO:{naming.kvstore(home)}@{member.host}:{member.client}"
        with Pyro5.api.Proxy(where) as store:
            while not self._stopped.is_set():
                try:
                    store.put(f"writer {number}", str(self.done))
                except Exception as error:
                    self.errors.append(f"{type(error).__name__}: {error}")
                self.done += 1

    def more(self) -> None:
        """Wait until each has written again, on average."""
        target = self.done + 2 * CLIENTS
        wait_for(lambda: self.done >= target, "more writes")

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(TIMEOUT)


@pytest.fixture
def all_writers(live: LiveCluster) -> Iterator[Writers]:
    writers = Writers(live, list(live.cluster.ids))
    yield writers
    writers.stop()


def test_a_transfer_leaves_no_outcome_unknown(live: LiveCluster, all_writers: Writers) -> None:
    for _ in range(4):
        all_writers.more()
        leader = given_by(live.leader, "a leader")
        successor = [one for one in live.cluster.ids if one != leader][-1]
        member = live.cluster.member(leader)
        admin = connect(
            member.host,
            member.admin,
            naming.admin(leader),
            timeout=TIMEOUT,
            credentials=live.credentials,
        )
        with admin:
            admin.transfer(successor)
        live.settle()
    all_writers.more()
    all_writers.stop()
    assert all_writers.errors == []


def test_a_killed_leader_leaves_no_outcome_unknown(live: LiveCluster) -> None:
    """The next leader decides what it was sent, so nobody waits for the whole request time."""
    leader = given_by(live.leader, "a leader")
    writers = Writers(live, live.followers())
    try:
        writers.more()
        with live.orders() as orders:
            orders.kill(leader)  # it stays down: else it may well be back, and lead again
        wait_for(lambda: live.leader() not in (None, leader), "another leader")
        writers.more()
    finally:
        writers.stop()
    assert writers.errors == [], "a request that waits for its whole time ends with an error"
    live.start_held()
    live.settle()
