"""Which ports can be taken.

Rule: an answer is a snapshot, another program may take the port a moment later; whoever binds
must still handle a refusal. It knows nothing of replicas.
"""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Collection

LOWEST = 10_000
HIGHEST = 32_000
"""Free ports come from below the range that systems use for outgoing connections."""


def is_free(host: str, port: int, kind: int = socket.SOCK_STREAM) -> bool:
    """Whether a server could listen on `port` of `host` now, for TCP unless `kind` is UDP's.

    Raises OSError for a host that is not ours and a port that we may not take.
    """
    family, _, protocol, _, address = socket.getaddrinfo(
        host, port, type=kind, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        # As servers do: a connection of a former server in TIME_WAIT does not count as busy.
        reuse = kind == socket.SOCK_STREAM
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def free_block(
    host: str,
    count: int,
    rng: random.Random,
    kind: int = socket.SOCK_STREAM,
    apart: Collection[int] = (),
) -> int:
    """First of `count` consecutive free ports, drawn at random so that clusters rarely meet.

    apart: ports that are somebody's already, though nobody listens there yet. Raises OSError when a
    hundred draws found none.
    """
    for _ in range(100):
        base = rng.randrange(LOWEST, HIGHEST - count + 1)
        block = range(base, base + count)
        if not any(port in apart or not is_free(host, port, kind) for port in block):
            return base
    raise OSError(f"no {count} consecutive free ports between {LOWEST} and {HIGHEST} on {host}")
