"""Where everything of a cluster is found: what was asked for, what its file says, what is free.

Rule: what is not asked for stays as it is, or has the default. It opens no port for good and writes
no file.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from socket import SOCK_DGRAM, SOCK_STREAM
from typing import NamedTuple

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.gateways import NO_GATEWAYS, TCP_PORT, UDP_PORT, Gateways
from kvrmi.cluster.members import Member, members
from kvrmi.cluster.naming import join_address, ports_in_all, shared_ports, split_address

from .. import ports
from ..engines.kinds import DEFAULT, kind_of

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
    settings: Mapping[str, str] = {}
    """Of the engine."""
    metrics: int | None = None
    """Port of the first replica's metrics."""
    log_requests: bool = False
    """Replicas that run already log them only if they were started so."""

    @property
    def places(self) -> list[str]:
        """The options that asked for addresses and ports."""
        given = {
            "--host": self.host,
            "--advertise": self.advertise,
            "--base-port": self.base_port,
            "--gateways": self.gateways or None,
            "--tcp-port": self.tcp,
            "--udp-port": self.udp,
            "--metrics-port": self.metrics,
        }
        return [option for option, value in given.items() if value is not None]

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
    metrics: int = 0

    @property
    def ports(self) -> set[int]:
        """All ports that are found here, of whatever kind."""
        shared = {split_address(one)[1] for one in (self.nameserver, self.coordinator)}
        own = {port for member in self.members for port in member.ports.values()}
        return shared | own | _rows(len(self.members), *self.gateways, self.metrics)


def addresses_of(cluster: Cluster) -> Addresses:
    """Take the addresses of a cluster out of its file."""
    members = with_disks(cluster.members, [""] * len(cluster.members))
    shared = cluster.nameserver, cluster.coordinator
    return Addresses(members, *shared, cluster.listen, cluster.gateways, cluster.metrics_port)


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
        return addresses_for(there, len(cluster.members), now)
    nameserver, coordinator = (
        join_address(known, split_address(one)[1]) for one in (now.nameserver, now.coordinator)
    )
    replicas = tuple(dataclasses.replace(member, host=known) for member in now.members)
    found = now._replace(
        members=replicas,
        nameserver=nameserver,
        coordinator=coordinator,
        listen="" if listen == known else listen,
    )
    return _with_others(wish._replace(host=listen, ephemeral=False), found)


def addresses_for(wish: Wish, count: int, now: Addresses | None = None) -> Addresses:
    """Choose addresses of `count` replicas, and of what they share. Raises ConfigError.

    Gateways and metrics that are there `now` stay, wished for or not.
    """
    listen, base, roles = wish.host or HOST, wish.base_port, wish.roles
    if wish.ephemeral and base is None:
        given = _rows(count, wish.tcp, wish.udp, wish.metrics)
        many = ports_in_all(count, roles)
        base = ports.free_block(listen, many, random.Random(), apart=given)
    host = wish.advertise or listen
    nameserver, coordinator = (join_address(host, one) for one in shared_ports(base, count, roles))
    only = "" if listen == host else listen
    replicas = members(count, host, base, roles)
    others = (now.gateways, now.metrics) if now else ()
    return _with_others(wish, Addresses(replicas, nameserver, coordinator, only, *others))


def _with_others(wish: Wish, now: Addresses) -> Addresses:
    """Choose where gateways and metrics listen, beside what is found already."""
    count = len(now.members)
    taken = now.ports | _rows(count, wish.tcp, wish.udp, wish.metrics)

    def chosen(given: int | None, there: int, kind: int = SOCK_STREAM) -> int:
        """Take the port that is given, else one that is there; a free one in its place."""
        if given is not None or not there or not wish.ephemeral:
            return there if given is None else given
        first = ports.free_block(wish.host or HOST, count, random.Random(), kind, taken)
        taken.update(_rows(count, first))
        return first

    tcp, udp = now.gateways
    if wish.gateways:
        tcp, udp = tcp or TCP_PORT, udp or UDP_PORT
    gateways = Gateways(chosen(wish.tcp, tcp), chosen(wish.udp, udp, SOCK_DGRAM))
    return now._replace(gateways=gateways, metrics=chosen(wish.metrics, now.metrics))


def _rows(count: int, *firsts: int | None) -> set[int]:
    """Give `count` ports from each first one on; None and 0 are none."""
    return {port for first in firsts if first for port in range(first, first + count)}


def with_disks(unformatted: Sequence[Member], disks: Sequence[str]) -> tuple[Member, ...]:
    """Give each member its disk."""
    pairs = zip(unformatted, disks, strict=True)
    return tuple(dataclasses.replace(member, disk=disk) for member, disk in pairs)
