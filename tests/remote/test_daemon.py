"""A daemon's life: starting, limits on connections and time, being cut, dying."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Iterator
from time import monotonic, time
from typing import Any

import Pyro5.api
import Pyro5.errors
import pytest

from kvrmi.remote import channel
from kvrmi.remote import daemon as daemon_module
from kvrmi.remote.daemon import Daemon
from kvrmi.remote.frames import CONNECT, CONNECT_OK, INVOKE, pack
from kvrmi.remote.identity import Caller, Credentials, challenge
from kvrmi.remote.listener import Listener
from kvrmi.remote.payload import MSGPACK, SERPENT, Call, dump_call

from .rig import NAME, Raw, Target, serve, until

SECRET = b"s" * 32


@contextlib.contextmanager
def running(target: Target, **changes: Any) -> Iterator[Daemon]:
    daemon = serve(target, **changes)
    try:
        yield daemon
    finally:
        target.leave.set()
        daemon.cut()


def test_it_is_a_pyro_daemon(daemon: Daemon) -> None:
    assert isinstance(daemon, Pyro5.api.Daemon)
    assert str(daemon.uriFor(NAME)) == f"PYRO:{NAME}@127.0.0.1:{daemon.port}"
    assert daemon.alive


def test_a_busy_port_is_an_os_error(daemon: Daemon) -> None:
    with pytest.raises(OSError, match=rf"port {daemon.port} on 127\.0\.0\.1: .* in use"):
        Daemon("127.0.0.1", daemon.port, admit=None, pool=1, max_message=1, idle=1)


def test_what_should_be_encrypted_is_not_served_in_the_clear(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Pyro5.config, "SSL", True)
    with pytest.raises(OSError, match="SSL"):
        Daemon("127.0.0.1", 0, admit=None, pool=1, max_message=1, idle=1)


def test_clients_are_known_by_the_names_they_give(daemon: Daemon) -> None:
    """Whoever has one is listed as long as it is connected; the others are served all the same."""
    began = time()
    with Raw(daemon.port) as ana, Raw(daemon.port) as ben, Raw(daemon.port).shaken():
        assert ana.shake({"name": "ana", "bytes": "base64"}).kind == CONNECT_OK
        assert ben.shake({"name": "ben.2"}, MSGPACK).kind == CONNECT_OK
        until(lambda: len(daemon.clients) == 2)
        first, second = daemon.clients
        assert (first.name, second.name) == ("ana", "ben.2")
        assert first.address == "{}:{}".format(*ana.sock.getsockname())
        assert began - 1 <= first.since <= second.since <= time() + 1
    until(lambda: not daemon.clients)


@pytest.mark.parametrize(
    "name", ["", "x" * 31, "a b", "a\nb", "[red]", "\x1b[2J", 5, None, ["a"], {"a": 1}, b"a"]
)
def test_an_odd_name_is_none_and_no_reason_to_refuse(daemon: Daemon, name: object) -> None:
    with Raw(daemon.port) as raw:
        assert raw.shake({"name": name}).kind == CONNECT_OK
        raw.call("echo", 1)
        assert raw.answer() == 1
        assert not daemon.clients


def test_a_name_is_taken_once(daemon: Daemon) -> None:
    with pytest.raises(ValueError, match="taken"):
        daemon.register(Target(), NAME)


def test_cut_ends_sixty_connections_at_once_and_frees_the_port(target: Target) -> None:
    with running(target, pool=100) as daemon:
        raws = [Raw(daemon.port).shaken() for _ in range(60)]
        for raw in raws[:5]:
            raw.call("block")  # workers that are busy are not waited for
        until(lambda: target.calls == 5)
        begun = monotonic()
        daemon.cut()
        assert monotonic() - begun < 5, "they are busy for longer"
        assert not daemon.alive
        again = Daemon("127.0.0.1", daemon.port, admit=None, pool=1, max_message=1, idle=1)
        again.cut()
        for raw in raws:
            assert raw.closed()
            raw.channel.close()
        target.leave.set()
        until(lambda: daemon.connections == 0)


def test_cut_twice_and_before_start_is_no_error() -> None:
    daemon = Daemon("127.0.0.1", 0, admit=None, pool=1, max_message=1, idle=1)
    daemon.cut()
    daemon.shutdown()
    daemon.close()


def settled(daemon: Daemon, count: int) -> None:
    """Wait until `count` connections are admitted and outside a call; answers come before that."""
    until(
        lambda: (
            sum(each.admitted and each.idle_since > 0 for each in daemon._listener._connections)
            == count
        )
    )


def test_a_full_pool_closes_the_connection_that_is_idle_longest(target: Target) -> None:
    with (
        running(target, pool=3) as daemon,
        Raw(daemon.port) as busy,
        Raw(daemon.port) as oldest,
        Raw(daemon.port) as used,
    ):
        busy.shaken().call("block")
        assert target.entered.wait(60)
        oldest.shaken()
        used.shaken()
        settled(daemon, 2)
        used.call("echo", 1)
        assert used.answer() == 1
        settled(daemon, 2)
        with Raw(daemon.port) as late:
            late.shaken().call("echo", 2)
            assert late.answer() == 2
            assert oldest.closed()
            used.call("echo", 3)
            assert used.answer() == 3
            target.leave.set()
            assert busy.answer() == "left"


def test_those_that_never_said_who_they_are_make_room_first(target: Target) -> None:
    with running(target, pool=3) as daemon, Raw(daemon.port) as client:
        client.shaken()
        settled(daemon, 1)
        for _ in range(10):
            sock = socket.create_connection(("127.0.0.1", daemon.port), 5)
            sock.close()
        silent = [socket.create_connection(("127.0.0.1", daemon.port), 5) for _ in range(8)]
        with Raw(daemon.port) as late:
            late.shaken()
        client.call("echo", "still here")
        assert client.answer() == "still here"
        for sock in silent:
            sock.close()


def test_a_pool_full_of_calls_refuses_and_recovers(target: Target) -> None:
    with running(target, pool=1) as daemon, Raw(daemon.port) as busy:
        busy.shaken().call("block")
        assert target.entered.wait(60)
        with Raw(daemon.port) as late:
            assert late.closed()
        target.leave.set()
        assert busy.answer() == "left"
        with Raw(daemon.port) as late:
            late.shaken()


def test_an_idle_connection_is_closed(target: Target) -> None:
    with running(target, idle=0.1) as daemon, Raw(daemon.port) as raw:
        begun = monotonic()
        raw.shaken()
        assert raw.closed()
        assert monotonic() - begun >= 0.09


def test_a_handshake_has_its_time(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_module, "_HANDSHAKE_SECONDS", 0.2)
    with running(target) as daemon, Raw(daemon.port) as silent, Raw(daemon.port) as slow:
        begun = monotonic()
        slow.sock.sendall(pack(CONNECT, SERPENT, 0, 0, b"x" * 100)[:60])
        assert silent.closed()
        assert slow.closed()
        assert monotonic() - begun < 1.9, "2 by default"


def test_a_begun_frame_has_its_time_however_it_trickles(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "FRAME_SECONDS", 0.3)
    stop = threading.Event()
    with running(target) as daemon, Raw(daemon.port) as raw:
        raw.shaken()
        frame = pack(INVOKE, SERPENT, 0, 1, dump_call(SERPENT, Call(NAME, "echo", (1,), {})))

        def trickle() -> None:
            with contextlib.suppress(OSError):
                for byte in frame:
                    raw.sock.sendall(bytes([byte]))
                    if stop.wait(0.05):
                        return

        thread = threading.Thread(target=trickle)
        begun = monotonic()
        thread.start()
        assert raw.closed()
        assert monotonic() - begun < 4, "it would trickle for longer"
        stop.set()
        thread.join()
    assert target.calls == 0


def test_one_who_does_not_read_loses_the_connection(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else as many of them as the pool has would keep everybody out."""
    monkeypatch.setattr(channel, "FRAME_SECONDS", 0.2)
    with running(target, max_message=8 << 20) as daemon, Raw(daemon.port) as raw:
        raw.shaken().call("large", 8_000_000, serializer=MSGPACK)
        until(lambda: daemon.connections == 0)


