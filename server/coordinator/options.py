"""The command line of the coordinator, checked.

Rule: what is wrong is reported in one line before anything is started. It starts nothing itself.
"""

from __future__ import annotations

import argparse
import ipaddress
import math
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kvrmi.cli import Parser, folder, whole
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.gateways import TCP_PORT, UDP_PORT

from ..engines.kinds import DEFAULT, REPLICAS, kind_of, refuse_others, replicas_of, settings_of
from ..engines.votes import ACTIVE, ALL
from . import chaos
from .event import ScriptedEvent

DEMO_DOWN_AFTER = 8.0
DEMO_BACK_AFTER = 6.0
"""Seconds of load before the leader is killed in the demo, and until it is back."""

_EPILOG = (
    "Sub-commands, each with --help: stop ends a running cluster, found makes the files of a "
    "cluster on several hosts, "
    "recover makes a new cluster of what is left of one that lost its majority."
)


class Options(NamedTuple):
    """A checked command line; None where nothing was given."""

    data: Path | None
    replicas: int | None
    engine: str | None
    host: str | None
    advertise: str | None
    base_port: int | None
    ephemeral: bool
    demo: bool
    event: ScriptedEvent | None
    seed: int | None
    plain: bool
    keep: bool = False
    gateways: bool = False
    metrics_port: int | None = None
    tcp_port: int | None = None
    udp_port: int | None = None
    log_requests: bool = False
    chaos: Sequence[str] | None = None
    """What the nemesis is given; None: there is none."""
    settings: Mapping[str, str] = {}
    """Of the engine."""

    @property
    def temporary(self) -> bool:
        """Whether the cluster's folder is made for this run alone."""
        return self.ephemeral and self.data is None


def parse(argv: Sequence[str] | None) -> Options:
    """Read the command line; ends the program with status 2 and one line if it is wrong."""
    parser = _parser()
    given = parser.parse_args(argv)
    problem = _problem(given)
    if problem is not None:
        parser.error(problem)
    return Options(
        data=given.data,
        replicas=given.replicas,
        engine=given.engine,
        host=given.host,
        advertise=given.advertise,
        base_port=given.base_port,
        ephemeral=given.ephemeral,
        demo=given.demo,
        event=_event(given),
        seed=given.seed,
        plain=given.plain,
        keep=given.keep,
        gateways=given.gateways,
        metrics_port=given.metrics_port,
        tcp_port=given.tcp_port,
        udp_port=given.udp_port,
        log_requests=given.log_requests,
        chaos=chaos.words(given),
        settings=settings_of(given.etcd_endpoints, given.votes),
    )


def _parser() -> Parser:
    parser = Parser(
        "Run a cluster of replicas on this machine; Ctrl-C stops all of it.", epilog=_EPILOG
    )
    add = parser.add_argument
    add(
        "--replicas",
        type=whole(1, 99),
        metavar="N",
        help=f"how many replicas ({REPLICAS}; with --engine single 1, etcd 2)",
    )
    add("--engine", help=f"how they agree ({DEFAULT})")
    add("--etcd-endpoints", metavar="H:P,..", help="with --engine etcd: an existing cluster")
    add("--votes", choices=(ALL, ACTIVE), help="with --engine 2pc: whose count (all)")
    add("--data", type=folder, metavar="DIR", help="the cluster's folder (.kvrmi)")
    add(
        "--base-port",
        type=whole(1, 65_535),
        metavar="P",
        help="client ports from P on, the rest above",
    )
    add("--ephemeral", action="store_true", help="use free ports and a temporary folder")
    add("--keep", action="store_true", help="keep the temporary folder, which is removed otherwise")
    add("--host", metavar="H", help="address to listen on (127.0.0.1)")
    add("--advertise", metavar="H", help="the host that others connect to (that of --host)")
    port = whole(1, 65_535)
    add(
        "--gateways",
        action="store_true",
        help="serve redis clients over TCP, and datagrams over UDP, at each replica",
    )
    add("--tcp-port", type=port, metavar="P", help=f"of replica 1; others count on ({TCP_PORT})")
    add("--udp-port", type=port, metavar="P", help=f"of replica 1; others count on ({UDP_PORT})")
    add("--log-requests", action="store_true", help="log each request of clients and its reply")
    add(
        "--metrics-port",
        type=port,
        metavar="P",
        help="serve metrics over HTTP: of replica 1 on port P, others count on",
    )
    add("--demo", action="store_true", help="show failures and recovery, check them, report")
    add("--down-after", type=_seconds, metavar="S", help="kill a replica after S seconds")
    add("--back-after", type=_seconds, metavar="S", help="start it again S seconds later")
    add("--victim", type=whole(1, 99), metavar="N", help="the replica to kill (the leader)")
    chaos.add_flags(parser)
    add("--seed", type=int, metavar="N", help="repeat the random moments of demo or chaos")
    add("--plain", action="store_true", help="no colours and no live display")
    return parser


def _problem(given: argparse.Namespace) -> str | None:
    try:
        count = replicas_of(given.engine or DEFAULT, given.replicas)
        if given.engine is not None:
            refuse_others(given.engine, settings_of(given.etcd_endpoints, given.votes))
    except ConfigError as error:
        return str(error)
    if given.keep and (given.data is not None or not given.ephemeral):
        return "--keep is for the temporary folder of --ephemeral: any other folder is kept anyway"
    return (
        _host_problem(given.host, given.advertise)
        or _event_problem(given, count)
        or chaos.problem(given, count)
    )


def _host_problem(host: str | None, advertise: str | None) -> str | None:
    if advertise is not None and _is_every(advertise):
        return f"--advertise {advertise}: give one name or address of this machine, to connect to"
    if advertise is not None and not _is_known(advertise):
        return f"--advertise {advertise}: this machine knows no address of that name"
    if host is not None and advertise is None and _is_every(host):
        return (
            f"--host {host} listens on every address of this machine: also give "
            "--advertise H, the one name or address that clients and replicas connect to"
        )
    return None


def _is_every(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False  # a name


def _is_known(host: str) -> bool:
    try:
        return bool(socket.getaddrinfo(host, None))
    except (OSError, UnicodeError):  # unknown, or no name at all
        return False


def _event_problem(given: argparse.Namespace, count: int) -> str | None:
    if (given.down_after is None) != (given.back_after is None):
        return "--down-after and --back-after belong together"
    if given.victim is not None and given.down_after is None and not given.demo:
        return "--victim needs --down-after and --back-after, or --demo"
    if given.seed is not None and not given.demo and given.chaos is None:
        return "--seed needs --demo or --chaos"
    if given.victim is not None and given.victim > count:
        return f"--victim {given.victim}: there are only {count} replicas"
    if given.demo and count < 3:
        return "--demo needs at least three replicas, so that one may fail"
    engine = given.engine or DEFAULT
    if given.demo and not kind_of(engine).demo:
        return f"--demo shows how replicas that agree fail, and engine {engine} has none"
    return None


def _event(given: argparse.Namespace) -> ScriptedEvent | None:
    if given.down_after is not None:
        return ScriptedEvent(given.down_after, given.back_after, given.victim)
    return ScriptedEvent(DEMO_DOWN_AFTER, DEMO_BACK_AFTER, given.victim) if given.demo else None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return seconds
