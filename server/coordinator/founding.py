"""The data folder of a cluster: founded once, continued ever after.

Rules: a folder that holds a cluster is never founded again; the cluster file is written last, so
whatever lacks it was never part of a vote. A missing replica folder of a founded cluster is a lost
disk: it is formatted as recovering, and only while a majority still has its own.
It starts no process and opens no port for good.
"""

from __future__ import annotations

import dataclasses
import os
import random
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from kvrmi.config import Cluster, ConfigError, Member, Timing, dump, load, members
from kvrmi.naming import (
    COORDINATOR_PORT,
    NAMESERVER_PORT,
    ROLES,
    join_address,
    split_address,
)
from kvrmi.remote.identity import make_secret

from .. import pidlock
from ..store import FolderRefused, format_folder
from . import ports

CONFIG = "cluster.toml"
SECRET = "secret"
NAMESERVER_LOCK = "nameserver.lock"
HOST = "127.0.0.1"
FOUNDING = "founding"
"""Stands in the data folder while it is being founded."""


class Refused(Exception):
    """The cluster cannot be started; the text is one line that says why and what to do."""


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


def prepare(wish: Wish) -> tuple[Cluster, bool]:
    """Found the cluster in `wish.data` or continue the one there; whether it is new.

    Raises Refused, with nothing changed, and OSError from the disk.
    """
    wish.data.mkdir(parents=True, exist_ok=True)
    try:
        if (wish.data / CONFIG).exists():
            return _continue(wish), False
        return _found(wish), True
    except (ConfigError, FolderRefused) as error:
        raise Refused(str(error)) from error


def recover(cluster: Cluster, data: Path, replica: int) -> None:
    """Give a replica that lost its disk a new folder to recover in; the old one is kept aside."""
    folder = data / f"replica{replica}"
    if folder.exists():
        folder.rename(_aside(folder))
    format_folder(folder, cluster.id, replica, recovering=True)


def spare(cluster: Cluster) -> int:
    """How many replicas may have lost their disk at once: the rest must be a majority."""
    return len(cluster.ids) - cluster.quorum


def _found(wish: Wish) -> Cluster:
    addresses = _addresses(wish, wish.replicas or 5)
    _refuse_busy(wish.data, addresses)
    _clear_unfinished(wish.data)
    identity = secrets.token_hex(8)
    folders = [wish.data / f"replica{member.id}" for member in addresses.members]
    (wish.data / FOUNDING).touch()
    if not (wish.data / SECRET).exists():
        make_secret(wish.data / SECRET)
    disks = [
        format_folder(folder, identity, number, recovering=False)
        for number, folder in enumerate(folders, start=1)
    ]
    cluster = new_cluster(addresses, identity, disks)
    write_cluster(wish.data, cluster)
    (wish.data / FOUNDING).unlink()
    return load(wish.data / CONFIG)


def _continue(wish: Wish) -> Cluster:
    cluster = load(wish.data / CONFIG)
    if wish.replicas not in (None, len(cluster.members)):
        raise Refused(
            f"{wish.data} holds a cluster of {len(cluster.members)} replicas: "
            f"leave out --replicas, or choose another folder with --data"
        )
    lost = [one.id for one in cluster.members if not is_formatted(wish.data, one.id)]
    if len(lost) > spare(cluster):
        raise Refused(
            f"the folders of replicas {', '.join(map(str, lost))} in {wish.data} are missing, a "
            "majority cannot be trusted any more: put them back, or found a new cluster elsewhere"
        )
    runs = any(_runs(wish.data, member.id) for member in cluster.members)
    if (wish.base_port, wish.host, wish.advertise) != (None, None, None):
        if runs:
            raise Refused(
                f"the cluster in {wish.data} is running: its addresses cannot change, "
                "leave out --host, --advertise and --base-port"
            )
        cluster = _move(wish, cluster)
    elif wish.ephemeral and not runs:
        cluster = _move(wish, cluster)
    _refuse_busy(wish.data, _addresses_of(cluster))
    for replica in lost:
        recover(cluster, wish.data, replica)
    return cluster


class Addresses(NamedTuple):
    """Where everything of a cluster is found, and the host it listens on if that is another."""

    members: tuple[Member, ...]
    nameserver: str
    coordinator: str
    listen: str


def _addresses_of(cluster: Cluster) -> Addresses:
    return Addresses(cluster.members, cluster.nameserver, cluster.coordinator, cluster.listen)


