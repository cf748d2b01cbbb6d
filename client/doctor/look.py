"""Seeing a cluster: everything is asked of everybody at the same time, in four rounds.

Rules: each round has a deadline, so that it ends whoever hangs; nothing is changed, and what did
not answer is absent from what was seen. It judges nothing.
"""

from __future__ import annotations

import dataclasses
import platform
import socket
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

from kvrmi import __version__
from kvrmi.access.admins import OTHER_SECRET, QUICK, Admins, call
from kvrmi.cluster import naming
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.status import NOBODY, ClusterStatus, unanswered

from . import here
from .asking import Question, ask
from .clocks import measure
from .seen import Head, Port, Seen

__all__ = ["look"]

_ROUND = 6.0
"""Seconds for a round: whoever takes no connection costs two, whoever does not answer two more."""
_CLOCKS = 10.0
_FOLDERS = 70.0
_CONNECT = 1.0
_PACKAGES = ("Pyro5", "serpent", "msgpack", "msgspec")
_INSPECTED = ("acceptor.db", "learner.db")
"""Files of the folders that these checks know; those of other engines are shown by inspect."""
_OPEN, _CLOSED = "open", "closed"

_Questions: TypeAlias = Mapping[Question, Callable[[], Any]]


def look(
    cluster: Cluster,
    config: str,
    admins: Admins | str,
    status: Callable[[], ClusterStatus],
) -> Seen:
    """See everything of a cluster.

    `config` is the cluster file as the user would name it, `admins` may be why nobody has the
    proof that admin objects ask for; `status` asks for the cluster's status.
    """
    data = cluster.folder or Path()
    proved = {} if isinstance(admins, str) else _of_replicas(admins, "status", "about", "links")
    first = ask(
        {("status", 0): status, **_local(data, cluster), **_shared(cluster), **proved}, _ROUND
    )
    files, unreadable = first.one("files", ({}, {"."}))
    states = first.of("port")
    seen = Seen(
        cluster=cluster,
        data=data,
        config=config,
        status=(found := first.one("status") or _nobody(cluster)),
        later=found,
        files=files,
        unreadable=unreadable,
        secret=admins if isinstance(admins, str) else None,
        doubting=frozenset(
            one for one, why in first.lacking("status of").items() if OTHER_SECRET in why
        ),
        locked=first.of("locked"),
        free=first.one("space"),
        open=frozenset(port for port, state in states.items() if state == _OPEN),
        closed=frozenset(port for port, state in states.items() if state == _CLOSED),
        own=first.of("status of"),
        about=first.of("about of"),
        links=first.of("links of"),
        names=first.one("names"),
        coordinator=first.one("coordinator") is not None,
        mine=_mine(),
    )
    return _heads(_folders(_clocks(seen, admins, status)), admins)


def _local(data: Path, cluster: Cluster) -> _Questions:
    here_too = [one for one in cluster.ids if _folder(data, one).is_dir()]
    return {
        ("files", 0): partial(here.files_of, data),
        ("space", 0): partial(here.space, data),
        **{("locked", one): partial(here.is_locked, _folder(data, one)) for one in here_too},
    }


def _folder(data: Path, replica: int) -> Path:
    return data / f"replica{replica}"


def _shared(cluster: Cluster) -> _Questions:
    names = (*naming.split_address(cluster.nameserver), naming.NAMESERVER)
    orders = (*naming.split_address(cluster.coordinator), naming.COORDINATOR)
    return {
        ("names", 0): lambda: _listed(names),
        ("coordinator", 0): lambda: _status_of(orders, cluster.id),
        **{("port", port): partial(_knock, port.address) for port in _ports(cluster)},
    }


def _listed(names: tuple[str, int, str]) -> dict[str, str]:
    found = call(names, "list", ("kvrmi.",), QUICK, None, "the name server")
    return {str(name): str(uri) for name, uri in found.items()}


