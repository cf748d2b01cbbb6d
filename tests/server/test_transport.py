"""Requests to peers: each is answered or comes back, and nobody waits for a peer that is late."""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kvrmi.cluster import naming
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.cuts import Cuts
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.declaration import PAXOS
from kvrmi.paxos.messages import Accept, Forward, Offer, Release, Released
from kvrmi.remote.identity import Credentials, challenge
from kvrmi.remote.peer import Peer
from kvrmi.roles.codec import Codec
from kvrmi.roles.contract import Address, Envelope, Message, NoAnswer
from kvrmi.roles.declaration import BATCH, CONTROL
from server.alone import cluster_of
from server.gate import Admit, Gate
from server.objectdaemon import Limits, ObjectDaemon, exposed
from server.ports import free_block
from server.transport import Deliver, Transport

from .stubs import until

CODEC = Codec(PAXOS)

SECRET = b"s" * 64
BALLOT = Ballot(1, 1)
ASK, ANSWER = Release(BALLOT), Released(BALLOT)
SENDER, ACCEPTOR = Address(1, "proposer"), Address(2, "acceptor")
ANSWERED = ("proposer", 1, ACCEPTOR, repr(ANSWER))
UNANSWERED = ("proposer", 1, ACCEPTOR, repr(NoAnswer(2, ASK)))


class Servant:
    """Replica 2's acceptor, answering with whatever `answer` makes."""

    def __init__(self) -> None:
        self.answer: Callable[[Address, Message], bytes] = lambda sender, message: CODEC.encode(
            ACCEPTOR, ANSWER
        )
        self.seen: list[tuple[Address, Message]] = []

    @exposed
    def receive(self, data: bytes) -> bytes:
        sender, message = CODEC.decode(data)
        self.seen.append((sender, message))
        return self.answer(sender, message)


def made(
    cluster: Cluster,
    cuts: Cuts | None = None,
    codec: Codec | None = None,
    deliver: Deliver = lambda *delivery: None,
    refused: Callable[[int], None] = lambda replica: None,
) -> Transport:
    """The transport of replica 1."""
    return Transport(
        PAXOS,
        cluster,
        1,
        Credentials(cluster.id, 1, "replica", SECRET),
        cuts or Cuts(),
        codec=codec or Codec(PAXOS),
        clock=time.monotonic,
        deliver=deliver,
        refused=refused,
    )


class World:
    """A transport of replica 1, and the acceptor of replica 2 behind a daemon."""

    def __init__(self) -> None:
        base = free_block("127.0.0.1", 10, random.Random())
        addresses = [f"127.0.0.1:{base}", f"127.0.0.1:{base + 5}"]
        self.cluster = cluster_of(1, addresses[0], addresses, Path("data"))
        self.servant = Servant()
        self.secret = SECRET
        self.cuts = Cuts()
        self.delivered: list[tuple[str, int, Address, Message]] = []
        self.refused: list[int] = []
        name = naming.role(2, "acceptor")
        cluster_id = self.cluster.id
        self.admit: Admit = lambda data: challenge(self.secret, cluster_id, name, data)
        self.daemon = ObjectDaemon(
            "127.0.0.1",
            self.cluster.member(2).ports["acceptor"],
            name,
            self.servant,
            Limits(8, 1 << 20, 60.0),
            admit=lambda data: self.admit(data),
        )
        self.codec = Codec(PAXOS)
        self.transport = made(
            self.cluster,
            self.cuts,
            self.codec,
            lambda *delivery: self.delivered.append(delivery),
            self.refused.append,
        )

    def connect(self) -> None:
        """Open the daemon, and wait until a request leaves."""
        self.daemon.open()
        self.transport.tend()
        until(lambda: self.send(ASK))

    def send(self, message: Message, to: Address = ACCEPTOR) -> bool:
        return not self.transport.send(SENDER, 1, [Envelope(to, message)])

    def collect(self, count: int, seconds: float = 5.0) -> list[tuple[str, int, Address, str]]:
        """Wait for so many deliveries; each message as its repr, which names its type.

        NoAnswer and NotSent with the same fields are equal tuples, and opposite statements.
        """
        deadline = time.monotonic() + seconds
        while len(self.delivered) < count and time.monotonic() < deadline:
            self.transport.collect(CONTROL, 0.05)
        return [(*delivery[:3], repr(delivery[3])) for delivery in self.delivered]


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.transport.close()
    made.daemon.cut()


def test_a_request_is_answered(world: World) -> None:
    world.connect()
    assert world.collect(1) == [ANSWERED]
    assert world.servant.seen == [(SENDER, ASK)]


def test_nothing_leaves_without_a_connection_and_a_dead_peer_is_reported(world: World) -> None:
    assert not world.send(ASK)
    world.transport.tend()
    until(lambda: world.refused)
    assert set(world.refused) == {2}
    assert not world.send(ASK)


