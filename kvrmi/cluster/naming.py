"""Names and ports: what a remote object is called and where it listens by default.

Rule: a name or a port is made here and nowhere else, so that scripts in other languages can rely
on them. It opens no port and knows no cluster.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = [
    "COORDINATOR",
    "COORDINATOR_PORT",
    "DEFAULT_PORTS_MAX",
    "NAMESERVER",
    "NAMESERVER_PORT",
    "ROLES",
    "Ports",
    "admin",
    "based_ports",
    "default_ports",
    "is_client",
    "join_address",
    "kvstore",
    "role",
    "split_address",
    "tags",
    "unknown_replica",
]

ROLES = ("proposer", "acceptor", "learner")
COORDINATOR = "kvrmi.coordinator"
NAMESERVER = "Pyro.NameServer"
NAMESERVER_PORT = 9090
COORDINATOR_PORT = 9091
DEFAULT_PORTS_MAX = 8
"""Replicas that the default ports suffice for: the ninth would reach into the name server's."""
_PORT_MAX = 65_535
_CLIENT = re.compile(r"[A-Za-z0-9._-]{1,30}")


class Ports(NamedTuple):
    """The five TCP ports of a replica."""

    client: int
    proposer: int
    acceptor: int
    learner: int
    admin: int


def is_client(name: object) -> bool:
    """Whether a client may call itself so: it stands in logs and tables as it is."""
    return isinstance(name, str) and _CLIENT.fullmatch(name) is not None


def kvstore(replica: int) -> str:
    """Name of the object that clients call: kvrmi.replica1."""
    return f"kvrmi.replica{replica}"


def unknown_replica(replica: object, known: Iterable[int]) -> str:
    """Say that there is no replica with an id, and which ids there are."""
    ids = ", ".join(str(one) for one in known if one)
    return f"there is no replica {replica}" + (f", only {ids}" if ids else "")


def role(replica: int, role: str) -> str:
    """Name of a role's servant: kvrmi.replica1.acceptor."""
    return f"{kvstore(replica)}.{role}"


def admin(replica: int) -> str:
    """Name of a replica's admin object: kvrmi.replica1.admin."""
    return f"{kvstore(replica)}.admin"


def tags(cluster: str, engine: str) -> frozenset[str]:
    """Metadata of every KVStore object of a cluster, to be found by in a yellow-pages lookup."""
    return frozenset({"kvrmi.replica", f"kvrmi.cluster:{cluster}", f"kvrmi.engine:{engine}"})


def default_ports(count: int) -> tuple[Ports, ...]:
    """Ports of replicas 1 to `count`: 1111 to 1115, 2222 to 2226, and so on.

    Raises ValueError beyond DEFAULT_PORTS_MAX replicas.
    """
    if not 1 <= count <= DEFAULT_PORTS_MAX:
        raise ValueError(
            f"{count} replicas do not fit the default ports (1 to {DEFAULT_PORTS_MAX} do): "
            "give --base-port"
        )
    return tuple(Ports(*range(1111 * i, 1111 * i + 5)) for i in range(1, count + 1))


def based_ports(base: int, count: int) -> tuple[Ports, ...]:
    """Ports from `base` on: the client ports in a row, then four more for each replica.

    The name server takes base + 5 * count and the coordinator the next.
    Raises ValueError when that leaves the range of ports.
    """
    if count < 1 or base < 1 or base + 5 * count + 1 > _PORT_MAX:
        raise ValueError(
            f"base port {base} does not leave room for {count} replicas: "
            f"they need {5 * count + 2} ports up to {_PORT_MAX}"
        )
    return tuple(Ports(base + i, *_four(base + count + 4 * i)) for i in range(count))


def join_address(host: str, port: int) -> str:
    """Write "host:port", or "[::1]:port"; `split_address` takes it apart."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_address(address: str, default: int | None = None) -> tuple[str, int]:
    """Host and port of "host:port" or "[::1]:port". Raises ValueError.

    `default` is the port of an address that has none: "host", "::1" or "[::1]".
    """
    if default is not None and _is_alone(address):
        address = join_address(address.strip("[]"), default)
    named, _, port = address.rpartition(":")
    host = named[1:-1] if named[:1] + named[-1:] == "[]" else named
    if (
        (":" in host) != (host != named)
        or not _is_host(host)
        or not port.isdecimal()
        or not 1 <= int(port) <= _PORT_MAX
    ):
        ports = f"port from 1 to {_PORT_MAX}"
        raise ValueError(f"an address is host:port, {ports}, not {address[:80]!r}")
    return host, int(port)


def _is_host(host: str) -> bool:
    plain = host.isascii() and host.isprintable() and not any(sign in host for sign in " @/")
    return plain and 0 < len(host) < 256


def _is_alone(address: str) -> bool:
    """Whether it is a host without a port."""
    if ":" not in address or address.endswith("]"):
        return True
    try:
        return ipaddress.ip_address(address).version == 6
    except ValueError:
        return False


def _four(first: int) -> range:
    return range(first, first + 4)
