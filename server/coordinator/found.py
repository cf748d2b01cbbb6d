"""`kvrmi-cluster found`: cluster file and secret for replicas on hosts of their own, to be carried.

Rules: it makes two files and starts nothing; a folder that holds anything of a cluster is refused,
with nothing changed. The file names no disks: each replica formats its own folder, and they all
must have met before one of them votes.
"""

from __future__ import annotations

import argparse
import dataclasses
import secrets
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kvrmi.cli import USAGE, Parser, complain, folder, listed, paragraph, reason, whole
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.file import load
from kvrmi.cluster.gateways import NO_GATEWAYS, TCP_PORT, UDP_PORT, Gateways
from kvrmi.cluster.members import members
from kvrmi.cluster.naming import join_address, shared_ports, split_address
from kvrmi.remote.identity import make_secret

from ..alone import members_of
from ..engines.kinds import DEFAULT, kind_for, kind_of, replicas_of, settings_of
from ..engines.votes import ACTIVE, ALL
from . import founding
from .founding import Addresses, Impossible, Refused

DATA = Path(".kvrmi")
# In a checkout the programs are no commands of their own.
_PROGRAM = "kvrmi-" if __name__.startswith("kvrmi.") else "python -m "


def main(argv: Sequence[str]) -> int:
    """Make the two files and say what to do with them; returns the exit status."""
    given, status = _parser().parse_args(argv), 1
    try:
        cluster = found(
            given.data,
            given.hosts,
            given.base_port,
            given.engine,
            given.nameserver,
            settings_of(given.etcd_endpoints, given.votes),
            _gateways(given),
        )
    except Impossible as error:
        problem, status = str(error), USAGE
    except (ConfigError, Refused) as error:
        problem = str(error)
    except OSError as error:
        problem = reason(error)
    else:
        print(*_instructions(cluster, given.data), sep="\n")
        return 0
    complain(f"{problem}; nothing was made", "found")
    return status


def found(
    data: Path,
    hosts: Sequence[str],
    base_port: int | None,
    engine: str,
    nameserver: str | None = None,
    settings: Mapping[str, str] = {},
    gateways: Gateways = NO_GATEWAYS,
) -> Cluster:
    """Write cluster file and secret of a new cluster into `data`, replica i on host i.

    A host is HOST or HOST:PORT; without a port it has the default ones, or those from `base_port`.
    The name server runs on `nameserver`, HOST or HOST:PORT, by default on the first host.
    `settings` are the engine's, `gateways` the ports of the first replica's. The files of an equal
    cluster that are there already stay, with its id and secret. Raises ConfigError and Refused,
    Impossible where no such cluster can be, with nothing changed, and OSError.
    """
    with founding.asked_for():
        replicas_of(engine, len(hosts))
        addresses = _addresses(hosts, base_port, kind_of(engine).declared.daemons)
        addresses = addresses._replace(
            nameserver=_full(nameserver or addresses.nameserver, addresses.nameserver),
            gateways=gateways,
        )
        cluster = founding.new_cluster(addresses, engine, secrets.token_hex(8), [""] * len(hosts))
        cluster = dataclasses.replace(cluster, settings=kind_of(engine).founded(settings))
    data.mkdir(parents=True, exist_ok=True)
    there = [name for name in (founding.CONFIG, founding.SECRET) if (data / name).exists()]
    there += sorted(folder.name for folder in data.glob("replica*"))
    if _made_before(data, cluster):
        return load(data / founding.CONFIG)
    if there:
        raise Refused(
            f"{data} holds {', '.join(there)} of a cluster: choose another folder with --data"
        )
    make_secret(data / founding.SECRET)
    try:
        founding.write_cluster(data, cluster)
    except OSError:
        (data / founding.SECRET).unlink()
        raise
    return load(data / founding.CONFIG)


def _made_before(data: Path, cluster: Cluster) -> bool:
    """Whether the folder holds the two files of a cluster like this one."""
    if not (data / founding.CONFIG).exists() or not (data / founding.SECRET).exists():
        return False
    there = load(data / founding.CONFIG)
    return dataclasses.replace(there, id=cluster.id, folder=None) == cluster


