"""The data folder of a cluster: founded once, continued ever after.

Rules: a folder that holds a cluster is never founded again; the cluster file is written last, so
whatever lacks it was never part of a vote; nothing that a replica ran on is touched. The members of
a cluster do not change: a file that lists others than the disks know is refused.
It starts no process and opens no port for good.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from socket import SOCK_DGRAM, SOCK_STREAM

from kvrmi.cli import started_as
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.file import dump, load
from kvrmi.cluster.gateways import counted_on
from kvrmi.cluster.naming import (
    CLIENT,
    split_address,
)
from kvrmi.cluster.quorum import spare
from kvrmi.cluster.timing import Timing
from kvrmi.remote.identity import make_secret
from kvrmi.storage.durable import sync_folder

from .. import pidlock, ports
from ..admission import check_members
from ..engines.kinds import DEFAULT, OPTIONS, kind_for, kind_of, refuse_others, replicas_of
from ..folder import FolderRefused, check_owner, format_folder, recorded, refuse_within
from . import folders, locks
from .addresses import HOST, addresses_of, asked, with_disks
from .addresses import Addresses as Addresses
from .addresses import Wish as Wish
from .addresses import addresses_for as addresses_for
from .folders import CONFIG as CONFIG
from .launch import lacks

SECRET = "secret"
HELD = "held"
"""Names the replicas that are left down on purpose."""
VIEW = "view"
"""The last view that the coordinator made, where the engine has views."""
LOG_REQUESTS = "--log-requests"
"""A flag that each replica is started with, and no file keeps."""
FOUNDING = "founding"
"""Stands in the data folder while it is being founded."""


class Refused(Exception):
    """The cluster cannot be started; the text is one line that says why and what to do."""


class Impossible(Refused):
    """What was asked for can be no cluster at all: the command line is wrong."""


@contextlib.contextmanager
def asked_for() -> Iterator[None]:
    """Call it Impossible, what a ConfigError in the block is about: it was asked for."""
    try:
        yield
    except ConfigError as error:
        raise Impossible(str(error)) from error


def prepare(wish: Wish, say: Callable[[str], None] = lambda line: None) -> tuple[Cluster, bool]:
    """Found the cluster in `wish.data` or continue the one there; whether it is new.

    `say` hears what was put aside. Raises Refused, with nothing changed, and OSError from the disk.
    """
    wish.data.mkdir(parents=True, exist_ok=True)
    try:
        if (wish.data / CONFIG).exists():
            return _continue(wish), False
        refuse_within(wish.data)
        return _found(wish, say), True
    except (ConfigError, FolderRefused) as error:
        raise Refused(str(error)) from error


def make(
    data: Path,
    addresses: Addresses,
    engine: str,
    fill: Callable[[Path], None] = lambda folder: None,
    settings: Mapping[str, str] = {},
) -> Cluster:
    """Format the folders of a new cluster and write its file. Raises as `prepare`.

    `fill` puts into each formatted folder what it shall hold from the beginning. Until the cluster
    file is there, the marker says that nothing in the folders has ever been part of a vote.
    """
    (data / FOUNDING).touch()
    (data / VIEW).unlink(missing_ok=True)  # of a cluster that was here before
    sync_folder(data)
    identity = secrets.token_hex(8)
    if not (data / SECRET).exists():
        make_secret(data / SECRET)
    disks, declared = [], kind_of(engine).declared
    for member in addresses.members:
        folder = folders.of(data, member.id)
        disk = format_folder(folder.resolve(), declared, identity, member.id, recovering=False)
        disks.append(disk)
        fill(folder)
    cluster = new_cluster(addresses, engine, identity, disks)
    write_cluster(data, dataclasses.replace(cluster, settings=settings))
    _end_founding(data)
    return load(data / CONFIG)


def refuse_new(wish: Wish) -> None:
    """Refuse a new cluster that cannot be, or not now; nothing is made. Raises Refused."""
    if not (wish.data / CONFIG).exists():
        refuse_orphans(wish.data)
        _refuse_busy(wish.data, _chosen(wish)[0])


def _found(wish: Wish, say: Callable[[str], None]) -> Cluster:
    addresses, settings = _chosen(wish)
    _refuse_busy(wish.data, addresses)
    _clear_unfinished(wish.data, say)
    return make(wish.data, addresses, wish.engine or DEFAULT, settings=settings)


def _chosen(wish: Wish) -> tuple[Addresses, Mapping[str, str]]:
    """Choose what a new cluster has: its addresses, and its engine's settings."""
    with asked_for():
        engine = wish.engine or DEFAULT
        addresses = addresses_for(wish, replicas_of(engine, wish.replicas))
        # Made only to be refused, before anything is on the disk, if its ports do not fit together.
        new_cluster(addresses, engine, "new", [""] * len(addresses.members))
        return addresses, kind_of(engine).founded(wish.settings, partial(free_beside, addresses))


def free_beside(addresses: Addresses, many: int) -> int:
    """Draw `many` free ports in a row that are none of the cluster's; the first. Raises OSError."""
    return ports.free_block(HOST, many, random.Random(), apart=addresses.ports)


