"""A daemon on a reactor serves as one with a thread for each connection does."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import Pyro5.api
import pytest

from kvrmi.remote import channel
from kvrmi.remote.daemon import Daemon
from kvrmi.remote.frames import BATCH, CONNECT_OK, INVOKE, pack
from kvrmi.remote.later import Later, Reply
from kvrmi.remote.payload import MSGPACK, SERPENT, Call, dump, dump_call, load
from kvrmi.remote.reactor import Reactor

from .rig import NAME, Raw, Target, exposed, serve, until
from .test_reactor import turning


class Prompt(Target):
    """Never blocks; what is asked of `later` is answered by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[object, Reply]] = []
        self.threads: set[str] = set()

    @exposed
    def echo(self, value: object = None) -> object:
        self.threads.add(threading.current_thread().name)
        self.calls += 1
        return value

    @exposed
    def later(self, value: object = None) -> Later:
        return Later(lambda reply: self.asked.append((value, reply)))


@contextlib.contextmanager
def running(target: Target, **changes: Any) -> Iterator[Daemon]:
    reactor = Reactor()
    with turning(reactor):
        daemon = serve(target, reactor=reactor, **changes)
        try:
            yield daemon
        finally:
            daemon.cut()
            until(lambda: daemon.connections == 0)


@pytest.fixture
def prompt() -> Prompt:
    return Prompt()


@pytest.fixture
def daemon(prompt: Prompt) -> Iterator[Daemon]:
    with running(prompt, max_message=8 << 20) as made:
        yield made


@pytest.fixture
def raw(daemon: Daemon) -> Iterator[Raw]:
    with Raw(daemon.port) as made:
        yield made.shaken()


def test_calls_need_no_thread(daemon: Daemon, prompt: Prompt) -> None:
    before = threading.active_count()
    raws = [Raw(daemon.port).shaken() for _ in range(15)]
    for raw in raws:
        raw.call("echo", 1)
        assert raw.answer() == 1
    assert prompt.threads == {"reactor"}
    until(lambda: threading.active_count() <= before)
    for raw in raws:
        raw.channel.close()


@pytest.mark.parametrize(
    ("value", "serializer", "at_once"),
    [
        ([(f"key-{n}", "v" * 100) for n in range(100)], SERPENT, True),
        (["x" * 12_000], SERPENT, True),
        ([0] * 5_000, SERPENT, False),
        ([[]] * 4_000, SERPENT, False),
        (["x" * 12_000], MSGPACK, False),
        (["x" * 7_000], MSGPACK, True),
    ],
)
def test_what_is_read_in_few_steps_needs_no_thread(
    raw: Raw, prompt: Prompt, value: object, serializer: int, at_once: bool
) -> None:
    raw.call("echo", value, serializer=serializer)
    assert list(raw.answer()) == value
    raw.call("echo", 2)
    assert raw.answer() == 2
    assert prompt.calls == 2, "what was begun again was not carried out twice"
    assert (prompt.threads == {"reactor"}) is at_once


def test_a_plain_pyro_client_is_served(daemon: Daemon) -> None:
    with Pyro5.api.Proxy(f"PYRO:{NAME}@{daemon.locationStr}") as proxy:
        for value in ("short", "x" * 300_000, "y" * 3_000_000):
            assert proxy.echo(value) == value
        batch = Pyro5.api.BatchProxy(proxy)
        batch.echo(1)
        batch.echo(2)
        assert list(batch()) == [1, 2]


def test_a_thousand_calls_are_open_at_once(prompt: Prompt) -> None:
    with running(prompt, pool=1100) as daemon, contextlib.ExitStack() as stack:
        raws = [stack.enter_context(Raw(daemon.port)).shaken() for _ in range(1000)]
        threads = threading.active_count()
        for number, raw in enumerate(raws):
            raw.call("later", number)
        until(lambda: len(prompt.asked) == 1000)
        assert threading.active_count() <= threads
        for value, reply in reversed(prompt.asked):
            reply(value)
        assert [raw.answer() for raw in raws] == list(range(1000))


def test_calls_that_come_together_are_answered_in_order(daemon: Daemon, raw: Raw) -> None:
    frames = [
        pack(INVOKE, MSGPACK, 0, i, dump_call(MSGPACK, Call(NAME, "echo", (b"x" * i * 999,), {})))
        for i in range(70)
    ]
    sending = threading.Thread(target=raw.sock.sendall, args=(b"".join(frames),))
    sending.start()
    for i in range(70):
        frame = raw.channel.receive(5)
        assert (frame.sequence, load(MSGPACK, frame.payload)) == (i, b"x" * i * 999)
    sending.join()


def test_a_call_begins_after_the_answer_before_it(prompt: Prompt, raw: Raw) -> None:
    for number in range(5):
        raw.call("later", number)
        until(lambda: prompt.asked)
    for number in range(5):
        until(lambda: len(prompt.asked) > number)  # noqa: B023
        assert [value for value, _ in prompt.asked] == list(range(number + 1))
        prompt.asked[number][1](number)
        assert raw.answer() == number


