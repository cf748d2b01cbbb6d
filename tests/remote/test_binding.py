"""An address that cannot be had is named, whichever kind of socket wants it."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from functools import partial

import pytest

from kvrmi.remote.binding import for_connections, for_datagrams

HOST = "127.0.0.1"


@pytest.mark.parametrize(
    ("make", "name"), [(partial(for_connections, backlog=8), "port"), (for_datagrams, "UDP port")]
)
def test_a_busy_address_is_named_and_nothing_stays_open(
    make: Callable[[str, int], socket.socket], name: str
) -> None:
    with make(HOST, 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(OSError, match=f"^.Errno .*{name} {port} on {HOST}: ") as refused:
            make(HOST, port)
        assert refused.value.errno == errno.EADDRINUSE
    make(HOST, port).close()


def test_addresses_of_ipv6_are_known_by_their_colon() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("a computer without it")
    with for_datagrams("::1", 0) as made:
        assert made.family == socket.AF_INET6