def _continue(wish: Wish) -> Cluster:
    cluster = _load(wish.data)
    if not any(member.disk for member in cluster.members):
        raise Refused(
            f"{wish.data / CONFIG} is of a cluster whose replicas are on hosts of their own, no "
            f"coordinator runs it: start each with kvrmi-server ID --config {wish.data / CONFIG}"
        )
    if wish.replicas not in (None, len(cluster.members)):
        raise Refused(
            f"{wish.data} holds a cluster of {len(cluster.members)} replicas: "
            f"leave out --replicas, or choose another folder with --data"
        )
    if wish.engine not in (None, cluster.engine):
        raise Refused(
            f"{wish.data} holds a cluster whose engine is {cluster.engine}: "
            "leave out --engine, or choose another folder with --data"
        )
    with asked_for():
        refuse_others(cluster.engine, wish.settings)
    if not wish.settings.items() <= cluster.settings.items():
        raise Refused(
            f"{wish.data / CONFIG} has other settings in its table [{cluster.engine}]: edit it "
            "while nothing runs, or leave them out"
        )
    running = {one for one in cluster.ids if _runs(wish.data, one)}
    if _logs_not(wish, cluster):
        raise Refused(
            f"replicas in {wish.data} are running and were started without {LOG_REQUESTS}: leave "
            "it out, or stop them first"
        )
    _refuse_other_disks(wish.data, cluster, running)
    _refuse_lost_majority(wish.data, cluster, running)
    _end_founding(wish.data)
    with asked_for():
        addresses = asked(wish, cluster, free_ports=wish.ephemeral and not running)
    if addresses != addresses_of(cluster):
        if running:
            raise Refused(
                f"the cluster in {wish.data} is running, so its addresses cannot change: leave "
                f"out {', '.join(wish.places)}, or stop it first"
            )
        cluster = _move(wish, cluster, addresses)
    _refuse_busy(wish.data, addresses_of(cluster))
    return cluster


def unchanged(wish: Wish, runs: str) -> Cluster:
    """Return the cluster that a coordinator runs already if it is what is wished for.

    `runs` says that one does. Raises Refused if the wish is another.
    """
    try:
        cluster = _load(wish.data)
        with asked_for():
            refuse_others(cluster.engine, wish.settings)
            same = asked(wish, cluster, free_ports=False) == addresses_of(cluster)
    except Impossible as error:
        raise Impossible(f"{runs}: {error}") from error
    except ConfigError as error:
        raise Refused(f"{runs}: {error}") from error
    changing = [] if same else wish.places
    changing += ["--replicas"] * (wish.replicas not in (None, len(cluster.members)))
    changing += ["--engine"] * (wish.engine not in (None, cluster.engine))
    others = wish.settings.items() - cluster.settings.items()
    changing += [OPTIONS[name][0] for name, _ in others]
    changing += [LOG_REQUESTS] * _logs_not(wish, cluster)
    if changing:
        raise Refused(
            f"{runs}, which {', '.join(changing)} would change: stop it first, or choose another "
            "folder with --data"
        )
    return cluster


def _logs_not(wish: Wish, cluster: Cluster) -> bool:
    """Whether requests shall be logged, and a replica that runs does not."""
    return wish.log_requests and lacks(wish.data, cluster.ids, LOG_REQUESTS)


def _load(data: Path) -> Cluster:
    """Read the cluster file. Raises ConfigError, also for an engine that is not there yet."""
    cluster = load(data / CONFIG)
    kind_for(cluster)
    return cluster


def _refuse_other_disks(data: Path, cluster: Cluster, running: set[int]) -> None:
    """Refuse a cluster file that is not that of the disks, or lists others than have folders."""
    declared = kind_of(cluster.engine).declared
    for member in cluster.members:
        if member.id not in running:
            folder = folders.of(data, member.id)
            known = recorded(folder, declared)
            if known is not None:
                check_owner(folder, known, cluster.id, member.id)
                check_members(cluster, member.id, known.members)
    listed = {folders.of(data, member.id).name for member in cluster.members}
    others = {one.name for one in folders.named(data)} - listed
    if others:
        raise Refused(
            f"{data} holds {', '.join(sorted(others))}, which {CONFIG} does not list: put the "
            "former file back; the members of a cluster cannot change"
        )


def _refuse_lost_majority(data: Path, cluster: Cluster, running: set[int]) -> None:
    problems = {one: _trouble(cluster, data, one) for one in cluster.ids if one not in running}
    lost = {one: problem for one, problem in problems.items() if problem is not None}
    if len(lost) > spare(len(cluster.ids)):
        raise Refused(
            f"replicas {', '.join(map(str, lost))} have no disk, a majority cannot be trusted any "
            f"more ({'; '.join(lost.values())}): put the folders back, or make a new cluster from "
            "the best copy with kvrmi-cluster recover --from FOLDER --data NEW"
        )


def _trouble(cluster: Cluster, data: Path, replica: int) -> str | None:
    try:
        return folders.loss(cluster, data, replica)
    except folders.Unusable as error:
        return str(error)


