"""Held connections to several peers behind one epoll: which of them have something to read.

Rule: one thread at a time waits here; connections come, end and block in any thread.
It does not know what is sent.
"""

from __future__ import annotations

import select
from collections.abc import Iterable

from .peer import Peer
from .wake import Wake

__all__ = ["Gather"]


class Gather:
    """A set of peers behind one epoll; a peer belongs to one set, for ever."""

    def __init__(self, peers: Iterable[Peer]) -> None:
        """Watch each peer from its next connection on."""
        self.peers = tuple(peers)
        self._epoll = select.epoll()
        self._wake = Wake()
        self._epoll.register(self._wake, select.EPOLLIN)
        self._by_descriptor: dict[int, Peer] = {}
        for peer in self.peers:
            peer.on_connected = self._watch
            peer.on_blocked = self._rearm
            peer.on_lost = lambda _peer: self.wake()

    def fileno(self) -> int:
        """Return a descriptor that can be read while `wait` would return at once."""
        return self._epoll.fileno()

    def wait(self, timeout: float) -> list[Peer]:
        """Wait at most `timeout` seconds for peers that have something to `read`."""
        readable: list[Peer] = []
        for descriptor, events in self._epoll.poll(timeout):
            if descriptor == self._wake.fileno():
                self._wake.clear()
                continue
            peer = self._by_descriptor.get(descriptor)
            if peer is None:
                continue
            if events & select.EPOLLOUT:
                peer.flush()
            if events & ~select.EPOLLOUT:
                readable.append(peer)
        return readable

    def wake(self) -> None:
        """Make a `wait` that runs, or the next one, return at once; from any thread."""
        self._wake.set()

    def close(self) -> None:
        """Close all peers; nobody may wait here any more."""
        for peer in self.peers:
            peer.close()
            peer.on_lost = None
        self._epoll.close()

    def _watch(self, peer: Peer) -> None:
        descriptor = peer.fileno()
        self._epoll.register(descriptor, select.EPOLLIN | select.EPOLLRDHUP)
        self._by_descriptor[descriptor] = peer

    def _rearm(self, peer: Peer) -> None:
        events = select.EPOLLIN | select.EPOLLRDHUP
        self._epoll.modify(peer.fileno(), events | (select.EPOLLOUT if peer.wants_write else 0))
