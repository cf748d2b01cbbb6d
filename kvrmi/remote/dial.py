"""Connecting to a Pyro5 daemon: the socket, and the handshake on it, by one deadline.

Rules: process-wide Pyro settings play no part, neither do this thread's call annotations; what is
said is the handshake's affair (handshake.py). It calls no method.
"""

from __future__ import annotations

import socket
from time import monotonic
from typing import Any

from .channel import Channel
from .handshake import Handshake
from .identity import Credentials
from .stream import Stream

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
        channel = Channel(Stream(sock), limit)
        handshake = Handshake(name, credentials, shown, serializer)
        message: bytes | None = handshake.begin()
        while message is not None:
            channel.send(message, _left(deadline))
            message = handshake.answered(channel.receive(_left(deadline), deadline))
        return channel, handshake.answer
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


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError("no connection in time")
    return left