def _end_founding(data: Path) -> None:
    """Remove the marker, durably: it must not outlive the founding, and stand beside votes."""
    (data / FOUNDING).unlink(missing_ok=True)
    sync_folder(data)


def _move(wish: Wish, cluster: Cluster, addresses: Addresses) -> Cluster:
    """Give a cluster that is down other addresses; its disks keep their identity."""
    disks = [member.disk for member in cluster.members]
    moved = dataclasses.replace(
        cluster,
        nameserver=addresses.nameserver,
        coordinator=addresses.coordinator,
        listen=addresses.listen,
        gateways=addresses.gateways,
        metrics_port=addresses.metrics,
        members=with_disks(addresses.members, disks),
    )
    _refuse_busy(wish.data, addresses)  # what cannot be used must not be written down
    write_cluster(wish.data, moved)
    return moved


def _refuse_busy(data: Path, addresses: Addresses) -> None:
    for host, port, owner, kind in _listeners(data, addresses):
        try:
            free = ports.is_free(host, port, kind)
        except OSError as error:
            raise Refused(f"cannot listen on {host}, port {port}: {error.strerror}") from error
        if not free:
            raise Refused(
                f"port {port} on {host} ({owner}) is already in use: stop what uses it, "
                "or choose other ports with --base-port P or --ephemeral"
            )


def _listeners(data: Path, addresses: Addresses) -> Iterator[tuple[str, int, str, int]]:
    """Every address that must be free: what of this cluster still runs has its own."""
    for host, port, owner in _owners(data, addresses):
        yield addresses.listen or host, port, owner, SOCK_STREAM
    for member in addresses.members:
        if not _runs(data, member.id):
            host = addresses.listen or member.host
            tcp, udp = addresses.gateways.of(addresses.members, member.id)
            metrics = counted_on(addresses.metrics, addresses.members, member.id)
            if tcp:
                yield host, tcp, f"TCP gateway of replica {member.id}", SOCK_STREAM
            if udp:
                yield host, udp, f"UDP gateway of replica {member.id}", SOCK_DGRAM
            if metrics:
                yield host, metrics, f"metrics of replica {member.id}", SOCK_STREAM


def _owners(data: Path, addresses: Addresses) -> Iterator[tuple[str, int, str]]:
    if pidlock.holder(data / locks.NAMESERVER) is None:
        yield *split_address(addresses.nameserver), "name server"
    yield *split_address(addresses.coordinator), "coordinator"
    for member in addresses.members:
        if not _runs(data, member.id):
            for name, port in member.ports.items():
                owner = f"replica {member.id}"
                yield member.host, port, owner if name == CLIENT else f"{name} of {owner}"


def _runs(data: Path, replica: int) -> bool:
    return any(pidlock.holder(lock) is not None for lock in locks.of_replica(data, replica))


def new_cluster(addresses: Addresses, engine: str, identity: str, disks: Sequence[str]) -> Cluster:
    """Describe a new cluster; `disks` are "" while nobody has formatted them."""
    return Cluster(
        name="kvrmi",
        id=identity,
        engine=engine,
        nameserver=addresses.nameserver,
        coordinator=addresses.coordinator,
        members=with_disks(addresses.members, disks),
        timing=Timing(),
        folder=None,
        listen=addresses.listen,
        gateways=addresses.gateways,
        metrics_port=addresses.metrics,
    )


def write_cluster(data: Path, cluster: Cluster) -> None:
    """Write the cluster file, whole or not at all. Raises OSError."""
    draft = data / f"{CONFIG}.new"
    with draft.open("w", encoding="utf-8") as file:
        file.write(dump(cluster))
        file.flush()
        os.fchmod(file.fileno(), 0o644)  # it holds no secret, and clients of others read it
        os.fsync(file.fileno())
    draft.replace(data / CONFIG)
    sync_folder(data)


def refuse_orphans(data: Path) -> None:
    """Refuse a folder with replicas that ran and no cluster file. Raises Refused."""
    filled = _filled(data)
    unfinished = (data / FOUNDING).exists() and not any(map(folders.has_run, filled))
    # The file is looked for last: a founding that goes on meanwhile has written it by now.
    if filled and not unfinished and not (data / CONFIG).exists():
        running = locks.running(data)
        if running:
            raise Refused(
                f"{data} holds no {CONFIG} any more, and here run {', '.join(running)}: put that "
                f"file back, or end them with {started_as('stop')} --data {data}"
            )
        raise Refused(
            f"{data} holds replica folders but no {CONFIG}: put that file back, or found a new "
            "cluster elsewhere with --data; replicas that were started with --address and --peers "
            "have no such file, start each so again with kvrmi-server"
        )


def _filled(data: Path) -> list[Path]:
    return [folder for folder in folders.named(data) if folders.is_filled(folder)]


def _clear_unfinished(data: Path, say: Callable[[str], None]) -> None:
    """Put aside what a founding left that was cut short, while no replica has run on any of it."""
    refuse_orphans(data)
    for folder in _filled(data):
        say(f"{folder}, from a founding cut short, is now {folders.put_aside(folder).name}")
    if (data / FOUNDING).exists():
        (data / SECRET).unlink(missing_ok=True)
