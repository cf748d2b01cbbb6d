"""Where everything of a cluster is found: what was asked for, what its file says, what is free.

Rule: what is not asked for stays as it is, or has the default. It opens no port for good and writes
no file.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from pathlib import Path
from socket import SOCK_DGRAM, SOCK_STREAM
from typing import NamedTuple

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.gateways import NO_GATEWAYS, TCP_PORT, UDP_PORT, Gateways
from kvrmi.cluster.members import Member, members
from kvrmi.cluster.naming import join_address, ports_in_all, shared_ports, split_address

from ..engines.kinds import DEFAULT, kind_of
from . import ports

__all__ = ["HOST", "Addresses", "Wish", "addresses_for", "addresses_of", "asked", "with_disks"]

HOST = "127.0.0.1"


class Wish(NamedTuple):
    """What the user asked for; None where nothing was given."""

    data: Path
    replicas: int | None = None
    host: str | None = None
    """To listen on."""
    advertise: str | None = None
    """What others connect to instead of `host`."""
    base_port: int | None = None
    ephemeral: bool = False
    engine: str | None = None
    """How the replicas agree."""
    gateways: bool = False
    """To have them all."""
    tcp: int | None = None
    udp: int | None = None
    """Ports of the first replica's gateways; each also has one that is given a port."""

    @property
    def roles(self) -> tuple[str, ...]:
        """Which roles of each replica listen. Raises ConfigError for an unknown engine."""
        return kind_of(self.engine or DEFAULT).declared.daemons


class Addresses(NamedTuple):
    """Where everything of a cluster is found, and the host it listens on if that is another."""

    members: tuple[Member, ...]
    nameserver: str
    coordinator: str
    listen: str
    gateways: Gateways = NO_GATEWAYS


def addresses_of(cluster: Cluster) -> Addresses:
    """Take the addresses of a cluster out of its file."""
    members = with_disks(cluster.members, [""] * len(cluster.members))
    shared = cluster.nameserver, cluster.coordinator
    return Addresses(members, *shared, cluster.listen, cluster.gateways)


def asked(wish: Wish, cluster: Cluster, *, free_ports: bool) -> Addresses:
    """Work out the addresses the cluster shall have: its own, but for what is wished otherwise."""
    now = addresses_of(cluster)
    known = now.members[0].host
    listen = now.listen or known
    if wish.host not in (None, listen):
        listen = known = wish.host or HOST
    known = wish.advertise or known
    if free_ports or wish.base_port is not None:
        there = wish._replace(
            host=listen, advertise=known, ephemeral=free_ports, engine=cluster.engine
        )
        return addresses_for(there, len(cluster.members), cluster.gateways)
    nameserver, coordinator = (
        join_address(known, split_address(one)[1]) for one in (now.nameserver, now.coordinator)
    )
    replicas = tuple(dataclasses.replace(member, host=known) for member in now.members)
    only = "" if listen == known else listen
    there = wish._replace(host=listen, ephemeral=False)
    return Addresses(replicas, nameserver, coordinator, only, _gateways(there, now))


def addresses_for(wish: Wish, count: int, gateways: Gateways = NO_GATEWAYS) -> Addresses:
    """Choose addresses of `count` replicas, and of what they share. Raises ConfigError.

    `gateways` are there already, wished for or not.
    """
    listen, base, roles = wish.host or HOST, wish.base_port, wish.roles
    if wish.ephemeral and base is None:
        base = ports.free_block(listen, ports_in_all(count, roles), random.Random())
    host = wish.advertise or listen
    nameserver, coordinator = (join_address(host, one) for one in shared_ports(base, count, roles))
    only = "" if listen == host else listen
    replicas = members(count, host, base, roles)
    found = Addresses(replicas, nameserver, coordinator, only, gateways)
    return found._replace(gateways=_gateways(wish, found))


def _gateways(wish: Wish, now: Addresses) -> Gateways:
    """Choose the ports of gateways: given ones, those that are there, free ones, or the default."""
    found = []
    given = (wish.tcp, TCP_PORT, SOCK_STREAM), (wish.udp, UDP_PORT, SOCK_DGRAM)
    for (port, default, kind), there in zip(given, now.gateways, strict=True):
        if port is None and (wish.gateways or there):
            port = there or default
            if wish.ephemeral:
                host = wish.host or HOST
                port = ports.free_block(host, len(now.members), random.Random(), kind)
        found.append(port or 0)
    return Gateways(*found)


def with_disks(unformatted: Sequence[Member], disks: Sequence[str]) -> tuple[Member, ...]:
    """Give each member its disk."""
    pairs = zip(unformatted, disks, strict=True)
    return tuple(dataclasses.replace(member, disk=disk) for member, disk in pairs)
