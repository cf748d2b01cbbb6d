"""Requests to the roles of other replicas, and their answers, over a few held connections a peer.

Rules: sending never blocks; each request is answered, or comes back to its sender as NotSent (not
one byte left) or NoAnswer; a peer that owes an answer too long loses that connection and nobody
waits for it. Addresses are the cluster file's; no name server is asked.
One thread at a time collects a group; any thread may send. It knows no message by name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.cuts import Cuts
from kvrmi.cluster.members import Member
from kvrmi.cluster.naming import join_address
from kvrmi.cluster.naming import role as role_name
from kvrmi.remote.gather import Gather
from kvrmi.remote.identity import Credentials
from kvrmi.remote.peer import Peer
from kvrmi.remote.reactor import NEVER, Reactor
from kvrmi.roles.codec import Codec, Malformed
from kvrmi.roles.contract import Address, Envelope, Message, NoAnswer
from kvrmi.roles.declaration import BATCH, CONTROL, Declaration, Lane

_log = logging.getLogger("kvrmi.server.transport")


class Token(NamedTuple):
    """Who asked what; an answer is of no use to a later incarnation."""

    role: str
    incarnation: int
    message: Message


class _Wire:
    """Encodes what one step sends: a message for several peers, a batch above all, only once."""

    def __init__(self, codec: Codec, sender: Address) -> None:
        self.sender = sender
        self._codec = codec
        self._last: Message | None = None
        self._data = b""

    def encoded(self, message: Message) -> bytes:
        if message is not self._last:
            self._last, self._data = message, self._codec.encode(self.sender, message)
        return self._data


Deliver = Callable[[str, int, Address, Message], None]
"""role, its incarnation (0: any), sender, message"""


class Link:
    """One lane to one peer."""

    def __init__(self, member: Member, lane: Lane, peer: Peer) -> None:
        """Wrap a connection."""
        self.member = member
        self.replica = member.id
        self.address = Address(member.id, lane.role)
        self.lane = lane
        self.peer = peer


class Transport:
    """All lanes to all peers."""

    def __init__(
        self,
        declared: Declaration,
        cluster: Cluster,
        me: int,
        credentials: Credentials,
        cuts: Cuts,
        *,
        codec: Codec,
        clock: Callable[[], float],
        deliver: Deliver,
        refused: Callable[[int], None],
    ) -> None:
        """`deliver` puts an answer into an own role's inbox; `refused` takes dead peers."""
        self._declared = declared
        self._codec = codec
        self._me = me
        self._cuts = cuts
        self._clock = clock
        self._deliver = deliver
        self._answer = cluster.timing.answer
        self._refusals: dict[int, str] = {}
        self._cluster = cluster
        self._links: dict[tuple[int, str], Link] = {}
        self._by_peer: dict[Peer, Link] = {}
        for member in cluster.members:
            for lane in declared.lanes if member.id != me else ():
                link = Link(member, lane, _peer(cluster, member, lane, credentials, refused))
                self._links[member.id, lane.name] = link
                self._by_peer[link.peer] = link
        self._hurry: dict[str, Callable[[float], None]] = {}
        self._groups = {
            group: Gather([link.peer for link in self._links.values() if link.lane.group == group])
            for group in (BATCH, CONTROL)
        }

    def send(
        self, sender: Address, incarnation: int, envelopes: Iterable[Envelope]
    ) -> list[Envelope]:
        """Send requests without blocking; those of which not one byte left, and none will."""
        wire = _Wire(self._codec, sender)
        return [envelope for envelope in envelopes if not self._send(wire, incarnation, envelope)]

    def _send(self, wire: _Wire, incarnation: int, envelope: Envelope) -> bool:
        to, message = envelope.to, envelope.message
        request = self._declared.requests.get(type(message))
        if request is None:
            # An answer that was not given in its call: its asker no longer waits.
            _log.warning("dropped %s to %s: not a request", type(message).__name__, to)
            return True
        if not self._cuts.passes(self._me, to.replica):
            return False
        link = self._links[to.replica, request.lane.name]
        timeout = self._declared.timeout(message, self._answer)
        token = Token(wire.sender.role, incarnation, message)
        sent = link.peer.send(self._clock(), wire.encoded(message), token, timeout)
        hurry = self._hurry.get(request.lane.group)
        if sent and hurry is not None:
            hurry(timeout)
        return sent

    def collect(self, group: str, timeout: float) -> None:
        """Wait for answers of a group and deliver them, and what became of the others."""
        gather = self._groups[group]
        for peer in gather.wait(timeout):
            link = self._by_peer[peer]
            for token, data in peer.read(self._clock()):
                self._take(link, token, data)
        now = self._clock()
        for peer in gather.peers:
            for token in (*peer.overdue(now), *peer.lost()):
                self._lose(self._by_peer[peer], token)
            if peer.state == "idle":
                peer.connect_later()  # it has just closed: whether it is dead shows at once

    def attend(self, group: str, reactor: Reactor) -> None:
        """Have a group collected in the thread of `reactor`, and of nobody else."""
        collect = partial(self.collect, group, 0.0)
        reactor.watch(self._groups[group].fileno(), lambda _: collect())
        reactor.add_timer(partial(self._left, group), collect)
        self._hurry[group] = reactor.hurry

    def _left(self, group: str) -> float:
        """Seconds until the first answer of a group is overdue."""
        deadlines = [peer.deadline for peer in self._groups[group].peers]
        return min(deadlines, default=NEVER) - self._clock()

    def tend(self) -> None:
        """Have lost connections made again in the background; call it several times a second."""
        for link in self._links.values():
            if link.peer.state in ("idle", "refused"):
                link.peer.connect_later()
        self._note_refusals()

    def drop(self, peer: int) -> None:
        """End the connections to a peer; `tend` makes them anew. What is owed there is lost."""
        for link in self._links.values():
            if link.replica == peer:
                link.peer.drop()

    def state(self, peer: int) -> str:
        """How the lanes to a peer are: connected if all are, else what keeps the first that is not.

        One of connected, connecting, refused (nobody listens there), idle.
        """
        states = [link.peer.state for link in self._links.values() if link.replica == peer]
        return next((state for state in states if state != "connected"), "connected")

    def refusal(self, peer: int) -> str:
        """Why a peer that runs refuses our connections, or we its; "" if neither does."""
        why = self._refusals.get(peer)
        return "" if why is None else self._refused([peer], why)

    @property
    def sent(self) -> dict[str, int]:
        """How many requests left for the other replicas, by lane."""
        counts = dict.fromkeys((name for _, name in self._links), 0)
        for (_, name), link in self._links.items():
            counts[name] += link.peer.sent
        return counts

    @property
    def notes(self) -> tuple[str, ...]:
        """Which peers refuse our connections, or we theirs; one line for all with one reason."""
        peers: dict[str, list[int]] = {}
        for peer, why in sorted(self._refusals.items()):
            peers.setdefault(why, []).append(peer)
        return tuple(self._refused(those, why) for why, those in peers.items())

    def _note_refusals(self) -> None:
        """Log each refusal when it begins: the attempts go on, several a second."""
        before, self._refusals = (
            self._refusals,
            {
                link.replica: _why(link)
                for link in self._links.values()
                if link.peer.refusal and link.peer.state != "connected"
            },
        )
        for peer, why in self._refusals.items():
            if before.get(peer) != why:
                _log.warning("%s", self.refusal(peer))

    def _refused(self, peers: Sequence[int], why: str) -> str:
        """Say that some peers and this replica do not take each other for one cluster's.

        It does not name this replica: others that read the same note the same.
        """
        members = map(self._cluster.member, peers)
        at = (f"{one.id} at {join_address(one.host, one.client)}" for one in members)
        named = f"replica{'s' * (len(peers) > 1)} {', '.join(at)}"
        return (
            f"no connection with {named}: {why}; this one has {self._cluster.read}. Both need the "
            "same secret file, cluster file or --peers, and version: mend and restart the odd one"
        )

    def close(self) -> None:
        """Close all connections."""
        for link in self._links.values():
            link.peer.close()

    def _take(self, link: Link, token: object, data: bytes) -> None:
        if not isinstance(token, Token):
            raise TypeError("not a token of ours")
        if not data or not self._cuts.passes(link.replica, self._me):
            self._lose(link, token)
            return
        try:
            sender, message = self._codec.decode(data)
        except Malformed as error:
            _log.warning("malformed answer of replica %d: %s", link.replica, error)
            self._lose(link, token)
            return
        if sender.replica != link.replica:
            _log.warning("replica %d answered as %s", link.replica, sender)
            self._lose(link, token)
            return
        self._deliver(token.role, token.incarnation, sender, message)

    def _lose(self, link: Link, token: object) -> None:
        if not isinstance(token, Token):
            raise TypeError("not a token of ours")
        lost = NoAnswer(link.replica, token.message)
        self._deliver(token.role, token.incarnation, link.address, lost)


def _why(link: Link) -> str:
    # The role's name is left out: all roles of a replica refuse for the same reason.
    why = link.peer.refusal.removeprefix("connection refused: ")
    return why.replace(role_name(link.replica, link.lane.daemon), "the other end")


def _peer(
    cluster: Cluster,
    member: Member,
    lane: Lane,
    credentials: Credentials,
    refused: Callable[[int], None],
) -> Peer:
    return Peer(
        member.host,
        member.ports[lane.daemon],
        role_name(member.id, lane.daemon),
        credentials,
        connect_timeout=cluster.timing.connect,
        on_refused=lambda _peer: refused(member.id),
    )
