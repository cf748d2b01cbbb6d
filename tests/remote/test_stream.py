"""Bytes over a socket, and the seam between them and frames."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvrmi.remote.channel import Channel
from kvrmi.remote.frames import INVOKE, pack
from kvrmi.remote.stream import Stream

REMOTE = Path(__file__).parents[2] / "kvrmi" / "remote"


class Masked(Stream):
    """What encryption would be: other bytes on the wire than those that are sent and received."""

    def receive(self, size: int, seconds: float) -> bytes:
        return mask(super().receive(size, seconds))

    def receive_now(self, size: int) -> bytes:
        return mask(super().receive_now(size))

    def send(self, data: bytes | memoryview, seconds: float) -> int:
        return super().send(mask(bytes(data)), seconds)

    def send_now(self, data: bytes) -> int:
        return super().send_now(mask(data))


def mask(data: bytes) -> bytes:
    return bytes(byte ^ 0x5A for byte in data)


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    with ours, theirs:
        yield ours, theirs


def test_what_never_waits_says_so(sockets: tuple[socket.socket, socket.socket]) -> None:
    stream, other = Stream(sockets[0]), sockets[1]
    with pytest.raises(BlockingIOError):
        stream.receive_now(10)
    assert stream.quiet
    other.sendall(b"here")
    assert stream.receive(4, 5.0) == b"here"
    other.close()
    with pytest.raises(ConnectionResetError):
        stream.receive(4, 5.0)
    assert stream.receive_now(4) == b""
    assert not stream.quiet


def test_a_wait_ends_at_its_limit(sockets: tuple[socket.socket, socket.socket]) -> None:
    stream = Stream(sockets[0])
    with pytest.raises(TimeoutError):
        stream.receive(10, 0.01)
    with contextlib.suppress(BlockingIOError):
        while stream.send_now(bytes(1 << 20)):
            pass
    with pytest.raises(TimeoutError):
        stream.send(b"x", 0.01)


def test_frames_go_over_any_stream(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = Channel(Masked(sockets[0]), 1 << 20), Channel(Masked(sockets[1]), 1 << 20)
    for size in (10, 200_000):
        data = pack(INVOKE, 1, 0, 7, bytes(size))
        rest = ours.offer(data)
        if rest:
            ours.send(rest)
        assert theirs.receive(5.0).payload == bytes(size)


@pytest.mark.parametrize("path", sorted(REMOTE.glob("*.py")), ids=lambda path: path.name)
def test_nobody_else_touches_a_connected_socket(path: Path) -> None:
    if path.name != "stream.py":
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(channel|stream|conn|connection)\._?sock\b", text)
