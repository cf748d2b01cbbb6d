"""Where a replica listens besides its objects: gateways for TCP and for UDP, and metrics.

Rule: a replica has the port after that of the one before it on the same host, so that each can be
found by counting. It opens no port.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .checks import ConfigError
from .members import Member

__all__ = ["NO_GATEWAYS", "TCP_PORT", "UDP_PORT", "Gateways", "check_room", "counted_on"]

TCP_PORT = 6380
UDP_PORT = 5555
_PORT_MAX = 65_535


class Gateways(NamedTuple):
    """Ports of the first replica of each host; 0: that gateway is not opened."""

    tcp: int = 0
    udp: int = 0

    def check(self, members: Sequence[Member]) -> None:
        """Refuse ports that cannot be. Raises ConfigError."""
        for name, port in self._asdict().items():
            check_room(f"gateways: {name}", port, members)

    def of(self, members: Sequence[Member], replica: int) -> Gateways:
        """Return the ports of one replica, whose id is from 1."""
        return Gateways(*(counted_on(port, members, replica) for port in self))


NO_GATEWAYS = Gateways()


def check_room(name: str, port: int, members: Sequence[Member]) -> None:
    """Refuse a port from which there are not enough for all; 0 is none. Raises ConfigError."""
    if type(port) is not int or (port and not 1 <= port <= _PORT_MAX - len(members) + 1):
        raise ConfigError(f"{name} leaves no room for {len(members)} ports: {port!r}")


def counted_on(port: int, members: Sequence[Member], replica: int) -> int:
    """Return a replica's port, of that of the first one of its host; 0 stays 0."""
    host = members[replica - 1].host
    before = sum(one.host == host for one in members[: replica - 1])
    return port and port + before
