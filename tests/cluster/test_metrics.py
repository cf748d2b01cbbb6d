"""The metrics of replicas, as Prometheus' own parser reads them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from kvrmi.cluster.counts import BOUNDS, Counts, Histogram
from kvrmi.cluster.metrics import families, text
from kvrmi.cluster.status import ReplicaEntry, unanswered


def entry(replica: int = 1) -> ReplicaEntry:
    durations = Histogram()
    for seconds in (0.0001, 0.003, 0.003, 60.0):
        durations.add(seconds)
    return {
        "id": replica,
        "state": "up",
        "role": "leader",
        "applied": 41,
        "roles": {"acceptor": {"state": "down", "incarnation": 2}},
        "cuts": [[1, 2], [2, 1]],
        "counters": {
            "uptime": 7.5,
            "cpu": 1.25,
            "memory": None,
            "bounds": BOUNDS,
            "requests": {"put": {"outcomes": {"OK": 3, "INVALID": 1}, **durations.report()}},
            "syncs": {"acceptor": durations.report()},
            "messages": {"accept": 9},
            "counts": asdict(Counts(batches=17)),
        },
    }


def read(*entries: ReplicaEntry) -> dict[str, Any]:
    """The families that the parser finds, by name."""
    return {one.name: one for one in text_string_to_metric_families(text(families(entries)))}


def values(family: Any) -> dict[tuple[str, ...], float]:
    """Samples by their name and labels, the replica's last."""
    return {
        (one.name, *(text for label, text in sorted(one.labels.items()))): one.value
        for one in family.samples
    }


def test_counters_and_gauges_are_read_as_they_are() -> None:
    found = read(entry())
    assert values(found["kvrmi_requests"]) == {
        ("kvrmi_requests_total", "put", "OK", "1"): 3.0,
        ("kvrmi_requests_total", "put", "INVALID", "1"): 1.0,
    }
    assert found["kvrmi_requests"].type == "counter"
    assert values(found["kvrmi_messages"]) == {("kvrmi_messages_total", "accept", "1"): 9.0}
    assert values(found["kvrmi_batches"]) == {("kvrmi_batches_total", "1"): 17.0}
    assert values(found["kvrmi_role_up"]) == {("kvrmi_role_up", "1", "acceptor"): 0.0}
    assert values(found["kvrmi_leader"]) == {("kvrmi_leader", "1"): 1.0}
    assert values(found["kvrmi_cuts"]) == {("kvrmi_cuts", "1"): 2.0}
    assert values(found["kvrmi_uptime_seconds"]) == {("kvrmi_uptime_seconds", "1"): 7.5}
    assert "kvrmi_memory_bytes" not in found, "what is not known has no sample"
    assert set(found) >= {f"kvrmi_{name}" for name in asdict(Counts())}


def test_a_histogram_s_buckets_add_up_and_end_with_all() -> None:
    family = read(entry())["kvrmi_request_seconds"]
    assert family.type == "histogram"
    buckets = {
        float(one.labels["le"]): one.value for one in family.samples if one.name.endswith("_bucket")
    }
    assert list(buckets) == [*BOUNDS, float("inf")]
    assert (buckets[0.00005], buckets[0.0001], buckets[0.005], buckets[5.0]) == (0, 1, 3, 3)
    assert buckets[float("inf")] == 4
    plain = {one.name: one.value for one in family.samples if "le" not in one.labels}
    assert plain == {"kvrmi_request_seconds_count": 4.0, "kvrmi_request_seconds_sum": 60.0061}


def test_replicas_share_a_family_and_one_that_does_not_answer_is_down() -> None:
    found = read(entry(1), entry(2), unanswered(3, "h:1", "not answering"))
    assert values(found["kvrmi_up"]) == {
        ("kvrmi_up", "1"): 1.0,
        ("kvrmi_up", "2"): 1.0,
        ("kvrmi_up", "3"): 0.0,
    }
    assert values(found["kvrmi_applied_slot"]) == {
        ("kvrmi_applied_slot", "1"): 41.0,
        ("kvrmi_applied_slot", "2"): 41.0,
    }


def test_every_family_says_what_it_is() -> None:
    for family in families([entry()]):
        assert family.help.endswith("."), family.name


def test_a_label_with_any_character_is_read_back() -> None:
    odd = entry()
    name = 'a"b\\n\nd'
    counters = odd["counters"]
    assert counters is not None
    odd["counters"] = {**counters, "requests": {name: counters["requests"]["put"]}}
    samples = read(odd)["kvrmi_requests"].samples
    assert {sample.labels["operation"] for sample in samples} == {name}
