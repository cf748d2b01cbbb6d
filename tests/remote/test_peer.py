"""Held connections: never blocking, whatever the other side does."""

from __future__ import annotations

import errno
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest

from kvrmi.remote.daemon import Daemon
from kvrmi.remote.gather import Gather
from kvrmi.remote.identity import Credentials, challenge
from kvrmi.remote.peer import Peer
from server.ports import free_block
from tests.stopping import stop

from .rig import NAME, TIMEOUT, Target, exposed, serve, until

SECRET = b"s" * 32
SHORT = 0.2

CHILD = """
import sys, threading
import Pyro5.api
from kvrmi.remote.daemon import Daemon
class Target:
    @Pyro5.api.expose
    def receive(self, data):
        return data[::-1]
daemon = Daemon("127.0.0.1", 0, admit=None, pool=10, max_message=4 << 20, idle=60)
daemon.register(Target(), "test.object")
daemon.start()
print(daemon.port, flush=True)
sys.stdin.read()
"""


class Rig:
    """Peers of some ports, behind one Gather, gone after the test."""

    def __init__(self) -> None:
        self._gathers: list[Gather] = []

    def peers(self, *ports: int, **changes: Any) -> tuple[Gather, list[Peer]]:
        settings: dict[str, Any] = {"connect_timeout": SHORT, **changes}
        credentials = settings.pop("credentials", None)
        peers = [Peer("127.0.0.1", port, NAME, credentials, **settings) for port in ports]
        gather = Gather(peers)
        self._gathers.append(gather)
        for peer in peers:
            peer.connect_later()
        return gather, peers

    def peer(self, port: int, **changes: Any) -> tuple[Gather, Peer]:
        gather, peers = self.peers(port, **changes)
        until(lambda: peers[0].state == "connected", "connection")
        return gather, peers[0]

    def close(self) -> None:
        for gather in self._gathers:
            gather.close()


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.close()


@pytest.fixture
def child() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A peer in a process of its own, for it to be stopped or killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
        process.kill()


@pytest.fixture
def silent() -> Iterator[tuple[int, list[socket.socket]]]:
    """Shakes hands and never answers a call."""
    target = Target()
    daemon = serve(target, max_message=64 << 20)
    daemon._calls.answer = lambda *_, **__: threading.Event().wait(TIMEOUT) or b""  # type: ignore
    yield daemon.port, []
    daemon.cut()


def collect(gather: Gather, count: int) -> list[tuple[object, bytes]]:
    answers: list[tuple[object, bytes]] = []
    deadline = monotonic() + TIMEOUT
    while len(answers) < count:
        assert monotonic() < deadline, f"{len(answers)} of {count} answers"
        for peer in gather.wait(0.1):
            answers += peer.read(monotonic())
    return answers


def lost(gather: Gather, peer: Peer) -> list[object]:
    tokens: list[object] = []

    def some() -> bool:
        for ready in gather.wait(0.01):
            assert ready.read(monotonic()) == []
        tokens.extend(peer.lost())
        return bool(tokens)

    until(some, "lost tokens")
    return tokens


def test_answers_come_in_order_with_their_tokens(daemon: Daemon, rig: Rig) -> None:
    gather, peer = rig.peer(daemon.port)
    for i in range(16):
        assert peer.send(monotonic(), b"%d!" % i, i, 5)
    assert collect(gather, 16) == [
        (i, b"!%d" % i if i < 10 else b"!%d%d" % (i % 10, 1)) for i in range(16)
    ]
    assert peer.overdue(monotonic() + 100) == []
    assert peer.lost() == []


def test_any_bytes_of_any_size_pass(rig: Rig, target: Target) -> None:
    daemon = serve(target, max_message=4 << 20)
    gather, peer = rig.peer(daemon.port)
    for size in (0, 1, 255, 256, 65535, 65536, 1 << 20, 3 << 20):
        data = os.urandom(size)
        assert peer.send(monotonic(), data, size, 5)
        assert collect(gather, 1) == [(size, data[::-1])]
        assert not peer.wants_write
    daemon.cut()


def test_an_unconnected_peer_takes_nothing(rig: Rig, daemon: Daemon) -> None:
    peer = Peer("127.0.0.1", daemon.port, NAME, None, connect_timeout=SHORT)
    assert (peer.state, peer.fileno()) == ("idle", -1)
    assert not peer.send(monotonic(), b"x", 1, 1)
    assert peer.read(monotonic()) == []
    peer.close()


