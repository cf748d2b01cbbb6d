"""Where the replicas are: from an argument, a cluster file, or the name server.

Rule: what the caller names beats the environment, the environment beats the working folder,
and the name server is asked last: it is a convenience, a cluster file needs no other process.
It opens no connection to a replica and knows nothing of what is asked there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from os import PathLike, fspath
from typing import Any, NamedTuple

from ..cluster.checks import ConfigError
from ..cluster.file import find, load
from ..cluster.naming import (
    DEFAULT_PORTS_MAX,
    NAMESERVER,
    NAMESERVER_PORT,
    client_port,
    kvstore,
    split_address,
)
from ..errors import ConnectionFailed, InvalidRequest

__all__ = ["NAME_SERVER", "Directory", "Endpoint", "look_up"]

NAME_SERVER = f"localhost:{NAMESERVER_PORT}"
_NO_FILE = "there is no cluster file here, and "
_TIMEOUT = 1.0
"""Seconds the name server has for an answer."""
_STORE = re.compile(r"kvrmi\.replica(\d+)")
_NAME = re.compile(r"PYRONAME:([^@]+)(?:@(.+))?|(kvrmi\.[^@:]+)")
_URI = re.compile(r"(?:PYRO:)?([^@\s]+)@(.+)")


class Endpoint(NamedTuple):
    """One replica's remote object; `replica` 0 and `name` "" when only the address is known."""

    replica: int
    host: str
    port: int
    name: str

    @property
    def address(self) -> str:
        """Write it as host:port."""
        return f"{self.host}:{self.port}"


class Directory(NamedTuple):
    """The replicas of a cluster, and where that was learned (for error texts)."""

    endpoints: tuple[Endpoint, ...]
    source: str
    cluster: str | None = None
    engine: str | None = None


def look_up(
    *,
    config: str | PathLike[str] | None = None,
    nameserver: str | None = None,
    addresses: Iterable[str] | None = None,
) -> Directory:
    """Find the replicas.

    `addresses` are "host:port", "name@host:port" or PYRO: URIs, or a single name that the name
    server on localhost knows ("kvrmi.replica3", or any as "PYRONAME:name"; another one knows
    "PYRONAME:name@host:port"); `nameserver` is "host:port". A host without a port takes the
    default one.
    Raises InvalidRequest for a bad argument or cluster file, ConnectionFailed when nothing
    names a replica.
    """
    _check_given(config=config, nameserver=nameserver, addresses=addresses)
    if addresses is not None:
        return _from_addresses(addresses)
    if nameserver is not None:
        return _from_nameserver(nameserver)
    return _from_file(config) or _from_nameserver(NAME_SERVER, _NO_FILE)


def _check_given(**arguments: object) -> None:
    """Refuse more than one, and an empty one, which would count as not given."""
    given = {name: value for name, value in arguments.items() if value is not None}
    if len(given) > 1:
        raise InvalidRequest("give one of config, nameserver and addresses")
    for name, value in given.items():
        if name == "addresses" and isinstance(value, Iterable):
            continue  # it may be read only once
        kinds = (str, PathLike) if name == "config" else str
        _check_text(name, value, kinds)


def _check_text(name: str, value: object, kinds: type | tuple[type, ...] = str) -> None:
    if not isinstance(value, kinds):
        raise InvalidRequest(f"{name}: {value!r:.80} is no text")
    if not value:
        raise InvalidRequest(f"{name} is empty: leave it out, or give it a value")


def _from_addresses(addresses: Iterable[str]) -> Directory:
    given = (addresses,) if isinstance(addresses, str) else tuple(addresses)
    for one in given or ("",):
        _check_text("addresses", one)
    name = _NAME.fullmatch(given[0])
    if len(given) == 1 and name is not None:
        return _from_name(name[1] or name[3], name[2] or NAME_SERVER)
    return Directory(tuple(_endpoint(address) for address in given), "the addresses given")


def _from_name(name: str, nameserver: str) -> Directory:
    try:
        uri = str(_ask(nameserver, "lookup", name))
    except Exception as error:
        raise ConnectionFailed(f"name server {nameserver}: {name!r}: {error}") from error
    return Directory((_endpoint(uri),), f"name server {nameserver}")


def _from_file(config: str | PathLike[str] | None) -> Directory | None:
    try:
        path = find(None if config is None else fspath(config))
        if path is None:
            return None
        cluster = load(path)
    except ConfigError as error:
        raise InvalidRequest(f"cluster file {error}") from error
    endpoints = tuple(
        Endpoint(member.id, member.host, member.client, kvstore(member.id))
        for member in cluster.members
    )
    return Directory(endpoints, str(path), cluster.name, cluster.engine)


def _from_nameserver(address: str, before: str = "") -> Directory:
    """Ask the name server at an address; `before` says where was looked before."""
    try:
        found = _ask(address, "yplookup", ["kvrmi.replica"])
    except InvalidRequest:
        raise
    except Exception as error:
        raise ConnectionFailed(
            f"no cluster found: {before}no name server answers at {address} ({error}). Start one, "
            "or name its cluster file or an address"
        ) from error
    stores = {name: entry for name, entry in found.items() if _STORE.fullmatch(name)}
    if not stores:
        raise ConnectionFailed(
            f"name server {address} knows no replica: the cluster is not running, or not up yet"
        )
    endpoints = sorted(_endpoint(str(uri)) for uri, _ in stores.values())
    tags = {tag for _, metadata in stores.values() for tag in metadata}
    return Directory(
        tuple(endpoints),
        f"name server {address}",
        _tagged(tags, "kvrmi.cluster:"),
        _tagged(tags, "kvrmi.engine:"),
    )


def _ask(address: str, method: str, argument: object) -> Any:
    """Ask the name server; raises InvalidRequest for the address, else whatever happens."""
    from ..remote.proxy import connect  # Pyro5 only when needed, not on `import kvrmi`

    host, port = _split(address, NAMESERVER_PORT)
    with connect(host, port, NAMESERVER, timeout=_TIMEOUT) as proxy:
        return getattr(proxy, method)(argument)


def _tagged(tags: set[str], prefix: str) -> str | None:
    return next((tag.removeprefix(prefix) for tag in sorted(tags) if tag.startswith(prefix)), None)


def _endpoint(address: str) -> Endpoint:
    match = _URI.fullmatch(address)
    name, where = match.groups() if match else ("", address)
    store = _STORE.fullmatch(name)
    replica = int(store[1]) if store else 0
    default = client_port(replica if 1 <= replica <= DEFAULT_PORTS_MAX else 1)
    host, port = _split(where, default)
    return Endpoint(replica, host, port, name)


def _split(address: str, default: int) -> tuple[str, int]:
    try:
        return split_address(address, default)
    except ValueError as error:
        raise InvalidRequest(str(error)) from None
