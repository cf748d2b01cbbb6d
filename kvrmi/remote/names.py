"""The name server as replicas and programs use it: have names there, find one.

Rules: a call ends within its time limit, and whatever goes wrong is a ConnectionFailed that names
the server; writing what is already there is left out, so that it may be called every second.
Who needs an address for safety must not ask here: anybody may have answered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any

from ..cluster.naming import NAMESERVER, split_address
from ..errors import ConnectionFailed
from .identity import Credentials
from .proxy import connect

__all__ = ["lookup", "register"]


def register(
    nameserver: str,
    names: Mapping[str, tuple[str, Collection[str]]],
    credentials: Credentials,
    timeout: float,
) -> int:
    """Have each name in the name server with its (URI, tags); how many had to be written.

    `nameserver` is "host:port", `timeout` in seconds for all of it. Raises ConnectionFailed when
    it does not answer in time or refuses; some names may then be written, and others not.
    """
    with _connected(nameserver, timeout, credentials) as call:
        there = call("list", _common_prefix(names), None, True)
        wrong = [name for name in names if not _same(there.get(name), names[name])]
        for name in wrong:
            uri, tags = names[name]
            call("register", name, uri, False, sorted(tags))
        return len(wrong)


def lookup(nameserver: str, name: str, timeout: float) -> str | None:
    """Ask the name server at "host:port" for a name's URI; None if it does not know it.

    Raises ConnectionFailed when it does not answer within `timeout` seconds.
    """
    with _connected(nameserver, timeout, None) as call:
        uri = call("list", name).get(name)
        return None if uri is None else str(uri)


@contextmanager
def _connected(
    nameserver: str, timeout: float, credentials: Credentials | None
) -> Iterator[Callable[..., Any]]:
    """Give a function that calls the name server, all calls together within `timeout`."""
    end = monotonic() + timeout
    try:
        host, port = split_address(nameserver)
        with connect(host, port, NAMESERVER, timeout=timeout, credentials=credentials) as proxy:
            proxy._pyroBind()

            def call(method: str, *args: object) -> Any:
                proxy._pyroTimeout = max(end - monotonic(), 0.001)
                return getattr(proxy, method)(*args)

            yield call
    except Exception as error:  # anybody may have answered, and anything
        raise ConnectionFailed(f"name server {nameserver}: {error}") from error


def _common_prefix(names: Collection[str]) -> str:
    first, last = min(names, default=""), max(names, default="")  # what they share, all share
    pairs = enumerate(zip(first, last, strict=False))
    return first[: next((i for i, (one, other) in pairs if one != other), len(first))]


def _same(found: Any, wanted: tuple[str, Collection[str]]) -> bool:
    return found is not None and found[0] == wanted[0] and set(found[1]) == set(wanted[1])
