"""A replica's connections to its peers, for who looks at them: how they are, made, made anew.

Rules: a connection that is missing is made again by itself (transport.py); here one only waits for
that, for a bounded time, and says what came of it. It knows no lanes.
"""

from __future__ import annotations

import time
from collections.abc import Collection

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.cuts import Cuts
from kvrmi.cluster.naming import join_address

from .transport import Transport

WAIT_SECONDS = 2.0
"""What connecting to all peers may take."""
REFUSED_SECONDS = 1.2
"""A peer that does not listen is tried again after a second at most, so this is a fresh answer."""
LOOK_SECONDS = 0.02


class Connecting:
    """The connections of replica `me`."""

    def __init__(self, me: int, cluster: Cluster, transport: Transport, cuts: Cuts) -> None:
        """Look at nothing yet."""
        self._me = me
        self._cluster = cluster
        self._transport = transport
        self._cuts = cuts

    @property
    def peers(self) -> tuple[int, ...]:
        """All other replicas."""
        return tuple(one for one in self._cluster.ids if one != self._me)

    def links(self) -> list[dict[str, object]]:
        """Say of each peer whether we are connected, what keeps us from it, and what is cut."""
        return [self._link(peer) for peer in self.peers]

    def connect(self) -> list[dict[str, object]]:
        """Wait until all peers are connected, or known not to listen; then as `links`."""
        self._wait(self.peers)
        return self.links()

    def reconnect(self, without: Collection[int]) -> list[dict[str, object]]:
        """End the connections to all peers but some, and make them anew; then as `links`."""
        wanted = [peer for peer in self.peers if peer not in without]
        for peer in wanted:
            self._transport.drop(peer)
        self._wait(wanted)
        return self.links()

    def _wait(self, peers: Collection[int]) -> None:
        began = time.monotonic()
        self._transport.tend()
        while (now := time.monotonic() - began) < WAIT_SECONDS:
            over = ("connected", "refused") if now > REFUSED_SECONDS else ("connected",)
            if all(self._transport.state(peer) in over for peer in peers):
                return
            time.sleep(LOOK_SECONDS)

    def _link(self, peer: int) -> dict[str, object]:
        member = self._cluster.member(peer)
        return {
            "replica": peer,
            "address": join_address(member.host, member.client),
            "state": self._transport.state(peer),
            "why": self._transport.refusal(peer),
            "cuts": [list(pair) for pair in self._cuts.pairs() if peer in pair],
        }
