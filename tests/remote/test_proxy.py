"""Our own proxy: deadlines, lost connections, and whom it trusts."""

from __future__ import annotations

import contextlib
import copy
import pickle
import random
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import Pyro5.api
import Pyro5.client
import Pyro5.errors
import pytest
from Pyro5.errors import PyroError

from kvrmi.remote.channel import Channel
from kvrmi.remote.daemon import Daemon
from kvrmi.remote.frames import CONNECT_OK, RESULT, Frame, pack
from kvrmi.remote.identity import Credentials, challenge
from kvrmi.remote.payload import SERPENT, dump
from kvrmi.remote.proxy import Proxy, connect
from kvrmi.remote.stream import Stream
from server.ports import free_block

from .rig import NAME, TIMEOUT, Target, serve, until

SECRET = b"s" * 32
META = {"methods": ["echo"], "oneway": [], "attrs": []}
WELCOME = {"handshake": "hello", "meta": META}
SERIALIZERS = ["serpent", "msgpack", "json"]
Script = Callable[[Channel, Frame], None]


def to(daemon: Daemon, **changes: object) -> Proxy:
    settings: dict[str, object] = {"timeout": TIMEOUT, **changes}
    return connect("127.0.0.1", daemon.port, NAME, **settings)  # type: ignore[arg-type]


@contextlib.contextmanager
def impostor(*scripts: Script, welcome: object = None) -> Iterator[int]:
    """Something else that speaks the protocol; each connection runs the next script a call."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(TIMEOUT)

    def run() -> None:
        for script in scripts:
            with contextlib.suppress(OSError):
                channel = Channel(Stream(listener.accept()[0]), 1 << 20)
                try:
                    shake = channel.receive(TIMEOUT)
                    answer = dump(SERPENT, welcome or WELCOME)
                    channel.send(pack(CONNECT_OK, SERPENT, 0, shake.sequence, answer))
                    script(channel, channel.receive(TIMEOUT))
                finally:
                    channel.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
        thread.join(TIMEOUT)


def answer(channel: Channel, call: Frame) -> None:
    channel.send(pack(RESULT, SERPENT, 0, call.sequence, dump(SERPENT, "right")))


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_it_calls_and_raises_what_was_raised(daemon: Daemon, serializer: str) -> None:
    with to(daemon, serializer=serializer) as proxy:
        for value in ("text", "it's \\ \n\0€", 3, None, True, [1, "b"], {"a": 1}):
            assert proxy.echo(value) == value
        with pytest.raises(ValueError, match=r"^INVALID: value$"):
            proxy.fail("value")
        with pytest.raises(TimeoutError, match="INVALID: time"):
            proxy.fail("time")
        assert proxy.echo(value=1) == 1


@pytest.mark.parametrize("serializer", ["serpent", "msgpack"])
def test_bytes_stay_bytes_without_any_global_setting(daemon: Daemon, serializer: str) -> None:
    assert not Pyro5.config.SERPENT_BYTES_REPR
    with to(daemon, serializer=serializer) as proxy:
        assert proxy.receive(b"\x00'\xff") == b"\xff'\x00"


def test_settings_of_the_program_it_lives_in_play_no_part(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "COMPRESSION": True, "SERIALIZER": "marshal", "MAX_RETRIES": 5, "COMMTIMEOUT": 0.001,
        "MAX_MESSAGE_SIZE": 10,
    }.items():  # fmt: skip
        monkeypatch.setattr(Pyro5.config, name, value)
    with to(daemon) as proxy:
        assert proxy.echo("x" * 1000) == "x" * 1000


def test_it_calls_pyros_own_daemon_too(target: Target) -> None:
    """A name server of somebody else's, for one."""
    bare = Pyro5.api.Daemon("127.0.0.1", 0)
    bare.register(target, NAME)
    thread = threading.Thread(target=bare.requestLoop, daemon=True)
    thread.start()
    try:
        port = int(bare.locationStr.rpartition(":")[2])
        with connect("127.0.0.1", port, NAME, timeout=5) as proxy:
            assert proxy.echo("x") == "x"
            with pytest.raises(ValueError, match="INVALID"):
                proxy.fail("value")
    finally:
        bare.shutdown()
        thread.join(TIMEOUT)


