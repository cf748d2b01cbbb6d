"""What replicas report as metrics: families of samples, and the text that Prometheus reads.

Rules: a sample has the id of its replica, so that those of a whole cluster make one text; what a
replica does not report has no sample. Names do not change: dashboards rest on them. It asks nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from itertools import accumulate
from typing import NamedTuple, TypeAlias

from .counts import Counters, Counts, Spent
from .status import ReplicaEntry

__all__ = ["Family", "Sample", "families", "text"]


class Sample(NamedTuple):
    """One value; `name` is that of its family, with an ending where the kind has such."""

    name: str
    labels: Mapping[str, str]
    value: float


class Family(NamedTuple):
    """All samples of one meaning; `kind` is counter, gauge or histogram."""

    name: str
    kind: str
    help: str
    samples: Sequence[Sample]


_Values: TypeAlias = Iterator[tuple[str, Mapping[str, str], float]]
"""Endings of the family's name, labels beside the replica's, values."""


class _Metric(NamedTuple):
    """How a family is made of the entries of replicas."""

    name: str
    kind: str
    help: str
    values: Callable[[ReplicaEntry], _Values]


def families(entries: Sequence[ReplicaEntry]) -> list[Family]:
    """Make the families of these replicas; those without a sample are left out."""
    made = (Family(*metric[:3], _samples(metric, entries)) for metric in _METRICS)
    return [family for family in made if family.samples]


def text(found: Iterable[Family]) -> str:
    """Write families in Prometheus' text format, version 0.0.4."""
    return "".join(f"{line}\n" for family in found for line in _lines(family))


def _samples(metric: _Metric, entries: Sequence[ReplicaEntry]) -> list[Sample]:
    return [
        Sample(metric.name + ending, {"replica": str(entry["id"]), **labels}, value)
        for entry in entries
        for ending, labels, value in metric.values(entry)
    ]


def _lines(family: Family) -> Iterator[str]:
    named = family.name + ("_total" if family.kind == "counter" else "")
    yield f"# HELP {named} {family.help}"
    yield f"# TYPE {named} {family.kind}"
    for name, labels, value in family.samples:
        written = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{{{written}}} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


# --- what is in an entry --------------------------------------------------------------------------


def _reported(name: str, help: str, look: Callable[[ReplicaEntry], float | None]) -> _Metric:
    """Make a gauge of what an entry says; None: no sample."""

    def values(entry: ReplicaEntry) -> _Values:
        value = look(entry)
        if value is not None:
            yield "", {}, value

    return _Metric(name, "gauge", help, values)


def _leads(entry: ReplicaEntry) -> int | None:
    role = entry.get("role")
    return None if role is None else int(role == "leader")


def _cuts(entry: ReplicaEntry) -> int | None:
    cuts = entry.get("cuts")
    return None if cuts is None else len(cuts)


def _roles(entry: ReplicaEntry) -> _Values:
    for role, one in (entry.get("roles") or {}).items():
        yield "", {"role": role}, int(one["state"] == "up")


# --- what is in its counters ----------------------------------------------------------------------


def _counted(name: str, kind: str, help: str, count: Callable[[Counters], _Values]) -> _Metric:
    """Make a metric of what a replica has counted."""

    def values(entry: ReplicaEntry) -> _Values:
        counters = entry.get("counters")
        if counters is not None:
            yield from count(counters)

    return _Metric(name, kind, help, values)


def _uptime(counters: Counters) -> _Values:
    yield "", {}, counters["uptime"]


def _memory(counters: Counters) -> _Values:
    if counters["memory"] is not None:
        yield "", {}, counters["memory"]


def _cpu(counters: Counters) -> _Values:
    yield "_total", {}, counters["cpu"]


def _requests(counters: Counters) -> _Values:
    for name, one in counters["requests"].items():
        for code, count in one["outcomes"].items():
            yield "_total", {"operation": name, "outcome": code}, count


def _latencies(counters: Counters) -> _Values:
    for name, one in counters["requests"].items():
        yield from _histogram({"operation": name}, one, counters["bounds"])


def _syncs(counters: Counters) -> _Values:
    for role, one in counters["syncs"].items():
        yield from _histogram({"role": role}, one, counters["bounds"])


def _messages(counters: Counters) -> _Values:
    for lane, count in counters.get("messages", {}).items():  # not of every version
        yield "_total", {"lane": lane}, count


def _histogram(labels: Mapping[str, str], spent: Spent, bounds: Sequence[float]) -> _Values:
    upto = list(accumulate(spent["buckets"]))
    for bound, count in zip([*map(repr, bounds), "+Inf"], upto, strict=True):
        yield "_bucket", {**labels, "le": bound}, count
    yield "_sum", labels, spent["seconds"]
    yield "_count", labels, upto[-1]


def _count(name: str, counters: Counters) -> _Values:
    if name in counters["counts"]:  # a replica of another version may not count it
        yield "_total", {}, counters["counts"][name]


_METRICS = (
    _reported("kvrmi_up", "1 if it is up, 0 if not.", lambda entry: int(entry["state"] == "up")),
    _Metric("kvrmi_role_up", "gauge", "1 if the role is up, 0 if not.", _roles),
    _reported("kvrmi_leader", "1 if the replica leads, 0 if not.", _leads),
    _reported("kvrmi_applied_slot", "The last slot applied.", lambda entry: entry.get("applied")),
    _reported("kvrmi_chosen_slot", "The last slot known.", lambda entry: entry.get("chosen")),
    _reported("kvrmi_revision", "Commands in the state.", lambda entry: entry.get("revision")),
    _reported("kvrmi_keys", "Keys in the state.", lambda entry: entry.get("keys")),
    _reported("kvrmi_connections", "Of clients.", lambda entry: entry.get("connections")),
    _reported("kvrmi_cuts", "Links cut on purpose, each direction counted.", _cuts),
    _counted("kvrmi_uptime_seconds", "gauge", "Since the process started.", _uptime),
    _counted("kvrmi_memory_bytes", "gauge", "Memory of the process.", _memory),
    _counted("kvrmi_cpu_seconds", "counter", "CPU time of the process.", _cpu),
    _counted("kvrmi_requests", "counter", "Requests answered to clients.", _requests),
    _counted("kvrmi_request_seconds", "histogram", "From request to answer.", _latencies),
    _counted("kvrmi_sync_seconds", "histogram", "Of writes until they are durable.", _syncs),
    _counted("kvrmi_messages", "counter", "Requests sent to other replicas.", _messages),
    *[
        _counted(f"kvrmi_{one.name}", "counter", one.metadata["help"], partial(_count, one.name))
        for one in fields(Counts)
    ],
)