def _move(wish: Wish, cluster: Cluster) -> Cluster:
    """Give a cluster that is down other addresses; its disks keep their identity."""
    addresses = _addresses(_on_its_hosts(wish, cluster), len(cluster.members))
    disks = [member.disk for member in cluster.members]
    moved = dataclasses.replace(
        cluster,
        nameserver=addresses.nameserver,
        coordinator=addresses.coordinator,
        listen=addresses.listen,
        members=_with_disks(addresses.members, disks),
    )
    _refuse_busy(wish.data, addresses)  # what cannot be used must not be written down
    write_cluster(wish.data, moved)
    return moved


def _on_its_hosts(wish: Wish, cluster: Cluster) -> Wish:
    """Fill in the cluster's own hosts where none were asked for."""
    if wish.host is not None:
        return wish
    told = cluster.members[0].host
    return wish._replace(host=cluster.listen or told, advertise=wish.advertise or told)


def _refuse_busy(data: Path, addresses: Addresses) -> None:
    for host, port, owner in _listeners(data, addresses):
        try:
            free = ports.is_free(host, port)
        except OSError as error:
            raise Refused(f"cannot listen on {host}, port {port}: {error.strerror}") from error
        if not free:
            raise Refused(
                f"port {port} on {host} ({owner}) is already in use: stop what uses it, "
                "or choose other ports with --base-port P or --ephemeral"
            )


def _listeners(data: Path, addresses: Addresses) -> Iterator[tuple[str, int, str]]:
    """Every address that must be free: what of this cluster still runs has its own."""
    for host, port, owner in _owners(data, addresses):
        yield addresses.listen or host, port, owner


def _owners(data: Path, addresses: Addresses) -> Iterator[tuple[str, int, str]]:
    if pidlock.holder(data / NAMESERVER_LOCK) is None:
        yield *split_address(addresses.nameserver), "name server"
    yield *split_address(addresses.coordinator), "coordinator"
    for member in addresses.members:
        if not _runs(data, member.id):
            yield member.host, member.client, f"replica {member.id}"
            for role in ROLES:
                yield member.host, member.port(role), f"{role} of replica {member.id}"
            yield member.host, member.admin, f"admin of replica {member.id}"


def _runs(data: Path, replica: int) -> bool:
    return pidlock.holder(data / f"replica{replica}" / "lock") is not None


def _addresses(wish: Wish, count: int) -> Addresses:
    listen, base = wish.host or HOST, wish.base_port
    if wish.ephemeral and base is None:
        base = ports.free_block(listen, 5 * count + 2, random.Random())
    if base is None:
        shared = (NAMESERVER_PORT, COORDINATOR_PORT)
    else:
        shared = (base + 5 * count, base + 5 * count + 1)
    host = wish.advertise or listen
    nameserver, coordinator = (join_address(host, port) for port in shared)
    only = "" if listen == host else listen
    return Addresses(members(count, host, base), nameserver, coordinator, only)


def new_cluster(addresses: Addresses, identity: str, disks: Sequence[str]) -> Cluster:
    """Describe a new cluster; `disks` are "" while nobody has formatted them."""
    return Cluster(
        name="kvrmi",
        id=identity,
        engine="paxos",
        nameserver=addresses.nameserver,
        coordinator=addresses.coordinator,
        members=_with_disks(addresses.members, disks),
        timing=Timing(),
        folder=None,
        listen=addresses.listen,
    )


def _with_disks(unformatted: Sequence[Member], disks: Sequence[str]) -> tuple[Member, ...]:
    pairs = zip(unformatted, disks, strict=True)
    return tuple(dataclasses.replace(member, disk=disk) for member, disk in pairs)


def write_cluster(data: Path, cluster: Cluster) -> None:
    """Write the cluster file, whole or not at all. Raises OSError."""
    draft = data / f"{CONFIG}.new"
    with draft.open("w", encoding="utf-8") as file:
        file.write(dump(cluster))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(data / CONFIG)


def _clear_unfinished(data: Path) -> None:
    """Remove what a founding left that was cut short: nobody has ever voted on it."""
    folders = [folder for folder in data.glob("replica*") if folder.is_dir()]
    if (data / FOUNDING).exists():
        for folder in folders:
            shutil.rmtree(folder)
        (data / SECRET).unlink(missing_ok=True)
    elif folders:
        raise Refused(
            f"{data} holds replica folders but no {CONFIG}: put that file back, "
            "or found a new cluster elsewhere with --data"
        )


def is_formatted(data: Path, replica: int) -> bool:
    """Whether the replica has a disk: its learner's half alone is none."""
    return (data / f"replica{replica}" / "acceptor.db").exists()


def _aside(folder: Path) -> Path:
    names = (folder.with_name(f"{folder.name}.lost{number}") for number in range(1, 10_000))
    return next(name for name in names if not name.exists())