def test_a_call_ends_by_its_deadline_and_its_late_answer_is_not_the_next_ones(
    daemon: Daemon, target: Target
) -> None:
    with to(daemon) as proxy:
        assert proxy.echo(0) == 0
        proxy._pyroTimeout = 0.1
        begun = monotonic()
        with pytest.raises(Pyro5.errors.TimeoutError):
            proxy.block()
        assert monotonic() - begun < 4
        proxy._pyroTimeout = TIMEOUT
        target.leave.set()
        assert proxy.echo("mine") == "mine"


def test_a_trickled_answer_ends_by_the_deadline() -> None:
    def trickle(channel: Channel, call: Frame) -> None:
        for byte in pack(RESULT, SERPENT, 0, call.sequence, dump(SERPENT, "x" * 500)):
            channel.send(bytes([byte]))
            threading.Event().wait(0.02)

    with impostor(trickle) as port, connect("127.0.0.1", port, NAME, timeout=0.3) as proxy:
        begun = monotonic()
        with pytest.raises(Pyro5.errors.TimeoutError):
            proxy.echo(1)
        assert monotonic() - begun < 4


def test_the_time_that_sending_took_is_not_given_again_for_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read_late(channel: Channel, call: Frame) -> None:
        answer(channel, call)
        channel.stream.receive(1, TIMEOUT)  # the next call is being sent
        threading.Event().wait(0.2)
        while True:
            channel.stream.receive(1 << 20, 0)

    waits: list[float] = []

    def receive(wait: float, end: float) -> Frame:
        waits.append(wait)
        raise TimeoutError

    with (
        impostor(read_late) as port,
        connect("127.0.0.1", port, NAME, timeout=TIMEOUT) as proxy,
    ):
        assert proxy.echo(1) == "right"
        link = proxy._pyroConnection
        assert link is not None
        monkeypatch.setattr(link.channel, "receive", receive)
        with pytest.raises(Pyro5.errors.TimeoutError):
            proxy.echo("x" * (32 << 20))
    assert 0 < waits[0] <= TIMEOUT - 0.2


def test_a_lost_connection_is_told_and_the_next_call_connects_again(daemon: Daemon) -> None:
    with to(daemon) as proxy:
        assert proxy.echo(1) == 1
        for connection in tuple(daemon._listener._connections):
            connection.channel.cut()
        with pytest.raises(Pyro5.errors.ConnectionClosedError):
            proxy.echo(2)
        assert proxy.echo(3) == 3


def wrong_sequence(channel: Channel, call: Frame) -> None:
    channel.send(pack(RESULT, SERPENT, 0, call.sequence + 1, dump(SERPENT, "wrong")))


def wrong_kind(channel: Channel, call: Frame) -> None:
    channel.send(pack(CONNECT_OK, SERPENT, 0, call.sequence, dump(SERPENT, "wrong")))


def wrong_serializer(channel: Channel, call: Frame) -> None:
    channel.send(pack(RESULT, 2, 0, call.sequence, dump(SERPENT, "wrong")))


def compressed(channel: Channel, call: Frame) -> None:
    channel.send(pack(RESULT, SERPENT, 2, call.sequence, dump(SERPENT, "wrong")))


def garbage(channel: Channel, call: Frame) -> None:
    channel.send(b"garbage" * 20)


def unreadable(channel: Channel, call: Frame) -> None:
    channel.send(pack(RESULT, SERPENT, 0, call.sequence, b"(("))


@pytest.mark.parametrize(
    "script", [wrong_sequence, wrong_kind, wrong_serializer, compressed, garbage, unreadable]
)
def test_after_a_wrong_answer_the_connection_is_not_used_again(script: Script) -> None:
    with (
        impostor(script, answer) as port,
        connect("127.0.0.1", port, NAME, timeout=TIMEOUT) as proxy,
    ):
        with pytest.raises(Pyro5.errors.CommunicationError):
            proxy.echo(1)
        assert proxy._pyroConnection is None
        assert proxy.echo(1) == "right"


