"""A replica without a coordinator: the cluster made from addresses on the command line.

Rule: every replica must make the same cluster from the same addresses, so nothing in it may depend
on who makes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from kvrmi.cluster.config import Cluster, ConfigError, Member, Timing
from kvrmi.cluster.naming import DEFAULT_PORTS_MAX, default_ports, split_address

NAMESERVER = "127.0.0.1:9090"
COORDINATOR = "127.0.0.1:9091"


def cluster_of(me: int, address: str, peers: Sequence[str], data: Path) -> Cluster:
    """Make the cluster in which replica `me` has `address`; `peers` in the order of their ids.

    `peers` may name all replicas, or all but this one. Raises ConfigError.
    """
    addresses = list(peers)
    if address not in addresses:
        addresses.insert(me - 1, address)
    if not 1 <= me <= len(addresses) or addresses[me - 1] != address:
        raise ConfigError(
            f"replica {me} must be number {me} of the addresses in --peers: {', '.join(addresses)}"
        )
    if len(set(addresses)) < len(addresses):
        raise ConfigError("an address stands twice in --peers")
    return Cluster(
        name="kvrmi",
        id=hashlib.sha256(" ".join(addresses).encode()).hexdigest()[:16],
        engine="paxos",
        nameserver=NAMESERVER,
        coordinator=COORDINATOR,
        members=members_of(addresses),
        timing=Timing(),
        folder=data,
    )


def members_of(addresses: Sequence[str]) -> tuple[Member, ...]:
    """Replicas 1 to N at "HOST:PORT", or at a bare "HOST" on their default ports.

    With a port given, the roles and admin listen on the four ports after it. Raises ConfigError.
    """
    return tuple(_member(i, one) for i, one in enumerate(addresses, start=1))


def _member(replica: int, address: str) -> Member:
    host, client = _split(replica, address)
    return Member(replica, host, *range(client, client + 5))


def _split(replica: int, address: str) -> tuple[str, int]:
    try:
        default = default_ports(replica)[-1].client if replica <= DEFAULT_PORTS_MAX else None
        return split_address(address, default)
    except ValueError as error:
        raise ConfigError(f"replica {replica}: {error}") from None
