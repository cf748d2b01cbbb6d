"""A message beyond the limit: its sender reads why, nothing is done, and the connection ends."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

import Pyro5.api
import pytest

from kvrmi.remote import channel, exchanges
from kvrmi.remote.daemon import Daemon
from kvrmi.remote.frames import EXCEPTION, INVOKE, ONEWAY, pack
from kvrmi.remote.payload import SERPENT, Call, dump_call, load
from kvrmi.remote.reactor import Reactor

from .rig import NAME, Raw, Target, serve, until
from .test_reactor import turning

LIMIT = 1 << 20
SAYS = rf"INVALID: a message of 2\d{{6}} bytes, at most {LIMIT} are taken; nothing was done"


@pytest.fixture(params=["threads", "reactor"])
def running(request: pytest.FixtureRequest) -> Iterator[Callable[[Target], Daemon]]:
    """Daemons of both kinds."""
    with contextlib.ExitStack() as stack:

        def run(target: Target) -> Daemon:
            reactor = Reactor() if request.param == "reactor" else None
            if reactor is not None:
                stack.enter_context(turning(reactor))
            daemon = serve(target, reactor=reactor, max_message=LIMIT)
            stack.callback(lambda: until(lambda: daemon.connections == 0))
            stack.callback(daemon.cut)
            return daemon

        yield run


def call(size: int, flags: int = 0) -> bytes:
    data = dump_call(SERPENT, Call(NAME, "echo", ("x" * size,), {}))
    return pack(INVOKE, SERPENT, flags, 7, data)


def test_a_foreign_client_reads_why(
    running: Callable[[Target], Daemon], caplog: pytest.LogCaptureFixture
) -> None:
    target = Target()
    daemon = running(target)
    caplog.set_level(logging.INFO, "kvrmi.remote")
    proxy: Any = Pyro5.api.Proxy(f"PYRO:{NAME}@{daemon.locationStr}")
    with proxy:
        assert proxy.echo("small") == "small"
        with pytest.raises(ValueError, match=SAYS):
            proxy.echo("x" * (2 * LIMIT))
    until(lambda: daemon.connections == 0)
    assert target.calls == 1
    assert f"bytes, at most {LIMIT} are taken" in caplog.text
    with proxy:
        assert proxy.echo("again") == "again"


def test_the_connection_ends_after_the_answer(running: Callable[[Target], Daemon]) -> None:
    target = Target()
    with Raw(running(target).port) as raw:
        raw.shaken().sock.sendall(call(2 * LIMIT))
        answer = raw.channel.receive(10)
        assert (answer.flags & EXCEPTION, answer.sequence) == (EXCEPTION, 7)
        assert "at most" in str(load(SERPENT, answer.payload))
        assert raw.closed()
    assert target.calls == 0


def test_a_oneway_message_is_not_answered(running: Callable[[Target], Daemon]) -> None:
    with Raw(running(Target()).port) as raw:
        raw.shaken().sock.sendall(call(2 * LIMIT, ONEWAY))
        assert raw.closed()


def test_who_promises_much_and_sends_little_is_not_waited_for(
    running: Callable[[Target], Daemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "FRAME_SECONDS", 0.2)
    daemon = running(Target())
    with Raw(daemon.port) as raw:
        raw.shaken().sock.sendall(call(2 * LIMIT)[:1000])
        until(lambda: daemon.connections == 0)


def test_not_everything_is_read(
    running: Callable[[Target], Daemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchanges, "_DROPPED_BYTES", LIMIT)
    daemon = running(Target())
    with Raw(daemon.port) as raw:
        raw.shaken()
        with contextlib.suppress(ConnectionError):
            raw.sock.sendall(call(64 * LIMIT))
        until(lambda: daemon.connections == 0)