def test_it_belongs_to_a_thread_and_not_to_a_greenlet(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A greenlet that outlives its thread ends a process with a segmentation fault."""
    monkeypatch.setattr(Pyro5.client, "get_ident", object)  # as where greenlet is installed
    with to(daemon) as proxy:
        assert proxy._Proxy__pyroOwnerThread == threading.get_ident()
        assert proxy.echo("mine") == "mine"
        with ThreadPoolExecutor(1) as other:
            with pytest.raises(PyroError, match="of another thread"):
                other.submit(proxy.echo, "not yours").result(TIMEOUT)
            other.submit(proxy._pyroClaimOwnership).result(TIMEOUT)
            assert other.submit(proxy.echo, "yours").result(TIMEOUT) == "yours"
            owner = proxy._Proxy__pyroOwnerThread
        assert owner != threading.get_ident()
        proxy._pyroClaimOwnership()


def test_nobody_there_is_a_communication_error() -> None:
    port = free_block("127.0.0.1", 1, random.Random())
    with pytest.raises(Pyro5.errors.CommunicationError, match="cannot connect"):
        connect("127.0.0.1", port, NAME, timeout=1).echo(1)


def test_somebody_silent_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = monotonic()
        with pytest.raises(Pyro5.errors.TimeoutError):
            connect("127.0.0.1", silent.getsockname()[1], NAME, timeout=0.2).echo(1)
        assert monotonic() - begun < 4


def test_a_credentials_is_shown_and_the_answer_checked(target: Target) -> None:
    daemon = serve(target, admit=lambda data: challenge(SECRET, "c", NAME, data))
    try:
        with to(daemon, credentials=Credentials("c", 2, "replica", SECRET)) as proxy:
            assert proxy.who() == [2, "replica"]
        with pytest.raises(Pyro5.errors.CommunicationError, match="does not know"):
            to(daemon, credentials=Credentials("c", 2, "replica", b"wrong" * 8)).who()
    finally:
        daemon.cut()


def test_one_who_does_not_know_the_secret_gets_no_call_not_even_the_second() -> None:
    """In Pyro's own proxy the connection stays after a failed validation."""
    called = threading.Event()

    def take(channel: Channel, call: Frame) -> None:
        called.set()

    with impostor(take, take) as port:
        credentials = Credentials("c", 2, "replica", SECRET)
        proxy = connect("127.0.0.1", port, NAME, timeout=TIMEOUT, credentials=credentials)
        for _ in range(2):
            with pytest.raises(Pyro5.errors.CommunicationError, match="does not know"):
                proxy.echo(1)
            assert proxy._pyroConnection is None
    assert not called.is_set()


@pytest.mark.parametrize("welcome", ["text", {"handshake": 1, "meta": 1}, {"x": 1}, [1]])
def test_a_strange_welcome_leaves_no_connection(welcome: object) -> None:
    with impostor(answer, welcome=welcome) as port:
        proxy = connect("127.0.0.1", port, NAME, timeout=1)
        with pytest.raises(Pyro5.errors.CommunicationError, match="cannot connect"):
            proxy.echo(1)
        assert proxy._pyroConnection is None


def test_it_cannot_be_copied_with_its_credentials(daemon: Daemon) -> None:
    proxy = to(daemon, credentials=Credentials("c", 2, "replica", SECRET))
    for take in (copy.copy, pickle.dumps):
        with pytest.raises(TypeError):
            take(proxy)


def test_oneway_calls_are_not_made(daemon: Daemon) -> None:
    with to(daemon) as proxy, pytest.raises(Pyro5.errors.PyroError):
        proxy._pyroInvoke("echo", (1,), {}, flags=4)


def test_batches_are(daemon: Daemon) -> None:
    with to(daemon) as proxy:
        batch = Pyro5.api.BatchProxy(proxy)
        batch.echo(1)
        batch.fail("value")
        results = batch()
        assert next(results) == 1
        with pytest.raises(ValueError, match="INVALID"):
            next(results)


def test_an_unknown_serializer_is_refused_here(daemon: Daemon) -> None:
    with pytest.raises(ValueError, match="serializer is one of"):
        to(daemon, serializer="marshal")


def test_released_proxies_leave_nothing_open(daemon: Daemon) -> None:
    for _ in range(30):
        with to(daemon) as proxy:
            assert proxy.echo(1) == 1
    until(lambda: daemon.connections == 0)
