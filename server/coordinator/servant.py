"""The coordinator's remote object: the cluster's status for anybody, orders for those who may.

Rules: an order needs a caller that proved to know the cluster's secret; arguments are checked
before anything else; only the four builtins of the store's users are raised.
It decides nothing.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

import Pyro5.server

from kvrmi.cluster.status import ClusterStatus, ReplicaEntry
from kvrmi.errors import to_builtin

from .control import Control

log = logging.getLogger("kvrmi.server.servant")

Method = TypeVar("Method", bound=Callable[..., Any])


def _guarded(method: Method) -> Method:
    """Let nothing but the four builtins out; the rest is logged and reported in general words."""

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except (ValueError, RuntimeError, TimeoutError, TypeError):
            raise
        except Exception as error:
            log.exception("%s failed", method.__name__)
            raise to_builtin("UNAVAILABLE", f"{method.__name__}: {error}") from None

    return cast(Method, call)


@Pyro5.server.expose
class CoordinatorServant:
    """`kvrmi.coordinator`; every public method is exposed."""

    def __init__(self, control: Control, trusted: Callable[[], bool]) -> None:
        """trusted: whether the present call's connection proved to know the secret."""
        self._control = control
        self._trusted = trusted

    @_guarded
    def status(self) -> ClusterStatus:
        """Describe the cluster: leader, successor, quorum, and an entry for each replica."""
        return self._control.status()

    @_guarded
    def kill(self, replica: int, force: bool = False) -> ReplicaEntry:
        """Kill a replica with SIGKILL; it stays down. NO_QUORUM if that would lose it."""
        self._check(replica, force)
        return self._control.kill(replica, force)

    @_guarded
    def stop(self, replica: int, force: bool = False) -> ReplicaEntry:
        """Stop a replica cleanly; it stays down. NO_QUORUM if that would lose it."""
        self._check(replica, force)
        return self._control.stop(replica, force)

    @_guarded
    def start(self, replica: int) -> ReplicaEntry:
        """Start a replica that is down, then have it restored."""
        self._check(replica)
        return self._control.start(replica)

    @_guarded
    def restart(self, replica: int, force: bool = False) -> ReplicaEntry:
        """Stop and start a replica. NO_QUORUM if that would lose it."""
        self._check(replica, force)
        return self._control.restart(replica, force)

    @_guarded
    def restore(self, replica: int, peer: int | None = None) -> dict[str, Any]:
        """Have a replica catch up with a peer, the best by default: by its log or its snapshot."""
        self._check(replica)
        if peer is not None:
            self._check(peer)
        return self._control.restore(replica, peer)

    def _check(self, replica: object, force: object = False) -> None:
        if not self._trusted():
            raise to_builtin("INVALID", "orders need the cluster's secret; status() does not")
        if type(replica) is not int or type(force) is not bool:
            raise to_builtin("INVALID", "replica must be an int, and force a bool")
