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
from .proxy import Proxy, connect

__all__ = ["Registration", "lookup", "register"]

LOOK_SECONDS = 10.0
"""What somebody else has removed from a name server that runs is back after this."""


class Registration:
    """Names that are to be in the name server; for one thread.

    It holds its connection between calls: while that stands, the name server has not been started
    again, and nothing is asked.
    """

    def __init__(
        self,
        nameserver: str,
        names: Mapping[str, tuple[str, Collection[str]]],
        credentials: Credentials,
        timeout: float,
    ) -> None:
        """Each name with its (URI, tags); `nameserver` is "host:port", `timeout` in seconds."""
        self._nameserver = nameserver
        self._names = names
        self._credentials = credentials
        self._timeout = timeout
        self._proxy: Proxy | None = None
        self._look_at = 0.0

    def renew(self) -> int:
        """Have each name in the name server, as far as is known; how many had to be written.

        What is there is looked at when the connection has ended, and every LOOK_SECONDS. Raises
        ConnectionFailed when the server does not answer in time or refuses; some names may then be
        written, and others not.
        """
        proxy = self._proxy
        if proxy is not None and proxy._stands and monotonic() < self._look_at:
            return 0
        self.close()
        proxy = _proxy(self._nameserver, self._timeout, self._credentials)
        try:
            with _calling(self._nameserver, proxy, self._timeout) as call:
                written = self._write(call)
        except BaseException:
            proxy._pyroRelease()
            raise
        self._proxy, self._look_at = proxy, monotonic() + LOOK_SECONDS
        return written

    def close(self) -> None:
        """End the connection; the names stay."""
        if self._proxy is not None:
            self._proxy._pyroRelease()
            self._proxy = None

    def _write(self, call: Callable[..., Any]) -> int:
        there = call("list", _common_prefix(self._names), None, True)
        wrong = [name for name in self._names if not _same(there.get(name), self._names[name])]
        for name in wrong:
            uri, tags = self._names[name]
            call("register", name, uri, False, sorted(tags))
        return len(wrong)


def register(
    nameserver: str,
    names: Mapping[str, tuple[str, Collection[str]]],
    credentials: Credentials,
    timeout: float,
) -> int:
    """Have each name in the name server once; as Registration does. Raises ConnectionFailed."""
    registration = Registration(nameserver, names, credentials, timeout)
    try:
        return registration.renew()
    finally:
        registration.close()


def lookup(nameserver: str, name: str, timeout: float) -> str | None:
    """Ask the name server at "host:port" for a name's URI; None if it does not know it.

    Raises ConnectionFailed when it does not answer within `timeout` seconds.
    """
    with (
        _proxy(nameserver, timeout, None) as proxy,
        _calling(nameserver, proxy, timeout) as call,
    ):
        uri = call("list", name).get(name)
        return None if uri is None else str(uri)


def _proxy(nameserver: str, timeout: float, credentials: Credentials | None) -> Proxy:
    try:
        host, port = split_address(nameserver)
    except ValueError as error:
        raise ConnectionFailed(f"name server {nameserver}: {error}") from error
    return connect(host, port, NAMESERVER, timeout=timeout, credentials=credentials)


@contextmanager
def _calling(nameserver: str, proxy: Proxy, timeout: float) -> Iterator[Callable[..., Any]]:
    """Give a function that calls the name server, all calls together within `timeout`."""
    end = monotonic() + timeout
    try:
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
