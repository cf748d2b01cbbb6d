"""Who the replicas of a cluster are: ids, hosts, ports by name, disks.

Rule: which roles listen is data, from the engine's declaration or from the cluster file; no role is
named here. It opens no port.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from .checks import ConfigError, check_address, check_word
from .naming import ADMIN, CLIENT, based_ports, default_ports, join_address
from .quorum import spare

__all__ = ["Member", "members", "quorum_warning"]


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A replica of the cluster: id from 1, host, TCP ports by name, and the id of its disk."""

    id: int
    host: str
    ports: Mapping[str, int]
    """Of clients, of each role that listens, and of the admin object."""
    disk: str = ""
    """Drawn when its folder was formatted; empty while that is unknown."""

    def __post_init__(self) -> None:
        """Refuse a host or a port that cannot be one. Raises ConfigError."""
        if type(self.id) is not int or self.id < 1:
            raise ConfigError(f"replica id is not a whole number from 1: {self.id!r}")
        missing = [name for name in (CLIENT, ADMIN) if name not in self.ports]
        if missing:
            raise ConfigError(f"replica {self.id}: {', '.join(missing)} missing")
        for name, port in self.ports.items():
            if type(port) is not int:
                raise ConfigError(f"replica {self.id}: {name} is not a whole number: {port!r}")
        for address in self.addresses:
            check_address(address, f"replica {self.id}")
        if self.disk:
            check_word(self.disk, f"replica {self.id}: disk")

    @property
    def client(self) -> int:
        """Port on which clients find it."""
        return self.ports[CLIENT]

    @property
    def admin(self) -> int:
        """Port of its admin object."""
        return self.ports[ADMIN]

    @property
    def roles(self) -> tuple[str, ...]:
        """Names of the roles that listen."""
        return tuple(name for name in self.ports if name not in (CLIENT, ADMIN))

    @property
    def addresses(self) -> Iterator[str]:
        """Every "host:port" at which it listens."""
        return (join_address(self.host, port) for port in self.ports.values())


def members(
    count: int, host: str, base_port: int | None, roles: Sequence[str] = ()
) -> tuple[Member, ...]:
    """Replicas 1 to `count`, unformatted, on the default ports or from `base_port` on.

    `roles`: those that listen, in the order of their ports. Raises ConfigError when the ports do
    not suffice.
    """
    try:
        if base_port is None:
            ports = default_ports(count, roles)
        else:
            ports = based_ports(base_port, count, roles)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return tuple(Member(i, host, each) for i, each in enumerate(ports, start=1))


def quorum_warning(count: int) -> str | None:
    """One line when one replica fewer would survive as many failures; else None."""
    if count % 2:
        return None
    return (
        f"{count} replicas survive the failure of {spare(count)}, as {count - 1} do: "
        "an odd number is better"
    )
