"""A replica without a coordinator: the cluster made from addresses on the command line.

Rule: every replica must make the same cluster from the same addresses, so nothing in it may depend
on who makes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.members import Member
from kvrmi.cluster.naming import (
    DEFAULT_PORTS_MAX,
    client_port,
    is_alone,
    ports_from,
    split_address,
)
from kvrmi.cluster.timing import Timing

from .engines.kinds import DEFAULT, kind_of, replicas_of

NAMESERVER = "127.0.0.1:9090"
COORDINATOR = "127.0.0.1:9091"


def cluster_of(
    me: int,
    address: str,
    peers: Sequence[str],
    data: Path,
    engine: str = DEFAULT,
    settings: Mapping[str, str] = {},
) -> Cluster:
    """Make the cluster in which replica `me` has `address`; `peers` in the order of their ids.

    `peers` may name all replicas, or all but this one; `engine` how they agree, with its
    `settings`. Raises ConfigError.
    """
    addresses = list(peers)
    named = address in addresses
    if not named:
        addresses.insert(me - 1, address)
    if not 1 <= me <= len(addresses) or addresses[me - 1] != address:
        raise ConfigError(
            f"replica {me} must be number {me} of the addresses in --peers: {', '.join(addresses)}"
        )
    if len(set(addresses)) < len(addresses):
        raise ConfigError("an address stands twice in --peers")
    try:
        replicas_of(engine, len(addresses))
        members = members_of(addresses, kind_of(engine).declared.daemons)
    except ConfigError as error:
        unnamed = f"; {address} is not among --peers, so it counts as one more replica"
        raise ConfigError(f"{error}{'' if named or not peers else unnamed}") from None
    return Cluster(
        name="kvrmi",
        id=hashlib.sha256(" ".join(addresses).encode()).hexdigest()[:16],
        engine=engine,
        settings=kind_of(engine).founded(settings),
        nameserver=NAMESERVER,
        coordinator=COORDINATOR,
        members=members,
        timing=Timing(),
        folder=data,
    )


def counted_in(me: int, address: str, peers: Sequence[str]) -> str | None:
    """Say that an own address which is not among the peers makes the cluster one larger."""
    if not peers or address in peers:
        return None
    number = len(peers) + 1
    return f"replica {me} of {number}: {address} is not among --peers, so it counts as one more"


def members_of(addresses: Sequence[str], roles: Sequence[str] = ()) -> tuple[Member, ...]:
    """Replicas 1 to N at "HOST:PORT", or at a bare "HOST" on their default ports.

    With a port given, `roles` and admin listen on those after it. Raises ConfigError, also where
    two would have the same port.
    """
    members = tuple(_member(i, one, roles) for i, one in enumerate(addresses, start=1))
    owners: dict[str, Member] = {}
    for member in members:
        for address in member.addresses:
            other = owners.setdefault(address, member)
            if other is not member:
                raise ConfigError(
                    f"replicas {other.id} and {member.id} would both listen on {address}: each "
                    f"takes {len(member.ports)} ports in a row, from its address on"
                )
    return members


def _member(replica: int, address: str, roles: Sequence[str]) -> Member:
    host, client = _split(replica, address)
    return Member(replica, host, ports_from(client, roles))


def _split(replica: int, address: str) -> tuple[str, int]:
    if replica > DEFAULT_PORTS_MAX and is_alone(address):
        raise ConfigError(
            f"replica {replica} at {address!r} has no default port (replicas 1 to "
            f"{DEFAULT_PORTS_MAX} have): give each its own, HOST:PORT"
        )
    try:
        default = client_port(min(replica, DEFAULT_PORTS_MAX))
        return split_address(address, default)
    except ValueError as error:
        raise ConfigError(f"replica {replica}: {error}") from None
