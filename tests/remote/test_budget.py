"""Large messages take turns, and lines that strangers provoke are few."""

from __future__ import annotations

import logging
import socket
import threading
from time import monotonic

import pytest

from kvrmi.remote.budget import Budget
from kvrmi.remote.channel import Channel
from kvrmi.remote.frames import INVOKE, pack
from kvrmi.remote.ratelimit import RateLimit
from kvrmi.remote.stream import Stream


def test_who_finds_no_room_waits_for_it() -> None:
    room = Budget(10)
    room.take(8, monotonic() + 5)
    with pytest.raises(TimeoutError):
        room.take(3, monotonic() + 0.01)
    taken = threading.Event()

    def wait() -> None:
        room.take(3, monotonic() + 5)
        taken.set()

    thread = threading.Thread(target=wait)
    thread.start()
    room.give_back(8)
    thread.join()
    assert taken.is_set()


def test_the_largest_message_finds_room_alone() -> None:
    room = Budget(10)
    room.take(50, monotonic() + 5)
    with pytest.raises(TimeoutError):
        room.take(1, monotonic())
    room.give_back(50)
    room.take(1, monotonic())


def test_a_channel_holds_room_until_its_message_is_dealt_with() -> None:
    room = Budget(300_000)
    near, far = _tcp_pair()
    channel = Channel(Stream(near), 1 << 20)
    channel.budget = room
    sender = threading.Thread(target=far.sendall, args=(pack(INVOKE, 1, 0, 1, bytes(200_000)),))
    sender.start()
    try:
        assert len(channel.receive(5).payload) == 200_000
        with pytest.raises(TimeoutError):
            room.take(200_000, monotonic())
        channel.forget()
        channel.forget()
        room.take(200_000, monotonic())
    finally:
        sender.join()
        channel.close()
        far.close()


def _tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        return near, server.accept()[0]


def test_lines_are_counted_rather_than_repeated(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("kvrmi.remote.ratelimit.monotonic", lambda: now[0])
    log = logging.getLogger("test.seldom")
    seldom = RateLimit(log, logging.WARNING)
    with caplog.at_level(logging.WARNING, "test.seldom"):
        for number in range(5):
            seldom.say("refused %d", number)
        now[0] += 1.0
        seldom.say("refused %d", 9)
    assert caplog.messages == ["refused 0", "refused 9 (and 4 more)"]
