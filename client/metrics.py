"""METRICS: what the replicas have counted, as Prometheus' text, of one of them or of all.

Rule: it rests on the status alone, so it needs no secret. It connects to nobody.
"""

from __future__ import annotations

from kvrmi.cluster.metrics import families, text
from kvrmi.cluster.naming import unknown_replica
from kvrmi.cluster.status import ClusterStatus, absence
from kvrmi.errors import ConnectionFailed, InvalidRequest

__all__ = ["written"]


def written(status: ClusterStatus, replica: int | None) -> str:
    """Write the metrics of a replica, None: of all, as far as they answer.

    Raises InvalidRequest for an id that there is not, ConnectionFailed if that one does not answer.
    """
    entries = [entry for entry in status["replicas"] if replica in (None, entry["id"])]
    if not entries:
        raise InvalidRequest(unknown_replica(replica, [one["id"] for one in status["replicas"]]))
    if replica is not None and entries[0].get("counters") is None:
        why = absence(entries[0]) or f"replica {replica} is {entries[0]['state']}"
        raise ConnectionFailed(f"{why}; nothing was asked")
    return text(families(entries))
