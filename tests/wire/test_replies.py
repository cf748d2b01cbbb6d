"""Replies: what is written is read, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.wire.replies import (
    Failure,
    Replies,
    Reply,
    ReplyError,
    Simple,
    array,
    bulk,
    error,
    integer,
    simple,
)

TEXTS = st.text(max_size=20).map(lambda text: " ".join(text.splitlines()))
ONES = (
    st.binary(max_size=30)
    | st.none()
    | st.integers(-(1 << 63), 1 << 63)
    | TEXTS.map(lambda text: Simple(text.encode(errors="backslashreplace").decode()))
)
ANY = st.recursive(ONES, lambda inner: st.lists(inner, max_size=4), max_leaves=8)


def written(reply: Reply) -> bytes:
    if isinstance(reply, Simple):
        return simple(reply.text)
    if isinstance(reply, int):
        return integer(reply)
    if isinstance(reply, list):
        return array([written(one) for one in reply])
    assert not isinstance(reply, Failure)
    return bulk(reply)


@given(st.lists(ANY, max_size=4), st.integers(1, 7))
def test_what_is_written_is_read_however_it_is_cut(sent: list[Reply], size: int) -> None:
    data = b"".join(map(written, sent))
    replies, found = Replies(), []
    for at in range(0, len(data), size):
        replies.feed(data[at : at + size])
        while (one := replies.take()) is not None:
            found.append(one[0])
    assert found == sent


@given(st.text(max_size=40))
def test_an_error_is_one_line_whatever_it_says(text: str) -> None:
    replies = Replies()
    replies.feed(error(text) + b":1\r\n")
    first, second = replies.take(), replies.take()
    assert first is not None
    assert isinstance(first[0], Failure)
    assert second == (1,)


@given(st.binary(max_size=60))
def test_any_bytes_are_replies_or_an_error(data: bytes) -> None:
    replies = Replies()
    replies.feed(data)
    try:
        while replies.take() is not None:
            pass
    except ReplyError:
        pass


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 200\r\n", b":x\r\n", b"$99999999999\r\n", b"*9999999\r\n", b"x" * 70_000]
)
def test_another_protocol_is_an_error(data: bytes) -> None:
    replies = Replies()
    replies.feed(data)
    with pytest.raises(ReplyError):
        replies.take()
