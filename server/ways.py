"""Which gateways a replica opens, and where: its flags, and the cluster file's [gateways].

Rules: a flag counts before the file; without either nothing is opened, and nothing of a gateway is
loaded. It serves nobody itself.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from kvrmi import __version__, cli
from kvrmi.cluster.gateways import TCP_PORT, UDP_PORT, Gateways

from .endpoint import Endpoint

if TYPE_CHECKING:
    from .replica import Replica

__all__ = ["add_flags", "gateways", "ports"]


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what a replica's command line says of gateways."""
    port = cli.whole(1, 65_535)
    parser.add_argument(
        "--gateways",
        action="store_true",
        help=f"serve redis clients over TCP ({TCP_PORT}) and datagrams over UDP ({UDP_PORT}); "
        "each further replica of a host has the next ports",
    )
    parser.add_argument("--tcp-port", type=port, metavar="P", help="serve redis clients on port P")
    parser.add_argument("--udp-port", type=port, metavar="P", help="serve datagrams on port P")
    parser.add_argument(
        "--log-requests", action="store_true", help="log each request of clients and its reply"
    )


def ports(replica: Replica, options: argparse.Namespace) -> Gateways:
    """Work out the ports of a replica's gateways."""
    cluster = replica.cluster
    wished = cluster.gateways
    if options.gateways:
        wished = Gateways(wished.tcp or TCP_PORT, wished.udp or UDP_PORT)
    own = wished.of(cluster.members, replica.me)
    return Gateways(options.tcp_port or own.tcp, options.udp_port or own.udp)


def gateways(replica: Replica, options: argparse.Namespace) -> list[Endpoint]:
    """Make a replica's gateways; nothing listens before it does."""
    made: list[Endpoint] = []
    tcp, udp = ports(replica, options)
    if not tcp and not udp:
        return made
    from .gateways.tcp import TcpGateway  # for those who ask for it
    from .gateways.udp import UdpGateway

    host = replica.cluster.listens_on(replica.member.host)
    common = replica.reactor, replica.intake, _about(replica)
    if tcp:
        made.append(TcpGateway(host, tcp, *common, log_requests=options.log_requests))
    if udp:
        made.append(UdpGateway(host, udp, *common, log_requests=options.log_requests))
    return made


def _about(replica: Replica) -> Callable[[], dict[str, object]]:
    """Make what INFO lists."""

    def about() -> dict[str, object]:
        return {
            "kvrmi_version": __version__,
            "engine": replica.cluster.engine,
            "cluster": replica.cluster.id,
            "replica": replica.me,
            "leader": replica.engine.leader or "none",
            "uptime_in_seconds": int(time.monotonic() - replica.began),
            "connected_clients": sum(one.connections for one in replica.endpoints),
        }

    return about
