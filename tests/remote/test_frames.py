"""Frames, and reading them however they arrive."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st
from Pyro5.protocol import ReceivingMessage, SendingMessage

from kvrmi.remote.channel import Channel
from kvrmi.remote.frames import HEADER_BYTES, INVOKE, Frame, FrameError, measure, pack, take
from kvrmi.remote.stream import Stream

from .rig import TIMEOUT

LIMIT = 1 << 20


@given(st.binary(), st.integers(0, 65535), st.integers(0, 255), st.binary(min_size=16, max_size=16))
def test_pyro_reads_what_we_write(data: bytes, sequence: int, flags: int, mark: bytes) -> None:
    frame = pack(INVOKE, 4, flags & ~2, sequence, data, mark)
    message = ReceivingMessage(frame[:HEADER_BYTES], frame[HEADER_BYTES:])
    assert (message.seq, message.data, message.corr_id) == (sequence, data, mark)
    assert take(frame + b"more", LIMIT) == (
        Frame(INVOKE, 4, flags & ~2, sequence, mark, data), len(frame),
    )  # fmt: skip


@given(st.binary(), st.binary())
def test_we_read_what_pyro_writes(data: bytes, note: bytes) -> None:
    message = SendingMessage(INVOKE, 0, 7, 1, data, annotations={"NOTE": note}).data
    found = take(message, LIMIT)
    assert found is not None
    assert (found[0].payload, found[0].sequence, found[1]) == (data, 7, len(message))
    for short in range(0, len(message), 7):
        assert take(message[:short], LIMIT) is None


@pytest.mark.parametrize(
    "data",
    [b"X", b"PYRX", b"PYRO" + bytes(36), pack(4, 1, 0, 0, bytes(101)), b"\0" * 40,
     pack(4, 1, 0, 0, b"")[:38] + b"xx"],
)  # fmt: skip
def test_what_is_no_frame_is_refused_from_its_header(data: bytes) -> None:
    with pytest.raises(FrameError):
        measure(data[:HEADER_BYTES], 100)


@contextlib.contextmanager
def connected() -> Iterator[tuple[Channel, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    channel = Channel(Stream(ours), LIMIT)
    try:
        yield channel, theirs
    finally:
        channel.close()
        theirs.close()


@pytest.fixture
def pair() -> Iterator[tuple[Channel, socket.socket]]:
    with connected() as made:
        yield made


@given(st.lists(st.integers(0, 100_000), max_size=4), st.integers(100, 70_000))
def test_frames_are_found_however_the_stream_is_cut(sizes: list[int], cut: int) -> None:
    stream = b"".join(pack(4, 1, 0, i, b"x" * size) for i, size in enumerate(sizes))
    with connected() as (channel, theirs):
        end = sent = 0
        for i, size in enumerate(sizes):
            end += HEADER_BYTES + size
            while sent < end:
                sent += theirs.send(stream[sent : sent + cut])
            frame = channel.receive(TIMEOUT)
            assert (frame.sequence, len(frame.payload)) == (i, size)


def test_the_wait_for_a_frame_is_limited(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    begun = monotonic()
    with pytest.raises(TimeoutError):
        channel.receive(0.1)
    theirs.sendall(pack(4, 1, 0, 0, b"abc")[:-1])
    with pytest.raises(TimeoutError):
        channel.receive(TIMEOUT, monotonic() + 0.1)
    assert 0.15 < monotonic() - begun < 2


def test_sending_to_one_who_does_not_read_is_limited(pair: tuple[Channel, socket.socket]) -> None:
    channel, _ = pair
    begun = monotonic()
    with pytest.raises(TimeoutError):
        channel.send(bytes(32 << 20), 3.0)
    assert 2.95 < monotonic() - begun < 5.9, "6 if what was taken at first did not count"


def test_hardly_any_time_is_not_taken_for_all_the_time(
    pair: tuple[Channel, socket.socket],
) -> None:
    """The kernel's limit of 0 means none."""
    channel, _ = pair
    with pytest.raises(TimeoutError):
        channel.receive(1e-9)


def test_a_large_frame_passes_whole(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    other = Channel(Stream(theirs), LIMIT)
    data = bytes(range(256)) * 4000
    sender = threading.Thread(target=channel.send, args=(pack(4, 1, 0, 1, data),))
    sender.start()
    assert other.receive(TIMEOUT).payload == data
    sender.join(TIMEOUT)


def test_a_closed_stream_is_a_connection_error(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    theirs.sendall(pack(4, 1, 0, 0, b"abc")[:-1])
    theirs.close()
    with pytest.raises(ConnectionError):
        channel.receive(TIMEOUT)