def test_calls_that_wait_cost_nothing(prompt: Prompt, raw: Raw) -> None:
    """Neither a pipelined call nor a client that has gone keeps the thread busy."""
    raw.call("later", 1)
    until(lambda: prompt.asked)
    raw.call("later", 2)
    raw.sock.shutdown(socket.SHUT_RDWR)
    before = os.times()
    threading.Event().wait(0.3)
    after = os.times()
    assert after.user + after.system - before.user - before.system < 0.15
    for number in range(2):
        until(lambda: len(prompt.asked) > number)  # noqa: B023
        prompt.asked[number][1]("nobody is there")


def test_a_frame_in_pieces_is_read_elsewhere_and_in_time(
    daemon: Daemon, prompt: Prompt, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pack(INVOKE, SERPENT, 0, 1, dump_call(SERPENT, Call(NAME, "echo", (1,), {})))
    for _ in range(3):
        raw.sock.sendall(frame[:50])
        with Raw(daemon.port) as other:
            other.shaken().call("echo", "meanwhile")
            assert other.answer() == "meanwhile"
        raw.sock.sendall(frame[50:] + frame)
        assert raw.answer() == raw.answer() == 1
    monkeypatch.setattr(channel, "FRAME_SECONDS", 0.5)
    raw.sock.sendall(frame[:50])
    assert raw.closed()


def test_who_does_not_read_holds_nobody_up(
    daemon: Daemon, prompt: Prompt, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "FRAME_SECONDS", 1.0)
    with Raw(daemon.port) as deaf:
        deaf.shaken().call("large", 8_000_000, serializer=MSGPACK)
        for number in range(20):
            raw.call("echo", number)
            assert raw.answer() == number
        until(lambda: daemon.connections == 1)
    monkeypatch.undo()
    raw.call("large", 8_000_000, serializer=MSGPACK)
    assert raw.answer() == bytes(8_000_000)
    raw.call("echo", "next")
    assert raw.answer() == "next"


def test_a_connection_that_is_idle_too_long_is_closed(prompt: Prompt) -> None:
    with running(prompt, idle=1.0) as daemon, Raw(daemon.port) as busy:
        busy.shaken().call("later")
        until(lambda: prompt.asked)
        with Raw(daemon.port) as idle:
            begun = monotonic()
            idle.shaken()
            assert idle.closed()
            assert monotonic() - begun >= 0.99, "and longer than that since the other's call"
        prompt.asked[0][1]("a call is not idle")
        assert busy.answer() == "a call is not idle"
        assert busy.closed()


def test_the_one_idle_longest_makes_room(prompt: Prompt) -> None:
    with (
        running(prompt, pool=3) as daemon,
        Raw(daemon.port) as busy,
        Raw(daemon.port) as oldest,
        Raw(daemon.port) as used,
    ):
        busy.shaken().call("later")
        until(lambda: prompt.asked)
        oldest.shaken().call("echo")
        oldest.answer()
        used.shaken().call("echo")
        used.answer()
        with Raw(daemon.port) as late:
            late.shaken().call("echo", "late")
            assert late.answer() == "late"
            assert oldest.closed()
            prompt.asked[0][1]("still here")
            assert busy.answer() == "still here"


def test_junk_ends_a_connection_and_no_other(daemon: Daemon, raw: Raw) -> None:
    for junk in (b"junk" * 20, b"PYRO\x01\xf6" + b"\xff" * 60, b""):
        with Raw(daemon.port) as other:
            other.shaken().sock.sendall(junk)
            if not junk:
                other.sock.shutdown(socket.SHUT_WR)
            assert other.closed()
    until(lambda: daemon.connections == 1)
    raw.call("echo", "here")
    assert raw.answer() == "here"


def test_a_batch_waits_where_it_disturbs_nobody(prompt: Prompt, daemon: Daemon, raw: Raw) -> None:
    calls: list[object] = [("later", (1,), {}), ("echo", (2,), {})]
    raw.sock.sendall(pack(INVOKE, MSGPACK, BATCH, 1, dump(MSGPACK, [NAME, "<batch>", calls, {}])))
    until(lambda: prompt.asked)
    with Raw(daemon.port) as other:
        assert other.shake().kind == CONNECT_OK
        other.call("echo", "meanwhile")
        assert other.answer() == "meanwhile"
    prompt.asked[0][1]("one")
    assert raw.answer() == ["one", 2]


def test_a_kernel_that_watches_no_more_costs_one_connection(
    daemon: Daemon, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Reactor.watch
    refusals = iter([True])

    def refuse(self: Reactor, descriptor: int, handler: Callable[[int], None]) -> None:
        if next(refusals, False):
            raise OSError(errno.ENOSPC, "no space left on device")
        watch(self, descriptor, handler)

    raw.call("echo", 1)
    assert raw.answer() == 1
    monkeypatch.setattr(Reactor, "watch", refuse)
    with Raw(daemon.port) as unlucky, Raw(daemon.port) as late:
        assert unlucky.shake().kind == CONNECT_OK
        assert unlucky.closed()
        late.shaken().call("echo", 2)
        assert late.answer() == 2


def test_nothing_is_executed_after_cut(prompt: Prompt) -> None:
    with running(prompt) as daemon, Raw(daemon.port) as raw, Raw(daemon.port) as waiting:
        raw.shaken().call("echo", 1)
        assert raw.answer() == 1
        waiting.shaken().call("later")
        until(lambda: prompt.asked)
        daemon.cut()
        with contextlib.suppress(OSError):
            raw.call("echo", 2)
        assert raw.closed()
        prompt.asked[0][1]("too late")
        assert waiting.closed()
    assert prompt.calls == 1
