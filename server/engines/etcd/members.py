"""The members of a local etcd, for trying the engine out: how each starts, and whether it serves.

Rule: an etcd that others operate is never touched: it has no `peers` in the cluster file.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from kvrmi.cluster.naming import join_address

from ..beside import Program
from .settings import Settings, parsed

__all__ = ["members"]

LOOK_SECONDS = 0.1


def members(table: Mapping[str, str]) -> tuple[Program, ...]:
    """Make those of the table; none where the etcd is somebody else's. Raises ConfigError."""
    settings = parsed(table)
    return tuple(
        Program(
            _name(number),
            partial(_argv, settings, number),
            partial(_serves, _url(settings.endpoints[number])),
        )
        for number in range(len(settings.peers))
    )


def _name(number: int) -> str:
    return f"etcd{number + 1}"


def _argv(settings: Settings, number: int, folder: Path) -> list[str]:
    client, peer = (_url(addresses[number]) for addresses in (settings.endpoints, settings.peers))
    flags = {
        "name": _name(number),
        "data-dir": str(folder),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": ",".join(
            f"{_name(other)}={_url(one)}" for other, one in enumerate(settings.peers)
        ),
    }
    return ["etcd", *(f"--{name}={value}" for name, value in flags.items())]


def _serves(url: str) -> bool:
    """Whether a member is up and knows who leads."""
    import urllib.request  # here: no other engine's start waits for it

    try:
        with urllib.request.urlopen(f"{url}/health", timeout=LOOK_SECONDS) as answer:
            return b"true" in answer.read(100)
    except OSError:
        return False


def _url(address: tuple[str, int]) -> str:
    return f"http://{join_address(*address)}"
