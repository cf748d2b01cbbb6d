"""Requests of a byte stream: whatever the pieces, whatever the bytes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.operations.arguments import MANY_ITEMS, VALUE_BYTES
from kvrmi.wire.resp import (
    BULK_BYTES,
    LINE_BYTES,
    REQUEST_BYTES,
    WORDS,
    ProtocolError,
    Requests,
    packed,
)

WORD_LISTS = st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=5), max_size=6)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


def taken(requests: Requests) -> list[list[bytes]]:
    found = []
    while (words := requests.take()) is not None:
        found.append(words)
    return found


@given(WORD_LISTS, st.lists(st.integers(0, 10_000), max_size=8))
def test_requests_come_out_as_they_went_in_however_they_are_cut(
    sent: list[list[bytes]], cuts: list[int]
) -> None:
    requests, found = Requests(), []
    for piece in pieces(b"".join(map(packed, sent)), cuts):
        requests.feed(piece)
        found += taken(requests)
    assert found == sent
    assert requests.unfinished == 0


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"*2\r\n", b"$3\r\n", b"abc\r\n"])))
def test_any_bytes_are_requests_or_one_error(chunks: list[bytes]) -> None:
    whole, cut = Requests(), Requests()
    whole.feed(b"".join(chunks))
    found: list[list[bytes]] = []
    try:
        for chunk in chunks:
            cut.feed(chunk)
            found += taken(cut)
    except ProtocolError:
        with pytest.raises(ProtocolError):
            taken(whole)
    else:
        assert taken(whole) == found


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"GET a\r\n", [b"GET", b"a"]),
        (b"  get \t a \n", [b"get", b"a"]),
        (b'PUT k "two words"\n', [b"PUT", b"k", b"two words"]),
        (rb'PUT k "\x41\n\"\\"' + b"\n", [b"PUT", b"k", b'A\n"\\']),
        (rb"PUT k 'it\'s \n'" + b"\n", [b"PUT", b"k", rb"it's \n"]),
        (b'PUT "" v\n', [b"PUT", b"", b"v"]),
        ("PUT clé é\n".encode(), [b"PUT", "clé".encode(), "é".encode()]),
    ],
)
def test_a_line_that_is_typed_is_words(line: bytes, words: list[bytes]) -> None:
    requests = Requests()
    requests.feed(b"\r\n\n" + line)
    assert taken(requests) == [words]


@pytest.mark.parametrize(
    "data",
    [
        b'PUT k "open\n',
        b'PUT k "a"b\n',
        b"*x\r\n",
        b"*1\r\nPING\r\n",
        b"*1\r\n$-1\r\n",
        b"*1\r\n$2\r\nabc\r\n",
        b"*1\r\n$1_0\r\n",
        b"*12345678901234567890",
        b"*%d\r\n" % (WORDS + 1),
        b"*1\r\n$%d\r\n" % (BULK_BYTES + 1),
        b"x" * (LINE_BYTES + 1),
        b"x" * (LINE_BYTES + 1) + b"\n",
        b"POST /a HTTP/1.1\r\n",
        b"PUT /a HTTP/1.1\r\n",
        b"Host: localhost\r\n",
    ],
)
def test_what_breaks_the_form_is_an_error(data: bytes) -> None:
    requests = Requests()
    requests.feed(data)
    with pytest.raises(ProtocolError):
        taken(requests)


def test_empty_requests_are_none() -> None:
    requests = Requests()
    requests.feed(b"*0\r\n*-1\r\n\r\n*1\r\n$4\r\nPING\r\n")
    assert taken(requests) == [[b"PING"]]


def test_all_words_of_a_request_together_are_bounded() -> None:
    requests = Requests()
    requests.feed(packed([b"x" * BULK_BYTES] * (REQUEST_BYTES // BULK_BYTES)))
    assert len(taken(requests)[0]) == REQUEST_BYTES // BULK_BYTES
    requests.feed(packed([b"x" * BULK_BYTES] * (REQUEST_BYTES // BULK_BYTES) + [b"x"]))
    with pytest.raises(ProtocolError, match="bytes in one request"):
        taken(requests)


def test_what_a_store_takes_fits() -> None:
    assert BULK_BYTES >= VALUE_BYTES
    assert WORDS > 2 * MANY_ITEMS
