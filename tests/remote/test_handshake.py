"""The caller's handshake, exchange by exchange, without a connection."""

from __future__ import annotations

from typing import Any

import pytest

from kvrmi.remote.frames import (
    COMPRESSED,
    CONNECT,
    CONNECT_FAIL,
    CONNECT_OK,
    RESULT,
    Frame,
    FrameError,
    pack,
    take,
)
from kvrmi.remote.handshake import Handshake
from kvrmi.remote.identity import Caller, Credentials, Refused, challenge
from kvrmi.remote.payload import MSGPACK, dump, load

SECRET = b"a secret of thirty-two bytes or so"
NAME = "kvrmi.replica1.admin"
META = {"methods": ["get"], "oneway": [], "attrs": []}


def frame(data: bytes) -> Frame:
    found = take(data, 1 << 16)
    assert found is not None
    return found[0]


def shown(message: bytes | None) -> Any:
    assert message is not None
    sent = frame(message)
    assert sent.kind == CONNECT
    data = load(MSGPACK, sent.payload)
    assert data["object"] == NAME
    return data["handshake"]


def answer(data: object, kind: int = CONNECT_OK, flags: int = 0) -> Frame:
    return frame(pack(kind, MSGPACK, flags, 0, dump(MSGPACK, data)))


def test_a_plain_client_has_one_exchange() -> None:
    handshake = Handshake(NAME, None, {"name": "ana"}, MSGPACK)
    assert shown(handshake.begin()) == {"name": "ana"}
    assert handshake.answered(answer({"handshake": "hello", "meta": META})) is None
    assert handshake.answer["meta"] == META


def test_who_shows_credentials_checks_the_answer_before_it_proves_itself() -> None:
    handshake = Handshake(NAME, Credentials("c", 3, "replica", SECRET), "hello", MSGPACK)
    server = challenge(SECRET, "c", NAME, shown(handshake.begin()))
    proof = handshake.answered(answer({"handshake": server.answer, "meta": META}))
    assert server.check(shown(proof)) == Caller(3, "replica")
    assert handshake.answered(answer({"handshake": "hello", "meta": META})) is None


def test_who_does_not_know_the_secret_gets_no_proof() -> None:
    handshake = Handshake(NAME, Credentials("c", 3, "replica", SECRET), "hello", MSGPACK)
    impostor = challenge(b"another secret of 32 bytes or so", "c", NAME, shown(handshake.begin()))
    with pytest.raises(Refused):
        handshake.answered(answer({"handshake": impostor.answer, "meta": META}))


@pytest.mark.parametrize(
    "given",
    [answer({"meta": META}, RESULT), answer({"meta": META}, flags=COMPRESSED), answer("hello"),
     answer({"meta": None}), answer({"meta": {**META, "attrs": 7}})],
)  # fmt: skip
def test_what_is_no_answer_to_a_handshake(given: Frame) -> None:
    handshake = Handshake(NAME, None, "hello", MSGPACK)
    handshake.begin()
    with pytest.raises(FrameError):
        handshake.answered(given)


def test_a_refusal_has_its_reason() -> None:
    handshake = Handshake(NAME, None, "hello", MSGPACK)
    handshake.begin()
    with pytest.raises(Refused, match="no such object"):
        handshake.answered(answer("no such object", CONNECT_FAIL))
