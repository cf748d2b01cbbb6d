"""Connecting to a Pyro5 daemon: the socket, and the handshake on it, by one deadline.

Rules: process-wide Pyro settings play no part, neither do this thread's call annotations; whoever
shows credentials checks the answer first and proves itself then, in a second exchange, and is not
connected before. It calls no method.
"""

from __future__ import annotations

import socket
from time import monotonic
from typing import Any

from .channel import Channel
from .frames import COMPRESSED, CONNECT, CONNECT_FAIL, CONNECT_OK, FrameError, pack
from .identity import Credentials, Refused
from .payload import dump, load

__all__ = ["dial"]


def dial(
    host: str,
    port: int,
    name: str,
    *,
    credentials: Credentials | None,
    shown: object = "hello",
    serializer: int,
    seconds: float,
    limit: int,
) -> tuple[Channel, dict[str, Any]]:
    """Connect to the object called `name`; the channel, and the daemon's answer to the handshake.

    Without credentials the handshake's data is what is `shown`. Frames have at most `limit` bytes.
    Raises TimeoutError, ConnectionRefusedError when nobody listens, other OSErrors, FrameError
    or PayloadError when that is no Pyro daemon, and Refused.
    """
    deadline = monotonic() + seconds
    sock = _reach(host, port, deadline)
    try:
        if sock.getsockname() == sock.getpeername():
            # TCP connects a socket to itself when nobody listens on the port it was given.
            raise ConnectionRefusedError(f"nobody listens on {host}:{port}")
        channel = Channel(sock, limit)
        return channel, _shake(channel, name, credentials, shown, serializer, deadline)
    except BaseException:
        sock.close()
        raise


def _reach(host: str, port: int, deadline: float) -> socket.socket:
    """Connect to the first address of a host that accepts; each has its share of the time."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failures: list[OSError] = []
    for rest, (family, kind, protocol, _, address) in zip(
        range(len(found), 0, -1), found, strict=True
    ):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(_left(deadline) / rest)
            sock.connect(address)
        except OSError as error:
            sock.close()
            failures.append(error)
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failures[0]


def _shake(
    channel: Channel,
    name: str,
    credentials: Credentials | None,
    shown: object,
    serializer: int,
    deadline: float,
) -> dict[str, Any]:
    announced = None if credentials is None else credentials.announce()
    answer = _exchange(channel, name, announced or shown, serializer, deadline)
    if credentials is not None and announced is not None:
        proof = credentials.prove(name, announced, answer.get("handshake"))
        answer = _exchange(channel, name, proof, serializer, deadline)
    if not _describes(answer.get("meta")):
        raise FrameError("not the answer to a handshake")
    return answer


def _exchange(
    channel: Channel, name: str, shown: object, serializer: int, deadline: float
) -> dict[str, Any]:
    """Send one message of the handshake; its answer. Raises Refused too."""
    request = dump(serializer, {"handshake": shown, "object": name})
    channel.send(pack(CONNECT, serializer, 0, 0, request), _left(deadline))
    frame = channel.receive(_left(deadline), deadline)
    if frame.kind not in (CONNECT_OK, CONNECT_FAIL) or frame.flags & COMPRESSED:
        raise FrameError("not the answer to a handshake")
    answer = load(frame.serializer, frame.payload)
    if frame.kind == CONNECT_FAIL:
        raise Refused(f"connection refused: {answer}")
    if not isinstance(answer, dict):
        raise FrameError("not the answer to a handshake")
    return answer


def _describes(meta: object) -> bool:
    """Return whether `meta` has the names of an object's members, as proxies need them."""
    return isinstance(meta, dict) and all(
        isinstance(meta.get(each), (list, tuple, set)) for each in ("methods", "oneway", "attrs")
    )


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError("no connection in time")
    return left
