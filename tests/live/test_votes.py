"""Two-phase commit with the votes of those that are up: one leaves, writes go on, it comes back."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

import kvrmi
from kvrmi.access.store import Store
from kvrmi.errors import Aborted
from kvrmi.twophase.viewing import understood

from .cluster import LiveCluster, wait_for

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCluster]:
    data = tmp_path_factory.mktemp("votes") / "data"
    flags = ("--engine", "2pc", "--votes", "active", "--replicas", "3", "--ephemeral")
    cluster = LiveCluster(data, *flags)
    try:
        cluster.start()
        yield cluster
    finally:
        left = cluster.sweep()
    assert left == [], "the coordinator left processes behind"


def views(live: LiveCluster) -> list[int]:
    """Give the number of the view of each replica that votes."""
    up = [entry for entry in live.entries().values() if entry and entry["state"] == "up"]
    reports = [understood(entry["view"]) for entry in up]
    return [report.view.number for report in reports if report]


def all_vote(live: LiveCluster, number: int) -> bool:
    return [one >= number for one in views(live)] == [True] * len(live.cluster.ids)


def put(store: Store, key: str, value: str) -> bool:
    """Put; whether it was not voted down."""
    try:
        store.put(key, value)
    except Aborted:
        return False
    return True


def test_a_vote_of_abort_aborts_once(live: LiveCluster) -> None:
    with kvrmi.connect(1, config=live.config) as store:
        wait_for(lambda: put(store, "veto/before", "x"), "all are connected")
        live.admins.call(2, "veto", 1, timeout=5.0)
        with pytest.raises(Aborted, match="replica 2 voted ABORT: it was ordered to"):
            store.put("veto", "never")
        assert store.get("veto") is None
        wait_for(lambda: put(store, "veto", "later"), "its keys are free again")


def test_who_is_down_votes_no_more_and_comes_back_with_the_whole_store(live: LiveCluster) -> None:
    with live.orders() as orders, kvrmi.connect(1, config=live.config) as store:
        before = max(views(live))
        store.put("votes", "of three")
        orders.kill(3)
        wait_for(lambda: put(store, "votes", "of two"), "the others vote alone")
        orders.stop(2)
        wait_for(lambda: put(store, "votes", "of one"), "the last one votes alone")
        with pytest.raises(RuntimeError, match=r"NO_QUORUM: .* would leave none that serves"):
            orders.kill(1)
        orders.start(3)
        orders.start(2)
        wait_for(lambda: all_vote(live, before + 4), "all vote again")
        wait_for(lambda: put(store, "votes", "of all"), "with the votes of all")
    for replica in live.cluster.ids:
        with kvrmi.connect(replica, config=live.config) as store:
            assert store.get("votes") == "of all"
    wait_for(live.is_level, "equal contents everywhere")


def test_while_the_coordinator_is_away_the_last_view_stays(live: LiveCluster) -> None:
    wait_for(lambda: all_vote(live, 1), "all vote")
    before = views(live)
    assert live.coordinator is not None
    live.coordinator.kill()
    live.coordinator.wait(60)
    live.signal(3, signal.SIGKILL)
    with kvrmi.connect(1, config=live.config) as store:
        with pytest.raises(Aborted):
            store.put("votes", "without the third")
        live.start()
        wait_for(lambda: put(store, "votes", "of all again"), "the third votes again")
    wait_for(lambda: all_vote(live, 1), "all are up and say which view is theirs")
    assert views(live) == before, "the next coordinator goes on with the last view"
