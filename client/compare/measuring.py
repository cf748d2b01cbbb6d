"""Throughput, latency and cost of one engine's cluster.

Rules: plain Pyro5 clients at the server in charge, spread over all CPUs; what an operation costs
comes from the servers' own counters, read before and after.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from kvrmi.cluster.naming import kvstore
from kvrmi.cluster.status import ClusterStatus, in_charge
from kvrmi.errors import ConnectionFailed

from ..nemesis.subject import Subject
from ..workers import Work, measure, percentile, process
from .results import Cost, Rate

__all__ = ["rates"]

OPS = ("put", "get")
KEYS = 1000
VALUE_BYTES = 100


def rates(
    subject: Subject, clients: Sequence[int], seconds: float, show: Callable[[str], None]
) -> tuple[list[Rate], list[Cost]]:
    """Measure reads and writes at each number of clients. Raises ConnectionFailed."""
    found: list[Rate] = []
    costs: list[Cost] = []
    with ExitStack() as stack:
        cpus = sorted(os.sched_getaffinity(0))
        workers = [stack.enter_context(process("load", cpu)) for cpu in cpus]
        for op in OPS:
            for count in clients:
                show(f"{op}, {count} clients")
                before = _spent(subject.status())
                uri = _in_charge(subject.status())
                tally = measure(Work(op, seconds, KEYS, VALUE_BYTES), count, [uri], workers)
                after = _spent(subject.status())
                found.append(_rate(op, count, seconds, *tally))
                if op == "put" and not _keeps_nothing(subject.status()):
                    costs.append(_cost(count, before, after))
    return found, costs


def _in_charge(status: ClusterStatus) -> str:
    first = in_charge(status)
    for entry in status["replicas"]:
        if entry["id"] == first:
            return f"PYRO:{kvstore(entry['id'])}@{entry['address']}"
    raise ConnectionFailed("no server is in charge: STATUS shows which are up")


def _keeps_nothing(status: ClusterStatus) -> bool:
    """Whether the servers are gateways: what stands behind them sends and writes uncounted."""
    return any("behind" in entry for entry in status["replicas"])


def _rate(
    op: str, clients: int, seconds: float, latencies: dict[int, int], errors: dict[str, int]
) -> Rate:
    p50, p99 = (percentile(latencies, part) / 1000 for part in (0.5, 0.99))
    calls = sum(latencies.values())
    return Rate(op, clients, round(calls / seconds, 1), p50, p99, sum(errors.values()))


def _spent(status: ClusterStatus) -> tuple[int, int, int]:
    """Add up over all servers: writes answered to clients, messages sent, syncs of who votes."""
    writes = messages = syncs = 0
    for entry in status["replicas"]:
        counters = entry.get("counters")
        if counters is None:
            continue
        put = counters["requests"].get("put")
        writes += put["outcomes"].get("OK", 0) if put else 0
        messages += sum(counters["messages"].values())
        syncs += sum(sum(one["buckets"]) for one in counters["syncs"].values())
    return writes, messages, syncs


def _cost(clients: int, before: tuple[int, int, int], after: tuple[int, int, int]) -> Cost:
    writes, messages, syncs = (new - old for old, new in zip(before, after, strict=True))
    return Cost(clients, round(messages / max(writes, 1), 2), round(syncs / max(writes, 1), 2))
