"""Datagrams: a request comes out as it went in, and answers are known as such."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.wire.datagram import (
    Datagram,
    DatagramError,
    answered,
    head_of,
    is_answer,
    unpacked,
    written,
)
from kvrmi.wire.replies import OK, bulk, error, integer

CLIENTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)
IDS = st.none() | st.tuples(CLIENTS.filter(lambda c: c[0] != "-"), st.integers(1, 10**18 - 1))
WORDS = st.lists(st.binary(max_size=50), min_size=1, max_size=4)


@given(IDS, WORDS)
def test_a_request_comes_out_as_it_went_in(id: tuple[str, int] | None, words: list[bytes]) -> None:
    data = written(id, words)
    assert unpacked(data) == Datagram(id, words)
    assert not is_answer(data)


@given(IDS, st.sampled_from([OK, bulk(None), bulk("a"), integer(7), error("x")]))
def test_an_answer_is_no_request(id: tuple[str, int] | None, reply: bytes) -> None:
    data = head_of(written(id, [b"GET"])) + b" " + reply
    assert answered(data) == (id, reply)
    assert is_answer(data)
    with pytest.raises(DatagramError, match="it is an answer"):
        unpacked(data)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_request_or_an_error(data: bytes) -> None:
    try:
        datagram = unpacked(data)
    except DatagramError:
        return
    assert datagram.words
