"""The admin objects of one cluster's replicas and its coordinator, called with proof of its secret.

Rules: each call is made once and has a deadline; whoever does not answer, or refuses the proof, is
named with what to do. It decides nothing, and knows no order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from ..cluster import naming
from ..cluster.config import Cluster
from ..errors import ConnectionFailed, InvalidRequest, UnknownOutcome, from_builtin, was_refused

if TYPE_CHECKING:
    from ..remote.identity import Credentials

__all__ = ["OTHER_SECRET", "QUICK", "Admins", "call"]

OTHER_SECRET = "has another secret than this client, or another cluster file"
"""How who does not take our proof is described."""
QUICK = 2.0
"""Seconds for what a process does at once."""
_SLOW = 65.0
"""Seconds for what waits for a process to start, stop or restore."""


class Admins:
    """Calls to the admin objects of one cluster; each is made once and has a deadline."""

    def __init__(
        self,
        cluster: Cluster,
        credentials: Credentials,
        absence: Callable[[int], str | None] = lambda replica: None,
    ) -> None:
        """Connect to nothing yet. absence: why a replica does not answer, where that is known."""
        self.ids = cluster.ids
        self._cluster = cluster
        self._credentials = credentials
        self._absence = absence

    @property
    def coordinated(self) -> bool:
        """Whether the cluster was made by a coordinator, which starts and stops its replicas."""
        return any(member.disk for member in self._cluster.members)

    def replica(self, replica: int, method: str, *args: object, timeout: float = QUICK) -> Any:
        """Call a method of `kvrmi.replicaN.admin`; raises a KVError."""
        with self.opened(replica, timeout) as calling:
            return calling(method, *args)

    def opened(
        self, replica: int, timeout: float = QUICK
    ) -> AbstractContextManager[Callable[..., Any]]:
        """Keep one connection to `kvrmi.replicaN.admin`, for calls of (method, arguments).

        It and they raise a KVError.
        """
        if replica not in self.ids:
            raise InvalidRequest(naming.unknown_replica(replica, self.ids))
        member = self._cluster.member(replica)
        where = (member.host, member.admin, naming.admin(replica))
        who, known = f"replica {replica}", partial(self._absence, replica)
        return _opened(where, timeout, self._credentials, who, known)

    def coordinator(self, method: str, *args: object) -> Any:
        """Call a method of `kvrmi.coordinator`; raises a KVError."""
        if not self.coordinated:
            raise InvalidRequest(
                "this cluster has no coordinator, its replicas are on hosts of their own: "
                "start and stop them there"
            )
        address = self._cluster.coordinator
        where = (*naming.split_address(address), naming.COORDINATOR)
        absent = (
            f"no coordinator runs at {address}: kvrmi-cluster --data {self._cluster.folder} starts "
            "one, which takes over what runs"
        )
        with _opened(where, _SLOW, self._credentials, "the coordinator", lambda: absent) as calling:
            return calling(method, *args)


def call(
    where: tuple[str, int, str],
    method: str,
    args: Sequence[object],
    timeout: float,
    credentials: Credentials | None,
    who: str,
) -> Any:
    """Call one method of the object at `where` (host, port, name), once; raises a KVError."""
    with _opened(where, timeout, credentials, who) as calling:
        return calling(method, *args)


@contextmanager
def _opened(
    where: tuple[str, int, str],
    timeout: float,
    credentials: Credentials | None,
    who: str,
    absence: Callable[[], str | None] = lambda: None,
) -> Iterator[Callable[..., Any]]:
    """Connect, for calls that are made once each; raises ConnectionFailed."""
    from ..remote.proxy import connect

    try:
        proxy = connect(*where, timeout=QUICK, credentials=credentials)
        proxy._pyroBind()
    except Exception as error:
        known = absence() if was_refused(error) else None
        address = naming.join_address(*where[:2])
        raise ConnectionFailed(known or _unreached(who, address, error)) from error
    proxy._pyroTimeout = timeout

    def calling(method: str, *args: object) -> Any:
        try:
            return getattr(proxy, method)(*args)
        except Exception as error:
            answered = from_builtin(error)
            raise answered or UnknownOutcome(
                f"{who} did not answer to {method}: {error}"
            ) from error

    with proxy:
        yield calling


def _unreached(who: str, address: str, error: Exception) -> str:
    """Say whether nobody answers there, or somebody who does not take our proof."""
    from ..remote.identity import Refused

    if isinstance(error.__cause__, Refused):
        return f"{who} at {address} {OTHER_SECRET}; copy both from its host: {error.__cause__}"
    return f"{who} does not answer at {address}: {error}"