def _addresses(hosts: Sequence[str], base_port: int | None, roles: Sequence[str]) -> Addresses:
    if base_port is None:
        replicas = members_of(hosts, roles)
    else:
        plain = members(len(hosts), hosts[0], base_port, roles)
        pairs = zip(plain, hosts, strict=True)
        replicas = tuple(dataclasses.replace(member, host=host) for member, host in pairs)
    host, shared = replicas[0].host, shared_ports(base_port, len(hosts), roles)
    nameserver, coordinator = (join_address(host, port) for port in shared)
    return Addresses(replicas, nameserver, coordinator, "")


def _full(nameserver: str, usual: str) -> str:
    """Give the address with its port, that of `usual` by default. Raises ConfigError."""
    try:
        return join_address(*split_address(nameserver, split_address(usual)[1]))
    except ValueError as error:
        raise ConfigError(f"name server: {error}") from None


def _instructions(cluster: Cluster, data: Path) -> Iterator[str]:
    """Say what to copy where, and what to run there."""
    folder, there = shlex.quote(str(data)), Path(data.resolve().name)
    config = shlex.quote(str(there / founding.CONFIG))
    first = cluster.members[0]
    count = f"{len(cluster.members)} replica{'s' * (len(cluster.members) > 1)}"
    yield paragraph(
        f"Cluster {cluster.id} of {count}; {folder} holds its two files, {founding.CONFIG} and "
        f"{founding.SECRET}. Whoever has the secret can give orders to it."
    )
    yield ""
    yield paragraph("1. Copy the folder to every host, so that the secret stays yours alone:")
    for host in dict.fromkeys(member.host for member in cluster.members):
        yield f"     scp -rp {folder} {shlex.quote(host)}:"
    yield ""
    yield paragraph(
        "2. On each host, beside that copy, start its replica. --format makes the replica's own "
        "folder in it, at the first start only:"
    )
    for member in cluster.members:
        yield f"     {member.host}:  {_PROGRAM}server {member.id} --config {config} --format"
    yield ""
    yield paragraph(
        "3. The cluster serves once all replicas have reached one another; after that a majority "
        "is enough. Ask any of them:"
    )
    yield f"     {_PROGRAM}client --address {join_address(first.host, first.client)} STATUS"
    nameserver, _ = split_address(cluster.nameserver)
    yield f"   For clients that look names up, also run on {nameserver}:"
    yield f"     {_PROGRAM}nameserver --config {config}"
    warning = kind_for(cluster).warning(len(cluster.members))
    if warning is not None:
        yield f"\n{warning}"


def _gateways(given: argparse.Namespace) -> Gateways:
    tcp, udp = (TCP_PORT, UDP_PORT) if given.gateways else NO_GATEWAYS
    return Gateways(given.tcp_port or tcp, given.udp_port or udp)


def _parser() -> Parser:
    parser = Parser(
        "Make the cluster file and the secret of replicas on hosts of their own.", command="found"
    )
    add = parser.add_argument
    add("--hosts", type=listed, required=True, metavar="A,B,..", help="HOST or HOST:PORT each")
    add("--data", type=folder, default=DATA, metavar="DIR", help=f"where to make them ({DATA})")
    add("--engine", default=DEFAULT, help=f"how they agree ({DEFAULT})")
    add("--etcd-endpoints", metavar="H:P,..", help="with --engine etcd: the cluster that keeps all")
    add("--votes", choices=(ALL, ACTIVE), help="with --engine 2pc: whose count (all)")
    add("--nameserver", metavar="H[:P]", help="where the name server will run (the first host)")
    add("--gateways", action="store_true", help="serve TCP and UDP too, at each replica")
    port = whole(1, 65_535)
    add("--tcp-port", type=port, metavar="P", help=f"of the TCP gateways ({TCP_PORT})")
    add("--udp-port", type=port, metavar="P", help=f"of the UDP gateways ({UDP_PORT})")
    add(
        "--base-port",
        type=port,
        metavar="P",
        help="ports from P on, as for a cluster on one host",
    )
    return parser
