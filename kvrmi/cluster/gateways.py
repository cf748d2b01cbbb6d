"""Where the gateways of a cluster listen: a port for TCP and one for UDP, at each replica.

Rule: a replica has the port after that of the one before it on the same host, so that each can be
found by counting. It opens no port.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .checks import ConfigError
from .members import Member

__all__ = ["NO_GATEWAYS", "TCP_PORT", "UDP_PORT", "Gateways"]

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
            if port and not 1 <= port <= _PORT_MAX - len(members) + 1:
                raise ConfigError(
                    f"gateways: {name} leaves no room for {len(members)} ports: {port}"
                )

    def of(self, members: Sequence[Member], replica: int) -> Gateways:
        """Return the ports of one replica, whose id is from 1."""
        host = members[replica - 1].host
        before = sum(one.host == host for one in members[: replica - 1])
        return Gateways(*(port and port + before for port in self))


NO_GATEWAYS = Gateways()
