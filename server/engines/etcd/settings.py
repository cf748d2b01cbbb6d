"""Where an etcd cluster is and how to get in, as the table [etcd] of a cluster file says it.

Rules: what is wrong is one line that names the key; who names no endpoint gets a local cluster of
three members for trying out, whose addresses are chosen when the cluster is founded. It starts
nothing, and a password stands in a file of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.naming import join_address, split_address

__all__ = ["MEMBERS", "Settings", "founded", "parsed"]

MEMBERS = 3
"""Of a local cluster."""
_HOST = "127.0.0.1"
_PORT = 2379


class Settings(NamedTuple):
    """The table; `peers` are where members of a local cluster talk to each other."""

    endpoints: tuple[tuple[str, int], ...]
    peers: tuple[tuple[str, int], ...] = ()
    prefix: str = "kvrmi/"
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    user: str | None = None
    password_file: str | None = None

    @property
    def protocol(self) -> str:
        """Whether it is spoken to over TLS."""
        return "https" if self.ca or self.cert else "http"


def parsed(table: Mapping[str, str]) -> Settings:
    """Read the table. Raises ConfigError."""
    unknown = [name for name in table if name not in Settings._fields]
    if unknown:
        known = ", ".join(Settings._fields)
        raise ConfigError(f"etcd: unknown key {unknown[0]!r}; there are {known}")
    rest = {name: text for name, text in table.items() if name not in ("endpoints", "peers")}
    endpoints, peers = (_addresses(table, name) for name in ("endpoints", "peers"))
    if not endpoints:
        raise ConfigError("etcd: endpoints missing: where is it? HOST:PORT,HOST:PORT,..")
    return Settings(endpoints, peers, **rest)


def _addresses(table: Mapping[str, str], name: str) -> tuple[tuple[str, int], ...]:
    named = [one.strip() for one in table.get(name, "").split(",") if one.strip()]
    try:
        return tuple(split_address(one, _PORT) for one in named)
    except ValueError as error:
        raise ConfigError(f"etcd: {name}: {error}") from None


def founded(given: Mapping[str, str], ports: Callable[[int], int] | None) -> Mapping[str, str]:
    """Return the table of a new cluster, of what was given for it. Raises ConfigError.

    `ports` finds the first of so many free ones; None: not all of it runs on this machine, so that
    no members can be started where none are named.
    """
    if given.get("endpoints"):
        parsed(given)
        return given
    if ports is None:
        raise ConfigError("engine etcd on hosts of their own needs --etcd-endpoints H:P,H:P,..")
    if shutil.which("etcd") is None:
        raise ConfigError(
            "engine etcd starts three members of etcd here, and etcd is not installed: apt-get "
            "install etcd-server, or name a cluster with --etcd-endpoints H:P,H:P,.."
        )
    base = ports(2 * MEMBERS)
    there = [join_address(_HOST, base + number) for number in range(2 * MEMBERS)]
    return {**given, "endpoints": ",".join(there[:MEMBERS]), "peers": ",".join(there[MEMBERS:])}
