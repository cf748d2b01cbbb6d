"""What replicas count adds up after a run of known size."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from client.__main__ import main as client
from kvrmi.cluster.naming import kvstore
from kvrmi.remote.proxy import connect

from .cluster import LiveCluster, wait_for

pytestmark = pytest.mark.live

ASKED = ("put", "get", "delete")


def run(live: LiveCluster, replica: int) -> Iterator[tuple[str, str]]:
    """Ask one replica for much, each thing once; the operation and the code of each answer."""
    member = live.cluster.member(replica)
    with connect(member.host, member.client, kvstore(replica), timeout=60.0) as store:
        for number in range(40):
            for name, *args in (
                ("put", f"metric{number}", "v"),
                ("get", "metric0"),
                ("put", "", "v"),
            ):
                yield name, answer_of(store, name, *args)
        yield "delete", answer_of(store, "delete", "metric0")


def answer_of(store: Any, name: str, *args: object) -> str:
    try:
        getattr(store, name)(*args)
    except (RuntimeError, TimeoutError, ValueError) as error:
        return str(error).partition(":")[0]
    return "OK"


def requests(entry: Any) -> Counter[tuple[str, str]]:
    """The requests that a replica has counted, by operation and code."""
    return Counter(
        {
            (name, code): count
            for name, one in entry["counters"]["requests"].items()
            for code, count in one["outcomes"].items()
            if name in ASKED
        }
    )


def test_what_was_counted_is_what_clients_saw(live: LiveCluster) -> None:
    follower = live.followers()[0]
    wait_for(live.is_level, "nothing of earlier tests is still on its way")
    before = live.entries()
    seen = Counter(run(live, follower))
    wait_for(live.is_level, "all replicas have applied it all")
    after = live.entries()
    assert requests(after[follower]) - requests(before[follower]) == seen
    for replica, entry in after.items():
        counters, earlier = entry["counters"], before[replica]["counters"]
        applied = counters["counts"]["commands"] - earlier["counts"]["commands"]
        assert applied == entry["revision"] - before[replica]["revision"], "no command is a repeat"
        assert sum(counters["syncs"]["acceptor"]["buckets"]) > 0
        assert counters["uptime"] > earlier["uptime"]
        assert 1 << 20 < counters["memory"] < 1 << 30
        for one in counters["requests"].values():
            assert sum(one["buckets"]) == sum(one["outcomes"].values())
    chosen = sum(
        after[replica]["counters"]["counts"]["batches"]
        - before[replica]["counters"]["counts"]["batches"]
        for replica in after
    )
    accepts = sum(entry["counters"]["messages"]["accept"] for entry in after.values())
    assert accepts >= 2 * chosen, "each batch goes to two others at least"
    assert chosen >= 41, "one client's writes come one after the other"


def read(text: str) -> dict[tuple[str, ...], float]:
    """Samples by name, replica and operation, those that are counted by outcome added up."""
    found: dict[tuple[str, ...], float] = defaultdict(float)
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            found[one.name, one.labels["replica"], one.labels.get("operation", "")] += one.value
    return found


def test_metrics_are_what_the_status_has(
    live: LiveCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    follower = live.followers()[0]
    assert Counter(run(live, follower))["put", "OK"]
    assert client(["--config", str(live.config), "METRICS"]) == 0
    every = read(capsys.readouterr().out)
    assert {replica for _, replica, _ in every} == {"1", "2", "3", "4", "5"}
    puts = live.entries()[follower]["counters"]["requests"]["put"]
    asked = sum(puts["outcomes"].values())
    assert every["kvrmi_requests_total", str(follower), "put"] == asked
    assert every["kvrmi_request_seconds_count", str(follower), "put"] == asked
    assert sum(count for (name, _, _), count in every.items() if name == "kvrmi_leader") == 1
    assert client(["--config", str(live.config), "METRICS", str(follower)]) == 0
    one = read(capsys.readouterr().out)
    assert {replica for _, replica, _ in one} == {str(follower)}
    assert one["kvrmi_requests_total", str(follower), "put"] == asked
    assert read(live.admins.call(follower, "metrics", timeout=10.0)).keys() == one.keys()


def test_every_replica_of_a_coordinator_serves_its_metrics(live: LiveCluster) -> None:
    first = live.cluster.metrics_port
    assert live.ready_line.rstrip().endswith(f" metrics=127.0.0.1:{first}")
    for replica in live.cluster.ids:
        url = f"http://127.0.0.1:{first + replica - 1}/metrics"
        with urlopen(url, timeout=60) as answer:
            found = read(answer.read().decode())
        assert {id for _, id, _ in found} == {str(replica)}
        assert found["kvrmi_up", str(replica), ""] == 1


def test_the_coordinator_reports_what_was_counted(live: LiveCluster) -> None:
    with live.orders() as coordinator:
        entries = coordinator.status()["replicas"]
    assert all(entry["counters"]["uptime"] > 0 for entry in entries)
