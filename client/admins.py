"""The admin objects of one cluster's replicas and its coordinator, reached with proof.

Rules: an order goes to the cluster that the user named, or nowhere: whoever was named by address or
object has to be of the very cluster whose file and secret are at hand. It gives no order itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kvrmi.access.store import Store
from kvrmi.cluster import naming
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.file import find, load
from kvrmi.cluster.status import NOBODY, ClusterStatus
from kvrmi.errors import ConnectionFailed, InvalidRequest, UnknownOutcome, from_builtin

if TYPE_CHECKING:
    from kvrmi.remote.identity import Credentials

__all__ = ["Admins", "admins_of", "coordinator_status"]

_QUICK = 2.0
"""Seconds for what a process does at once."""
_SLOW = 65.0
"""Seconds for what waits for a process to start, stop or restore."""


class Admins:
    """Calls to the admin objects of one cluster; each is made once and has a deadline."""

    def __init__(self, cluster: Cluster, credentials: Credentials) -> None:
        """Connect to nothing yet."""
        self.ids = cluster.ids
        self._cluster = cluster
        self._credentials = credentials

    def replica(self, replica: int, method: str, *args: object, timeout: float = _QUICK) -> Any:
        """Call a method of `kvrmi.replicaN.admin`; raises a KVError."""
        if replica not in self.ids:
            raise InvalidRequest(naming.unknown_replica(replica, self.ids))
        member = self._cluster.member(replica)
        where = (member.host, member.admin, naming.admin(replica))
        return _call(where, method, args, timeout, self._credentials, f"replica {replica}")

    def coordinator(self, method: str, *args: object) -> Any:
        """Call a method of `kvrmi.coordinator`; raises a KVError."""
        if not any(member.disk for member in self._cluster.members):
            raise InvalidRequest(
                "this cluster has no coordinator, its replicas are on hosts of their own: "
                "start and stop them there"
            )
        where = (*naming.split_address(self._cluster.coordinator), naming.COORDINATOR)
        return _call(where, method, args, _SLOW, self._credentials, "the coordinator")


def admins_of(store: Store, config: str | None, named: str | None) -> Admins:
    """Find the cluster to order, and the proof that we may.

    `config` names the cluster file, None: where connect() looks for it; `named` is the address or
    object that the user gave in place of a file. Raises InvalidRequest, and ConnectionFailed when
    nobody answers at `named`.
    """
    path = find(config)
    if path is None:
        raise InvalidRequest("orders need the cluster file: name it with --config")
    try:
        cluster = load(path)
    except ConfigError as error:
        raise InvalidRequest(f"cluster file {error}") from error
    if named is not None:
        _check_same(store.status(), cluster, named, path)
    return Admins(cluster, _credentials(cluster))


def coordinator_status(address: str, cluster_id: str | None) -> ClusterStatus | None:
    """Ask the coordinator what it knows of its cluster; None if it is not there or another's."""
    where = (*naming.split_address(address), naming.COORDINATOR)
    try:
        status: ClusterStatus = _call(where, "status", (), _QUICK, None, "the coordinator")
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
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InvalidRequest(
            f"orders need the secret that the replicas share, as {folder / 'secret'}: {why}"
        ) from error


def _call(
    where: tuple[str, int, str],
    method: str,
    args: Sequence[object],
    timeout: float,
    credentials: Credentials | None,
    who: str,
) -> Any:
    from kvrmi.remote.proxy import connect

    try:
        proxy = connect(*where, timeout=_QUICK, credentials=credentials)
        proxy._pyroBind()
    except Exception as error:
        raise ConnectionFailed(_unreached(who, naming.join_address(*where[:2]), error)) from error
    with proxy:
        proxy._pyroTimeout = timeout
        try:
            return getattr(proxy, method)(*args)
        except Exception as error:
            answered = from_builtin(error)
            raise answered or UnknownOutcome(
                f"{who} did not answer to {method}: {error}"
            ) from error


def _unreached(who: str, address: str, error: Exception) -> str:
    """Say whether nobody answers there, or somebody who does not take our proof."""
    from kvrmi.remote.identity import Refused

    if isinstance(error.__cause__, Refused):
        return (
            f"{who} at {address} has another secret than this client, or another cluster file; "
            f"copy both from its host: {error.__cause__}"
        )
    return f"{who} does not answer at {address}: {error}"
