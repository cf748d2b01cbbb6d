"""Names and ports: what a remote object is called and where it listens by default.

Rule: a name or a port is made here and nowhere else, so that scripts in other languages can rely
on them. It opens no port and knows no cluster.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "ADMIN",
    "CLIENT",
    "COORDINATOR",
    "COORDINATOR_PORT",
    "DEFAULT_PORTS_MAX",
    "NAMESERVER",
    "NAMESERVER_PORT",
    "admin",
    "based_ports",
    "client_port",
    "default_ports",
    "is_alone",
    "is_client",
    "join_address",
    "kvstore",
    "ports_from",
    "ports_in_all",
    "role",
    "shared_ports",
    "split_address",
    "tags",
    "unknown_replica",
]

CLIENT = "client"
ADMIN = "admin"
"""What listens at every replica, whatever its roles are."""
COORDINATOR = "kvrmi.coordinator"
NAMESERVER = "Pyro.NameServer"
NAMESERVER_PORT = 9090
COORDINATOR_PORT = 9091
DEFAULT_PORTS_MAX = 8
"""Replicas that the default ports suffice for: the ninth would reach into the name server's."""
_PORT_MAX = 65_535
_PORTS_MIN = 5
"""So many ports a replica has at least, whether it uses all or not."""
_CLIENT = re.compile(r"[A-Za-z0-9._-]{1,30}")


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


def client_port(replica: int) -> int:
    """Return where clients find a replica by default. Raises ValueError for one too many."""
    if not 1 <= replica <= DEFAULT_PORTS_MAX:
        raise ValueError(
            f"{replica} replicas do not fit the default ports (1 to {DEFAULT_PORTS_MAX} do): "
            "give --base-port"
        )
    return 1111 * replica


def ports_from(client: int, roles: Sequence[str]) -> Mapping[str, int]:
    """Ports of a replica whose clients' port is given, in a row: 1111 to 1115 for three roles."""
    return _named(roles, client, client + 1)


def default_ports(count: int, roles: Sequence[str] = ()) -> tuple[Mapping[str, int], ...]:
    """Ports of replicas 1 to `count`: 1111 to 1115, 2222 to 2226, and so on.

    Raises ValueError beyond DEFAULT_PORTS_MAX replicas.
    """
    client_port(count)
    return tuple(ports_from(client_port(i), roles) for i in range(1, count + 1))


def based_ports(base: int, count: int, roles: Sequence[str] = ()) -> tuple[Mapping[str, int], ...]:
    """Ports from `base` on: the client ports in a row, then the others of each replica.

    Raises ValueError when that leaves the range of ports.
    """
    needed = ports_in_all(count, roles)
    if count < 1 or base < 1 or base + needed - 1 > _PORT_MAX:
        raise ValueError(
            f"base port {base} does not leave room for {count} replicas: "
            f"they need {needed} ports up to {_PORT_MAX}"
        )
    others = _ports_each(roles) - 1
    return tuple(_named(roles, base + i, base + count + others * i) for i in range(count))


def shared_ports(base: int | None, count: int, roles: Sequence[str] = ()) -> tuple[int, int]:
    """Ports of name server and coordinator: the default ones, or the two after the replicas'."""
    if base is None:
        return NAMESERVER_PORT, COORDINATOR_PORT
    first = base + ports_in_all(count, roles) - 2
    return first, first + 1


def ports_in_all(count: int, roles: Sequence[str] = ()) -> int:
    """How many ports a cluster takes: those of its replicas, and the two that they share."""
    return count * _ports_each(roles) + 2


def _ports_each(roles: Sequence[str]) -> int:
    # Five at least: what all replicas share stands where scripts expect it, whatever the engine.
    return max(_PORTS_MIN, len(roles) + 2)


def _named(roles: Sequence[str], client: int, first: int) -> Mapping[str, int]:
    """Name the ports of a replica: the roles have those from `first` on, admin the last of all."""
    last = first + _ports_each(roles) - 2
    return {CLIENT: client, **dict(zip(roles, range(first, last), strict=False)), ADMIN: last}


def join_address(host: str, port: int) -> str:
    """Write "host:port", or "[::1]:port"; `split_address` takes it apart."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_address(address: str, default: int | None = None) -> tuple[str, int]:
    """Host and port of "host:port" or "[::1]:port". Raises ValueError.

    `default` is the port of an address that has none: "host", "::1" or "[::1]".
    """
    if default is not None and address and is_alone(address):
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


def is_alone(address: str) -> bool:
    """Whether it is a host without a port."""
    if ":" not in address or address.endswith("]"):
        return True
    try:
        return ipaddress.ip_address(address).version == 6
    except ValueError:
        return False
