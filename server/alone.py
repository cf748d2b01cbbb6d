"""A replica without a coordinator: the cluster made from addresses on the command line.

Rule: every replica must make the same cluster from the same addresses, so nothing in it may depend
on who makes it. Roles listen on the three ports after the client port, admin on the fourth.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from kvrmi.config import Cluster, ConfigError, Member, Timing

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
    members = tuple(_member(i, one) for i, one in enumerate(addresses, start=1))
    return Cluster(
        name="kvrmi",
        id=hashlib.sha256(" ".join(addresses).encode()).hexdigest()[:16],
        engine="paxos",
        nameserver=NAMESERVER,
        coordinator=COORDINATOR,
        members=members,
        timing=Timing(),
        folder=data,
    )


def _member(replica: int, address: str) -> Member:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 1 <= int(port) <= 65_531:
        raise ConfigError(f"{address!r} is not HOST:PORT")
    client = int(port)
    return Member(
        id=replica,
        host=host,
        client=client,
        proposer=client + 1,
        acceptor=client + 2,
        learner=client + 3,
        admin=client + 4,
        disk="",
    )
