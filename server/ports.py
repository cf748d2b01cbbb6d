"""Which ports can be taken.

Rule: an answer is a snapshot, another program may take the port a moment later; whoever binds
must still handle a refusal. So draws of several programs that run at once meet seldom, not never;
ranges of their own in KVRMI_FREE_PORTS keep them apart. It knows nothing of replicas.
"""

from __future__ import annotations

import errno
import os
import random
import re
import socket
from collections.abc import Collection

from kvrmi.cluster.checks import ConfigError

LOWEST = 10_000
HIGHEST = 31_999
"""Free ports come from below the range that systems use for outgoing connections."""
VARIABLE = "KVRMI_FREE_PORTS"
APART = 16
"""Ports on both sides of a draw where nobody listens either, if that can be: who does may have
more ports nearby, of a server that is down for the moment."""
DRAWS = 100


def drawn_from() -> range:
    """Give the ports that are drawn from, as KVRMI_FREE_PORTS or by default. Raises ConfigError."""
    text = os.environ.get(VARIABLE, f"{LOWEST}-{HIGHEST}")
    given = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text, re.ASCII)
    first, last = map(int, given.groups()) if given else (0, 0)
    if not 1024 <= first <= last <= 65_535:
        raise ConfigError(
            f"{VARIABLE} is {text!r}: set it to two ports from 1024 to 65535, the lower first, "
            f"like {LOWEST}-{HIGHEST}, or unset it"
        )
    return range(first, last + 1)


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

    apart: ports that are somebody's already, though nobody listens there yet. Raises OSError when
    no draw found any, ConfigError for a KVRMI_FREE_PORTS that is none.
    """
    every = drawn_from()
    firsts = range(every.start, every.stop - count + 1)
    for margin in [APART] * DRAWS + [0] * DRAWS if firsts else []:
        base = rng.choice(firsts)
        block = range(base, base + count)
        around = range(max(base - margin, every.start), min(base + count + margin, every.stop))
        if all(port not in apart for port in block) and all(
            is_free(host, port, kind) for port in around
        ):
            return base
    raise OSError(f"no {count} consecutive free ports from {every[0]} to {every[-1]} on {host}")