def _status_of(orders: tuple[str, int, str], cluster: str) -> Any:
    found = call(orders, "status", (), QUICK, None, "the coordinator")
    return found if found.get("cluster_id") == cluster else None


def _ports(cluster: Cluster) -> Iterable[Port]:
    yield Port(0, "name server", cluster.nameserver)
    yield Port(0, "coordinator", cluster.coordinator)
    for member in cluster.members:
        for name, port in member.ports.items():
            yield Port(member.id, name, naming.join_address(member.host, port))
        for name, port in cluster.other_ports(member.id).items():
            yield Port(member.id, name, naming.join_address(member.host, port))


def _knock(address: str) -> str:
    """See whether somebody takes connections there; it may be anybody. Raises OSError."""
    try:
        with socket.create_connection(naming.split_address(address), _CONNECT) as met:
            if met.getsockname() == met.getpeername():
                return _CLOSED  # TCP met itself
    except ConnectionRefusedError:
        return _CLOSED
    return _OPEN


def _of_replicas(admins: Admins, *methods: str) -> _Questions:
    return {
        (f"{method} of", one): partial(admins.replica, one, method)
        for method in methods
        for one in admins.ids
    }


def _nobody(cluster: Cluster) -> ClusterStatus:
    entries = [
        unanswered(one.id, naming.join_address(one.host, one.client), "not answering")
        for one in cluster.members
    ]
    return {"health": NOBODY, "leader": None, "quorum": cluster.quorum, "replicas": entries}


def _mine() -> dict[str, Any]:
    return {
        "version": __version__,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "host": platform.node(),
    }


def _clocks(seen: Seen, admins: Admins | str, status: Callable[[], ClusterStatus]) -> Seen:
    """Add the clocks, and the status after the time that measuring them took."""
    if isinstance(admins, str) or not seen.about:
        return seen
    measured = ask({("clock", one): partial(_clock, admins, one) for one in seen.about}, _CLOCKS)
    later = ask({("status", 0): status}, _ROUND).one("status", seen.status)
    return dataclasses.replace(seen, clocks=measured.of("clock"), later=later)


def _clock(admins: Admins, replica: int) -> Any:
    with admins.opened(replica) as calling:
        return measure(lambda: calling("clocks"))


def _folders(seen: Seen) -> Seen:
    """Add what the folders of replicas that do not run hold."""
    readable = [
        one
        for one in sorted(seen.stopped & set(seen.locked))
        if any(f"replica{one}/{name}" in seen.files for name in _INSPECTED)
    ]
    found = ask(
        {("folder", one): partial(here.inspect, _folder(seen.data, one)) for one in readable},
        _FOLDERS,
    )
    return dataclasses.replace(
        seen, inspected=found.of("folder"), uninspected=found.lacking("folder")
    )


def _heads(seen: Seen, admins: Admins | str) -> Seen:
    """Add hashes of the chains at slots that several replicas have."""
    learned = {one: found.get("learner") or {} for one, found in seen.inspected.items()}
    heads = [Head(one, part["applied"], part["chain"]) for one, part in learned.items() if part]
    running = [one for one in seen.later["replicas"] if one.get("applied")]
    if not isinstance(admins, str) and running:
        slots = {head.slot for head in heads} | {min(one["applied"] or 0 for one in running)}
        asked = ask(
            {
                ("head", (one["id"], slot)): partial(_hash, admins, one["id"], slot)
                for one in running
                for slot in slots
                if slot
            },
            _ROUND,
        )
        heads += [Head(who[0], who[1], hash) for who, hash in asked.of("head").items() if hash]
    return dataclasses.replace(seen, heads=heads)


def _hash(admins: Admins, replica: int, slot: int) -> str | None:
    """Ask for the hash of a slot; None for one that is not applied, or not kept any more."""
    blocks = admins.replica(replica, "log", slot, 1)["blocks"]
    return str(blocks[0]["hash"]) if blocks and blocks[0]["slot"] == slot else None
