"""Replicas as processes, kept apart from strangers and from one that is configured otherwise."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import partial

import pytest

from kvrmi.cluster import naming
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.declaration import PAXOS
from kvrmi.paxos.messages import Accept, Heartbeat
from kvrmi.remote.channel import Channel
from kvrmi.remote.frames import CONNECT, CONNECT_FAIL, CONNECT_OK, INVOKE, Frame, pack
from kvrmi.remote.payload import MSGPACK, Call, dump, dump_call, load
from kvrmi.remote.stream import Stream
from kvrmi.roles.codec import Codec
from kvrmi.roles.contract import Address

from .processes import NOT_YET, Replicas, replicas, start
from .stubs import stands_in, until

CODEC = Codec(PAXOS)

pytestmark = pytest.mark.live

TIMEOUT = 60.0
HIGH = Ballot(1 << 40, 1)
FORGED = (Heartbeat(HIGH, 1, 0, 1 << 60, 0.5, 0), Accept(HIGH, 1 << 30, b"", 0, False))
FALSE_ANSWER = dump(MSGPACK, {"handshake": {"nonce": "0" * 32, "proof": "0" * 64}})


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    with replicas(tmp_path_factory.mktemp("apart") / "data", 3) as cluster:
        yield cluster


def is_up(three: Replicas, replica: int) -> bool:
    try:
        return bool(three.status(replica)["state"] == "up")
    except NOT_YET:
        return False


def connected(host: str, port: int) -> Channel:
    return Channel(Stream(socket.create_connection((host, port), TIMEOUT)), 1 << 20)


def overheard(thief: socket.socket) -> list[Frame]:
    """Take one connection and all that its caller sends, answering as well as a stranger can."""
    sock, _ = thief.accept()
    channel = Channel(Stream(sock), 1 << 20)
    frames = []
    try:
        while True:
            frames.append(channel.receive(TIMEOUT))
            channel.send(pack(CONNECT_OK, MSGPACK, 0, frames[-1].sequence, FALSE_ANSWER))
    except ConnectionError:
        return frames
    finally:
        channel.close()


def shown_again(channel: Channel, frames: list[Frame], name: str) -> list[int]:
    """Send what was overheard, then what nobody may say without proof; the kinds of answers."""
    kinds = []
    for frame in frames:
        channel.send(pack(frame.kind, frame.serializer, 0, frame.sequence, frame.payload))
        kinds.append(channel.receive(TIMEOUT).kind)
    try:
        for message in FORGED:
            data = CODEC.encode(Address(1, "proposer"), message)
            call = dump_call(MSGPACK, Call(name, "receive", (data,), {}))
            channel.send(pack(INVOKE, MSGPACK, 0, 1, call))
        while True:
            kinds.append(channel.receive(TIMEOUT).kind)
    except ConnectionError:
        return kinds
    finally:
        channel.close()


def test_who_held_a_dead_replicas_port_has_nothing_to_show_it(three: Replicas) -> None:
    """It is dead, another account binds its port, and the others call there; then it is back."""
    victim = next(i for i in three.running if i != three.leader())
    member, name = three.cluster.member(victim), naming.role(victim, "acceptor")
    three.put(three.leader(), "k", "v")
    until(three.equal)
    three.kill(victim)
    with socket.create_server((member.host, member.ports["acceptor"])) as thief:
        calls = [overheard(thief) for _ in range(4)]
    assert all([frame.kind for frame in call] == [CONNECT] for call in calls), "a proof was sent"
    shown = [load(call[0].serializer, call[0].payload)["handshake"] for call in calls]
    assert all("proof" not in one for one in shown)
    three.start(victim)
    until(lambda: is_up(three, victim), TIMEOUT)
    known = three.status(victim)
    proof = dump(MSGPACK, {"handshake": {"proof": "0" * 64}, "object": name})
    for call in calls:
        guess = call[0]._replace(payload=proof)
        for frames, wanted in ((call, [CONNECT_OK]), ([*call, guess], [CONNECT_OK, CONNECT_FAIL])):
            kinds = shown_again(connected(member.host, member.ports["acceptor"]), frames, name)
            assert kinds == wanted
    until(three.equal)
    now = three.status(victim)
    assert (now["pid"], now["state"], now["roles"]) == (known["pid"], "up", known["roles"])


def test_a_replica_with_other_times_is_kept_apart_and_all_say_which_files_differ(
    three: Replicas,
) -> None:
    victim = next(i for i in three.running if i != three.leader())
    other = next(i for i in three.running if i not in (victim, three.leader()))
    edited = three.data / "edited.toml"
    text = (three.data / "cluster.toml").read_text()
    assert "lease = 0.5\n" in text
    edited.write_text(text.replace("lease = 0.5\n", "lease = 0.55\n"))
    three.kill(victim)
    output = three.data / "output"
    three.running[victim] = start(str(victim), "--config", str(edited), output=output)

    def says(replica: int, about: int) -> bool:
        reported = "; ".join(three.status(replica)["notes"])
        return all(
            part in reported
            for part in (f"{about} at", "other members or times", f"lease 0.55 in {edited}")
        )

    until(lambda: is_up(three, victim) and says(victim, other), TIMEOUT)
    until(lambda: says(other, victim), TIMEOUT)
    assert f"default times in {three.data / 'cluster.toml'}" in "; ".join(
        three.status(other)["notes"]
    )
    three.put(other, "goes", "on")
    assert three.status(victim)["role"] == "follower"
    for replica in (victim, other):
        log = three.data / f"replica{replica}" / "replica.log"
        until(partial(stands_in, log, "other members or times"), TIMEOUT)
    three.kill(victim)
    three.start(victim)
    until(three.equal, TIMEOUT)
    until(lambda: all(three.status(i)["notes"] == [] for i in three.running), TIMEOUT)
