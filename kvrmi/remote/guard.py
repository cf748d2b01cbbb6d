"""Pyro5's process-wide settings and holes, for programs of ours only.

Rules: `install` belongs in a program's main, before any daemon or proxy is made; a library that
lives in somebody else's program must not touch these. Our own daemon and proxies do not depend on
any of it: it covers what is made with Pyro5 itself in the same process.
It knows what Pyro5 5.17 looks like inside, and nothing of kvrmi.
"""

from __future__ import annotations

import threading
from typing import Any

import Pyro5
import Pyro5.client
import Pyro5.core
import Pyro5.errors
import Pyro5.protocol
import Pyro5.serializers
import Pyro5.server
from Pyro5.callcontext import current_context

__all__ = ["MissingName", "check_private_names", "install", "own_by_thread"]

_SETTINGS: dict[str, object] = {
    "HOST": "localhost",
    "COMMTIMEOUT": 5.0,  # nothing half open stays for ever
    "POLLTIMEOUT": 0.3,  # 0 would spin
    "MAX_RETRIES": 0,  # a retry of ours has the request's id, one of Pyro's has not
    "MAX_MESSAGE_SIZE": 8 << 20,
    "SOCK_NODELAY": True,
    "SOCK_REUSE": True,
    "SERIALIZER": "serpent",
    "SERPENT_BYTES_REPR": True,
    "COMPRESSION": False,
    "ITER_STREAMING": False,
    "DETAILED_TRACEBACK": False,
    "LOGWIRE": False,
    "NS_AUTOCLEAN": 0.0,  # it connects to whatever address is registered
    "SSL": False,
}

_MARSHAL = 2
_REFUSED_FLAGS = Pyro5.protocol.FLAGS_COMPRESSED | Pyro5.protocol.FLAGS_KEEPSERIALIZED

# What this package uses, replaces or overrides of Pyro5's inside: (where, name).
_PRIVATE_NAMES: tuple[tuple[object, str], ...] = (
    (Pyro5.client, "get_ident"),
    (Pyro5.client.Proxy, "_Proxy__check_owner"),
    (Pyro5.client.Proxy, "_Proxy__processMetadata"),
    (Pyro5.client.Proxy, "_Proxy__pyroCreateConnection"),
    (Pyro5.client.Proxy, "_pyroClaimOwnership"),
    (Pyro5.client.Proxy, "_pyroInvoke"),
    (Pyro5.client.Proxy, "_pyroRelease"),
    (Pyro5.client.Proxy, "_pyroTimeout"),
    (Pyro5.core, "DAEMON_NAME"),
    (Pyro5.core, "_ExceptionWrapper"),
    (Pyro5.protocol.ReceivingMessage, "add_payload"),
    (Pyro5.serializers, "serializers_by_id"),
    (Pyro5.server.Daemon, "_Daemon__deserializeBlobArgs"),
    (Pyro5.server.Daemon, "_handshake"),
    (Pyro5.server.Daemon, "handleRequest"),
    (Pyro5.server.Daemon, "requestLoop"),
    (current_context, "client"),
)


class MissingName(RuntimeError):
    """The installed Pyro5 lacks a name that we rely on: it is another version than ours."""


def check_private_names() -> None:
    """Raise MissingName if a private name of Pyro5 that this package relies on is gone."""
    missing = [name for where, name in _PRIVATE_NAMES if not hasattr(where, name)]
    if not hasattr(Pyro5.server.expose(lambda self: None), "_pyroExposed"):
        missing.append("_pyroExposed")
    if missing:
        raise MissingName(f"Pyro5 {Pyro5.__version__} has no {', '.join(missing)}")


def install() -> None:
    """Set every setting that matters, whatever the environment says, and close Pyro5's holes.

    Once for the whole process; doing it again changes nothing. Raises MissingName.
    """
    check_private_names()
    Pyro5.config.reset(False)
    for name, value in _SETTINGS.items():
        setattr(Pyro5.config, name, value)
    _refuse_marshal()
    _refuse_unpacking()
    _refuse_blobs()
    own_by_thread()


def own_by_thread() -> None:
    """Have Pyro's own proxies belong to a thread, also where greenlet is installed.

    They keep a greenlet for the owner then: one of a thread that has ended is a segmentation fault
    at a later garbage collection (greenlet 3.5, Python 3.11).
    """
    Pyro5.client.get_ident = threading.get_ident


class _Unreadable:
    """Stands for a serializer that is written (Pyro answers errors with it) but never read."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.serializer_id = real.serializer_id

    def dumps(self, data: object) -> Any:
        """Write, as the real one does."""
        return self._real.dumps(data)

    def loads(self, data: object) -> Any:
        """Refuse. Raises SerializeError."""
        raise Pyro5.errors.SerializeError("this serializer is not taken")

    loadsCall = loads


def _refuse_marshal() -> None:
    known = Pyro5.serializers.serializers_by_id
    if not isinstance(known[_MARSHAL], _Unreadable):
        known[_MARSHAL] = _Unreadable(known[_MARSHAL])


def _refuse_unpacking() -> None:
    message = Pyro5.protocol.ReceivingMessage
    real = message.add_payload
    if getattr(real, "refuses_unpacking", False):
        return

    def add_payload(self: Any, payload: bytes) -> None:
        if self.flags & _REFUSED_FLAGS:
            raise Pyro5.errors.ProtocolError("compressed or still serialized data is not taken")
        real(self, payload)

    add_payload.refuses_unpacking = True  # type: ignore[attr-defined]
    message.add_payload = add_payload


def _refuse_blobs() -> None:
    def refuse(self: object, message: object) -> None:
        raise Pyro5.errors.ProtocolError("still serialized data is not taken")

    Pyro5.server.Daemon._Daemon__deserializeBlobArgs = refuse
