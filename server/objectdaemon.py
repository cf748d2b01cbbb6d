"""A role's or servant's way in: its own Pyro daemon on its fixed port, opened and cut at will.

Rule: one instance a daemon, so that who may connect says what may be called.
It does not know what the instance does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

import Pyro5.server

from kvrmi.remote.daemon import Daemon
from kvrmi.remote.listener import Client
from kvrmi.remote.reactor import Reactor

P = ParamSpec("P")
R = TypeVar("R")


def exposed(method: Callable[P, R]) -> Callable[P, R]:
    """Mark a method as one that may be called from outside."""
    return cast("Callable[P, R]", Pyro5.server.expose(method))


class Limits(NamedTuple):
    """What a daemon allows: connections, bytes a message, seconds a connection may be idle."""

    pool: int
    max_message: int
    idle: float


class ObjectDaemon:
    """Opens a daemon for one instance, as often as needed; one thread at a time."""

    def __init__(
        self,
        host: str,
        port: int,
        name: str,
        instance: object,
        limits: Limits,
        *,
        admit: Callable[[Any], object] | None = None,
        after_answer: Callable[[], None] | None = None,
        reactor: Reactor | None = None,
    ) -> None:
        """`admit` raises for a caller that may not connect; None lets anybody.

        With a `reactor`, no method of the instance may wait.
        """
        self._host = host
        self._port = port
        self._name = name
        self._instance = instance
        self._limits = limits
        self._admit = admit
        self._after_answer = after_answer
        self._reactor = reactor
        self._daemon: Daemon | None = None

    @property
    def alive(self) -> bool:
        """True while the request loop runs."""
        return self._daemon is not None and self._daemon.alive

    @property
    def clients(self) -> list[Client]:
        """The connections whose clients have a name, the oldest first."""
        daemon = self._daemon
        return [] if daemon is None else daemon.clients

    @property
    def connections(self) -> int:
        """How many connections are open."""
        daemon = self._daemon
        return 0 if daemon is None else daemon.connections

    def open(self) -> None:
        """Listen and serve. Raises OSError."""
        self.cut()
        daemon = Daemon(
            self._host,
            self._port,
            admit=self._admit,
            pool=self._limits.pool,
            max_message=self._limits.max_message,
            idle=self._limits.idle,
            after_answer=self._after_answer,
            reactor=self._reactor,
        )
        daemon.register(self._instance, self._name)
        daemon.start()
        self._daemon = daemon

    def cut(self) -> None:
        """Close the listener and every connection, at once."""
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            daemon.cut()
