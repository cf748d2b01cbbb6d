"""The admin objects of one cluster's replicas and its coordinator, reached with proof.

Rules: an order goes to the cluster that the user named, or nowhere: whoever was named by address or
object has to be of the very cluster whose file and secret are at hand. It gives no order itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kvrmi import cli
from kvrmi.access.admins import QUICK, Admins, call
from kvrmi.access.store import Store
from kvrmi.cluster import naming
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.file import find, load
from kvrmi.cluster.status import NOBODY, ClusterStatus
from kvrmi.errors import ConnectionFailed, InvalidRequest, UnknownOutcome

if TYPE_CHECKING:
    from kvrmi.remote.identity import Credentials

__all__ = ["admins_of", "coordinator_status"]


def admins_of(
    store: Store,
    config: str | None,
    named: str | None,
    absence: Callable[[int], str | None] = lambda replica: None,
) -> Admins:
    """Find the cluster to order, and the proof that we may.

    `config` names the cluster file, None: where connect() looks for it; `named` is the address or
    object that the user gave in place of a file; `absence` is as Admins has it.
    Raises InvalidRequest, and ConnectionFailed when nobody answers at `named`.
    """
    path = find(config)
    if path is None:
        by_hand = " in place of the address; replicas that were started with --address and --peers "
        by_hand += "have no such file, and take orders at their own --console"
        raise InvalidRequest(
            "orders, and questions to replicas such as LINKS, WHY and LOG, need the cluster file "
            f"and the secret beside it: name it with --config{by_hand if named else ''}"
        )
    try:
        cluster = load(path)
    except ConfigError as error:
        raise InvalidRequest(f"cluster file {error}") from error
    if named is not None:
        _check_same(store.status(), cluster, named, path)
    return Admins(cluster, _credentials(cluster), absence)


def coordinator_status(address: str, cluster_id: str | None) -> ClusterStatus | None:
    """Ask the coordinator what it knows of its cluster; None if it is not there or another's."""
    where = (*naming.split_address(address), naming.COORDINATOR)
    try:
        status: ClusterStatus = call(where, "status", (), QUICK, None, "the coordinator")
    except (ConnectionFailed, UnknownOutcome, InvalidRequest):
        return None
    return status if status.get("cluster_id") == cluster_id else None


def _check_same(status: ClusterStatus, cluster: Cluster, named: str, path: Path) -> None:
    """Refuse unless whoever answers at `named` belongs to the cluster of the file."""
    if status["health"] == NOBODY:
        raise ConnectionFailed(f"nobody answers at {named}; nothing was done")
    found = {entry["id"]: entry["address"] for entry in status["replicas"]}
    ours = {one.id: naming.join_address(one.host, one.client) for one in cluster.members}
    if status["cluster_id"] != cluster.id:
        problem = f"is of cluster {status['cluster_id']}, and {path} is the file of {cluster.id}"
    elif found != ours:
        problem = f"is of a cluster with other addresses than those in {path}"
    else:
        return
    raise InvalidRequest(
        f"{named} {problem}: there is no proof for an order to it here; "
        "name that cluster's own file with --config in place of its address"
    )


def _credentials(cluster: Cluster) -> Credentials:
    from kvrmi.remote.identity import Credentials, read_secret  # for those who give orders

    folder = cluster.folder or Path()
    try:
        return Credentials(cluster.id, 0, "client", read_secret(folder / "secret"))
    except (OSError, ValueError) as error:
        why = cli.reason(error) if isinstance(error, OSError) else error
        raise InvalidRequest(f"orders need the secret that the replicas share: {why}") from error