def test_a_peer_with_another_secret_is_named_once_until_it_has_ours(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.secret = b"y" * 64
    world.daemon.open()

    def tended() -> tuple[str, ...]:
        world.transport.tend()
        return world.transport.notes

    until(lambda: bool(tended()))
    (note,) = world.transport.notes
    at = f"127.0.0.1:{world.cluster.member(2).client}"
    secret = "the other end does not know the cluster's secret that this process has"
    assert note.startswith(
        f"no connection with replica 2 at {at}: {secret}; this one has 2 replicas and"
    )
    world.secret = SECRET
    until(lambda: not tended())
    assert caplog.text.count("no connection") == 1


def test_another_lease_is_named_by_both_ends(world: World) -> None:
    longer = dataclasses.replace(world.cluster.timing, lease=0.6)
    other = dataclasses.replace(world.cluster, timing=longer, source="other.toml")
    gate = Gate(other, 2, SECRET, "digest of other.toml")
    world.admit = gate.replicas(naming.role(2, "acceptor"))
    world.daemon.open()

    def tended() -> tuple[str, ...]:
        world.transport.tend()
        return world.transport.notes

    until(lambda: bool(tended()))
    (note,) = world.transport.notes
    assert "other members or times, 2 replicas and lease 0.6 in other.toml, or another" in note
    assert "this one has 2 replicas and default times in its command line. Both need" in note


def test_peers_that_refuse_for_one_reason_are_one_note(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = [f"127.0.0.1:{port}" for port in range(20_000, 20_030, 10)]
    transport = made(cluster_of(1, addresses[0], addresses, Path("data")))
    always_no = property(lambda peer: "no", lambda peer, value: None)
    monkeypatch.setattr(Peer, "refusal", always_no, raising=False)
    monkeypatch.setattr(Peer, "connect_later", lambda peer: None)
    transport.tend()
    (note,) = transport.notes
    second, third = "2 at 127.0.0.1:20010", "3 at 127.0.0.1:20020"
    assert note.startswith(f"no connection with replicas {second}, {third}: no; this one has 3")
    assert transport.refusal(3).startswith(f"no connection with replica {third}: no; ")
    transport.close()


def test_nothing_leaves_over_a_cut_and_no_answer_comes_back_over_one(world: World) -> None:
    world.connect()
    world.collect(1)
    world.cuts.cut(1, 2)
    assert not world.send(ASK)
    world.cuts.heal()
    world.cuts.cut(2, 1)
    assert world.send(ASK)
    assert world.collect(2)[1] == UNANSWERED


@pytest.mark.parametrize("answer", [b"", b"junk", CODEC.encode(Address(3, "acceptor"), ANSWER)])
def test_what_is_no_answer_counts_as_none(world: World, answer: bytes) -> None:
    world.servant.answer = lambda sender, message: answer
    world.connect()
    assert world.collect(1) == [UNANSWERED]


def test_a_late_answer_is_given_up_in_time(world: World) -> None:
    world.connect()
    world.collect(1)
    free = threading.Event()

    def hang(sender: Address, message: Message) -> bytes:
        free.wait(60)
        return b""

    world.servant.answer = hang
    assert world.send(ASK)
    sent = time.monotonic()
    assert world.collect(2)[1] == UNANSWERED
    assert 0.2 < time.monotonic() - sent < 30.0
    free.set()


def test_a_lost_connection_loses_what_was_asked(world: World) -> None:
    world.connect()
    world.collect(1)
    asked = threading.Event()

    def die(sender: Address, message: Message) -> bytes:
        asked.set()
        world.daemon.cut()
        return b""

    world.servant.answer = die
    assert world.send(ASK)
    assert asked.wait(60)
    assert world.collect(2)[1] == UNANSWERED
    until(lambda: world.refused)


def test_batches_wait_for_nothing_else() -> None:
    group = {kind: request.lane.group for kind, request in PAXOS.requests.items()}
    assert group[Release] == group[Offer] == CONTROL
    assert group[Forward] == group[Accept] == BATCH
    assert len(PAXOS.lanes) == 5


def test_a_message_for_several_is_encoded_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.connect()
    encoded: list[Message] = []

    def count(sender: Address, message: Message) -> bytes:
        encoded.append(message)
        return CODEC.encode(sender, message)

    monkeypatch.setattr(world.codec, "encode", count)
    other = Release(Ballot(2, 1))
    to_all = [Envelope(ACCEPTOR, message) for message in (ASK, ASK, other)]
    assert world.transport.send(SENDER, 1, to_all) == []
    assert encoded == [ASK, other]
    assert len(world.collect(4)) == 4
