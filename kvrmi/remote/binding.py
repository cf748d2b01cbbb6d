"""Sockets that listen: for connections, or for datagrams, on an address of IPv4 or IPv6.

Rule: an address that cannot be had is an OSError whose text names it, and leaves nothing open. It
knows nothing of what is said there.
"""

from __future__ import annotations

import socket

__all__ = ["for_connections", "for_datagrams"]


def for_connections(host: str, port: int, backlog: int) -> socket.socket:
    """Listen; `backlog` connections may wait, port 0 takes a free one. Raises OSError."""
    made = socket.socket(_family(host), socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(backlog)
    except OSError as error:
        raise _refused(made, f"port {port} on {host}", error) from error
    return made


def for_datagrams(host: str, port: int) -> socket.socket:
    """Take datagrams; port 0 takes a free one. Raises OSError."""
    made = socket.socket(_family(host), socket.SOCK_DGRAM)
    try:
        made.bind((host, port))
    except OSError as error:
        raise _refused(made, f"UDP port {port} on {host}", error) from error
    return made


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _refused(made: socket.socket, where: str, error: OSError) -> OSError:
    made.close()
    return OSError(error.errno, f"{where}: {error.strerror}")