def test_the_window_is_kept(rig: Rig, silent: tuple[int, Any]) -> None:
    _, peer = rig.peer(silent[0], window=3)
    sent = [peer.send(monotonic(), b"x", i, 5) for i in range(5)]
    assert sent == [True, True, True, False, False]
    assert peer.sent == 3


def test_an_overdue_answer_closes_and_loses_all(rig: Rig, silent: tuple[int, Any]) -> None:
    _, peer = rig.peer(silent[0])
    now = monotonic()
    assert peer.send(now, b"x", "first", 0.25)
    assert peer.send(now, b"x", "second", 5)
    assert peer.overdue(now + 0.2) == []
    assert peer.overdue(now + 0.26) == ["first", "second"]
    assert (peer.state, peer.lost(), peer.overdue(now + 9)) == ("idle", [], [])
    assert not peer.send(now, b"x", "third", 1)


def test_a_closed_connection_is_noticed_at_once(rig: Rig, target: Target) -> None:
    daemon = serve(target)
    gather, peer = rig.peer(daemon.port)
    daemon.cut()
    begun = monotonic()
    until(lambda: gather.wait(10) and peer.read(monotonic()) == [] and peer.state == "idle")
    assert monotonic() - begun < 5


def test_tokens_of_a_closed_connection_are_lost_once(rig: Rig, target: Target) -> None:
    class Slow(Target):
        @exposed
        def receive(self, data: bytes) -> bytes:
            target.entered.set()
            target.leave.wait(TIMEOUT)
            return b""

    daemon = serve(Slow())
    gather, peer = rig.peer(daemon.port)
    for i in range(3):
        assert peer.send(monotonic(), b"x", i, 5)
    assert target.entered.wait(TIMEOUT)
    daemon.cut()
    assert lost(gather, peer) == [0, 1, 2]
    assert peer.lost() == []


def test_a_refused_connect_is_reported_and_tried_again(rig: Rig, target: Target) -> None:
    port = free_block("127.0.0.1", 1, random.Random())
    refused: list[Peer] = []
    _, (peer,) = rig.peers(port, on_refused=refused.append)
    until(lambda: len(refused) >= 2, "refusals")
    assert peer.state == "refused"
    daemon = Daemon("127.0.0.1", port, admit=None, pool=5, max_message=1 << 20, idle=60)
    daemon.register(target, NAME)
    daemon.start()
    until(lambda: peer.state == "connected", "connection")
    daemon.cut()


def test_it_connects_again_when_told(rig: Rig, target: Target, daemon: Daemon) -> None:
    gather, peer = rig.peer(daemon.port)
    for connection in tuple(daemon._listener._connections):
        connection.channel.cut()
    until(lambda: gather.wait(0.01) and peer.read(monotonic()) == [] and peer.state == "idle")
    peer.connect_later()
    until(lambda: peer.state == "connected")
    assert peer.send(monotonic(), b"ab", "token", 5)
    assert collect(gather, 1) == [("token", b"ba")]


def test_credentials_are_shown_and_wrong_ones_never_connect(rig: Rig, target: Target) -> None:
    daemon = serve(target, admit=lambda data: challenge(SECRET, "c", NAME, data))
    gather, peer = rig.peer(daemon.port, credentials=Credentials("c", 1, "replica", SECRET))
    assert peer.send(monotonic(), b"ab", 1, 5)
    assert collect(gather, 1) == [(1, b"ba")]
    _, (wrong,) = rig.peers(daemon.port, credentials=Credentials("c", 1, "replica", b"other" * 8))
    _, (none,) = rig.peers(daemon.port)
    threading.Event().wait(0.2)
    assert "connected" not in (wrong.state, none.state)
    daemon.cut()


def test_one_who_does_not_know_the_secret_is_not_connected_to(rig: Rig, daemon: Daemon) -> None:
    _, (peer,) = rig.peers(daemon.port, credentials=Credentials("c", 1, "replica", SECRET))
    until(lambda: daemon.connections == 0)
    threading.Event().wait(0.1)
    assert peer.state != "connected"


def test_an_error_is_an_empty_answer(rig: Rig) -> None:
    class Failing:
        @exposed
        def receive(self, data: bytes) -> object:
            return "text" if data == b"text" else 1 // 0

    daemon = serve(Failing())
    gather, peer = rig.peer(daemon.port)
    assert peer.send(monotonic(), b"x", 1, 5)
    assert collect(gather, 1) == [(1, b"")]
    assert peer.send(monotonic(), b"text", 2, 5)
    assert lost(gather, peer) == [2]
    daemon.cut()


