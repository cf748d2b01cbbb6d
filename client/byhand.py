"""Orders to replicas that were started by hand: no coordinator keeps them.

Rules: a replica can end itself, and nobody here can start it again; what would lose the quorum is
refused as a coordinator refuses it. It knows no commands.
"""

from __future__ import annotations

from kvrmi.access import verbs
from kvrmi.access.admins import Admins
from kvrmi.cluster.status import loses_quorum, loss, needs_of
from kvrmi.errors import InvalidRequest, NoQuorum

__all__ = ["end", "start"]

_ENDS = {"kill": "killing", "stop": "stopping"}
"""Methods of an admin object that end its process, and what that is called."""


def end(admins: Admins, method: str, replica: int, force: bool) -> str:
    """Have a replica end itself, at once or cleanly; what is so then. Raises a KVError."""
    if method not in _ENDS:
        raise _by_hand(replica)
    entries, replicas = verbs.entries(admins), len(admins.ids)
    if not force and loses_quorum(entries, replica, replicas):
        raise NoQuorum(
            f"{_ENDS[method]} replica {replica} {loss(needs_of(entries, replicas))}; nothing was "
            "done; --force overrides this"
        )
    admins.replica(replica, method)
    return f"replica {replica} is down until somebody starts it again by hand, where it ran"


def start(replica: int) -> None:
    """Refuse to start a replica. Raises InvalidRequest."""
    raise _by_hand(replica)


def _by_hand(replica: int) -> InvalidRequest:
    return InvalidRequest(
        "this cluster has no coordinator, so nobody here starts processes; nothing was done. Start "
        f"replica {replica} by hand where it ran, with the same command but without --format: it "
        "catches up with the others by itself"
    )