def test_callers_are_known_and_strangers_never_enter(target: Target) -> None:
    left: list[Caller | None] = []
    with running(
        target, admit=lambda data: challenge(SECRET, "c", NAME, data), on_disconnect=left.append
    ) as daemon:
        with Raw(daemon.port) as raw:
            raw.enter(Credentials("c", 4, "replica", SECRET))
            raw.call("who")
            assert raw.answer() == [4, "replica"]
        until(lambda: [one and one[:2] for one in left] == [(4, "replica")])
        announced = Credentials("c", 4, "replica", b"other" * 8).announce()
        for shown in (["hello"], [announced], [announced, {"proof": "0"}], [announced, announced]):
            with Raw(daemon.port) as raw:
                for one in shown:
                    raw.shake(one)
                raw.call("echo", 1)
                assert raw.closed()
        proxy = Pyro5.api.Proxy(f"PYRO:{NAME}@{daemon.locationStr}")
        with proxy, pytest.raises(Pyro5.errors.CommunicationError, match="needs proof"):
            proxy.echo(1)
    assert target.calls == 0
    assert len(left) == 1


def test_what_admission_fails_with_stays_inside(target: Target) -> None:
    def admit(data: object) -> None:
        raise KeyError("/etc/secret")

    with running(target, admit=admit) as daemon, Raw(daemon.port) as raw:
        assert b"secret" not in raw.shake().payload