def test_a_stopped_peer_never_blocks(
    rig: Rig, child: tuple[subprocess.Popen[str], int], daemon: Daemon
) -> None:
    process, port = child
    gather, (stopped, other) = rig.peers(port, daemon.port, window=1000)
    until(lambda: stopped.state == other.state == "connected")
    stop(process.pid)
    times, taken = [], 0
    for i in range(400):
        begun = monotonic()
        taken += stopped.send(begun, bytes(20_000), i, 60)
        assert other.send(begun, b"%d" % i, i, 5)
        gather.wait(0)
        stopped.read(begun)
        times.append(monotonic() - begun)
        for token, _ in collect(gather, 1):
            assert token == i
    # 400 x 20 kB do not fit into any socket; a busy machine may take a few moments for itself.
    assert sorted(times)[-10] < 0.25
    assert taken < 400
    assert stopped.wants_write
    process.send_signal(signal.SIGCONT)
    assert len(collect(gather, taken)) == taken
    assert not stopped.wants_write
    assert stopped.send(monotonic(), b"ab", "again", 5)
    assert collect(gather, 1) == [("again", b"ba")]


def test_connecting_to_a_stopped_peer_blocks_nobody(
    rig: Rig, child: tuple[subprocess.Popen[str], int]
) -> None:
    process, port = child
    stop(process.pid)
    begun = monotonic()
    gather, (peer,) = rig.peers(port, connect_timeout=30)
    assert not peer.send(monotonic(), b"x", 1, 1)
    assert gather.wait(0) == []
    assert monotonic() - begun < 4
    assert peer.state == "connecting"
    process.send_signal(signal.SIGCONT)
    until(lambda: peer.state == "connected")


def test_a_killed_peer_is_noticed_and_refuses(
    rig: Rig, child: tuple[subprocess.Popen[str], int]
) -> None:
    process, port = child
    refused = threading.Event()
    gather, peer = rig.peer(port, on_refused=lambda _: refused.set())
    process.kill()
    until(lambda: gather.wait(0.1) and peer.read(monotonic()) == [] and peer.state == "idle")
    peer.connect_later()
    assert refused.wait(TIMEOUT)


def test_poke_ends_a_wait_from_any_thread(rig: Rig) -> None:
    gather, _ = rig.peers()
    threading.Timer(0.05, gather.wake).start()
    begun = monotonic()
    assert gather.wait(TIMEOUT) == []
    assert monotonic() - begun < TIMEOUT / 2
    gather.wake()
    gather.wake()
    assert gather.wait(TIMEOUT) == []
    assert gather.wait(0) == []


def test_many_threads_send_while_one_collects(daemon: Daemon, rig: Rig) -> None:
    gather, peer = rig.peer(daemon.port)
    sent: list[int] = []

    def send(base: int) -> None:
        for i in range(base, base + 200):
            until(lambda i=i: peer.send(monotonic(), b"%d" % i, i, 30))  # type: ignore[misc]
            sent.append(i)

    threads = [threading.Thread(target=send, args=(1000 * t,)) for t in range(4)]
    for thread in threads:
        thread.start()
    answers = collect(gather, 800)
    for thread in threads:
        thread.join(TIMEOUT)
    assert all(data[::-1].decode() == str(token) for token, data in answers)
    assert sorted(map(str, sent)) == sorted(str(token) for token, _ in answers)
    assert peer.sent == 800


def test_a_closed_peer_stays_closed(daemon: Daemon, rig: Rig) -> None:
    _, peer = rig.peer(daemon.port)
    assert peer.send(monotonic(), b"x", 1, 5)
    peer.close()
    peer.connect_later()
    assert peer.lost() == [1]
    assert (peer.state, peer.fileno()) == ("idle", -1)
    assert NAME in repr(peer)


def test_a_kernel_that_watches_no_more_costs_a_connection_and_not_the_peer(
    daemon: Daemon, rig: Rig
) -> None:
    """A connection that nobody reads would take requests, and none would be answered."""
    gather, (peer,) = rig.peers(0)  # nobody listens: not connected
    refusals = iter([OSError(errno.ENOSPC, "no space left on device")] * 3)

    def refuse(peer: Peer, watch: Callable[[Peer], None] | None = peer.on_connected) -> None:
        if error := next(refusals, None):
            raise error
        assert watch is not None
        watch(peer)

    peer.on_connected = refuse
    peer._where = ("127.0.0.1", daemon.port)
    until(lambda: peer.state == "connected", "connection")
    assert next(refusals, None) is None
    assert peer.send(monotonic(), b"abc", 1, 5)
    assert collect(gather, 1) == [(1, b"cba")]