def test_a_failing_accept_is_waited_out(
    target: Target, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Out of descriptors: an idle connection goes, and the loop does not spin."""
    failures = iter([OSError(errno.EMFILE, "too many open files")] * 3)

    class Failing:
        def __init__(self, sock: socket.socket) -> None:
            self._sock = sock

        def accept(self) -> Any:
            for error in failures:
                raise error
            return self._sock.accept()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._sock, name)

    with running(target) as daemon, Raw(daemon.port) as idle:
        idle.shaken()
        settled(daemon, 1)
        monkeypatch.setattr(daemon._listener, "sock", Failing(daemon._listener.sock))
        begun = monotonic()
        with Raw(daemon.port), Raw(daemon.port) as late:
            late.shaken()
        assert idle.closed()
        assert monotonic() - begun >= 0.1
        assert daemon.alive


def test_no_more_threads_is_survived(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start
    refusals = iter([True] * 6)  # each connection is tried twice

    def refuse(self: threading.Thread) -> None:
        if self.name == "kvrmi-connection" and next(refusals, False):
            raise RuntimeError("can't start new thread")
        start(self)

    with running(target) as daemon:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        for _ in range(3):
            with Raw(daemon.port) as raw:
                assert raw.closed()
        with Raw(daemon.port) as raw:
            raw.shaken()
        assert daemon.alive


def test_an_accept_loop_that_ends_is_reported(
    target: Target, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)

    def broken(self: Listener, condition: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(Listener, "run", broken)
    daemon = Daemon("127.0.0.1", 0, admit=None, pool=1, max_message=1, idle=1)
    dead = threading.Event()
    daemon.start(on_death=dead.set)
    assert dead.wait(60)
    until(lambda: not daemon.alive)
    daemon.cut()


def test_a_loop_of_ones_own_ends_with_its_condition() -> None:
    daemon = Daemon("127.0.0.1", 0, admit=None, pool=1, max_message=1, idle=1)
    daemon.requestLoop(lambda: False)
    daemon.cut()
