"""The UDP gateway with real sockets."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.gateways import udp
from server.gateways.table import COMMANDS

from ..stubs import until
from .world import World, world


@pytest.fixture
def gate() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"ann 1 PUT a 1", b"ann 1 +OK\r\n"),
        (b"ann 2 SET a 1\r\n", b"ann 2 +OK\r\n"),
        (b"- GET a\n", b"- $-1\r\n"),
        (b"ann 7 *2\r\n$3\r\nGET\r\n$1\r\na\r\n", b"ann 7 $-1\r\n"),
        (b"- DEL a", b"- :0\r\n"),
        (b"- EXISTS a", b"- :0\r\n"),
        (b"- SETNX a 1", b"- :1\r\n"),
        (b"- MSET a 1 b 2", b"- +OK\r\n"),
        (b"- MGET a b", b"- *2\r\n$-1\r\n$-1\r\n"),
        (b"- DBSIZE", b"- :0\r\n"),
        (b"- PING", b"- +PONG\r\n"),
        (b"- ECHO hello", b"- $5\r\nhello\r\n"),
    ],
)
def test_what_a_datagram_is_answered(gate: World, request_: bytes, answer: bytes) -> None:
    assert gate.datagram(request_) == answer


def test_the_id_of_a_write_goes_with_it(gate: World) -> None:
    for data in (b"ann 1 PUT a 1", b"ann 1 GET a", b"- PUT a 2"):
        gate.datagram(data)
    assert gate.engine.asked == [("put", ("ann", 1)), ("get", None), ("put", None)]


MALFORMED = [
    b"x",
    b"GET a",
    b"- ",
    b"- BLA",
    b"- GET",
    b"- GET a\nGET b",
    b"ann 0 PUT a 1",
    b"ann -1 PUT a 1",
    b"ann 1x PUT a 1",
    b"a" * 65 + b" 1 PUT a 1",
    b"- *2\r\n$3\r\nGET\r\n",
    b"- *2\r\n$3\r\nGET\r\n$9",
    b'- PUT a "1',
    b"- GET " + b"k" * 2000,
    b"- PUT \xff 1",
    b"- INCR n",
    b"- KEYS *",
    b"- DEL a b",
    b"- QUIT",
    b"\x00" * 100,
]


@pytest.mark.parametrize("data", MALFORMED)
def test_malformed_ones_are_answered_with_no_more_bytes_and_logged(
    gate: World, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), gate.datagrams() as client:
        client.send(data)
        answer = client.recv(1 << 16)
        assert len(answer) <= len(data)
        assert b"- -ERR INVALID: "[: len(data)] in answer or b"- -ERR" in answer or len(data) < 9
        if data != b"- GET " + b"k" * 2000:  # well-formed; the store refuses its key
            [line] = caplog.messages
            origin = "{}:{}".format(*client.getsockname())
            assert f"malformed datagram of {len(data)} bytes from {origin}" in line
    assert not gate.engine.asked


def test_the_log_of_malformed_ones_is_not_flooded(
    gate: World, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), gate.datagrams() as client:
        for _ in range(200):
            client.send(b"garbage")
            client.recv(100)
    assert len(caplog.messages) < 100


@pytest.mark.parametrize("data", [b"ann 1 +OK\r\n", b"- -ERR x\r\n", b"- :1\r\n", b"- $1\r\nx\r\n"])
def test_answers_are_not_answered(gate: World, data: bytes) -> None:
    with gate.datagrams() as client:
        client.send(data)
        client.send(b"- PING")
        assert client.recv(100) == b"- +PONG\r\n"


def test_a_value_too_large_for_a_datagram_is_refused(gate: World) -> None:
    gate.store("a", b"x" * 65_500)
    answer = gate.datagram(b"- GET a")
    assert answer.startswith(b"- -ERR INVALID: the answer has")
    assert b"use TCP" in answer


def test_too_many_at_once_are_dropped(
    gate: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(udp, "OPEN_MOST", 5)
    gate.engine.held = []
    with gate.datagrams() as client:
        for number in range(1, 9):
            client.send(b"ann %d PUT a 1" % number)
        until(lambda: "too many are under way" in caplog.text)
        gate.engine.release()
        answers = {client.recv(100) for _ in range(5)}
        assert answers == {b"ann %d +OK\r\n" % number for number in range(1, 6)}
        client.send(b"- PING")
        assert client.recv(100) == b"- +PONG\r\n"


def test_after_a_cut_it_can_be_opened_again(gate: World) -> None:
    gate.engine.held = []
    with gate.datagrams() as client:
        client.send(b"ann 1 PUT a 1")
        until(lambda: gate.engine.held)
        gate.udp.cut()
        assert not gate.udp.alive
        gate.engine.release()
        until(lambda: gate.udp._open == 0)
        gate.udp.open()
    assert gate.datagram(b"- GET a") == b"- $1\r\n1\r\n"


def test_a_taken_port_is_named(gate: World) -> None:
    other = udp.UdpGateway("127.0.0.1", gate.udp.port, gate.reactor, gate.intake, dict)
    with pytest.raises(OSError, match=f"UDP port {gate.udp.port} on 127.0.0.1"):
        other.open()


def test_commands_in_a_datagram_are_one_operation_or_none() -> None:
    named = {one.name for one in COMMANDS.values() if not one.datagrams}
    assert named == {
        *(
            "INCR",
            "INCRBY",
            "DECR",
            "DECRBY",
            "KEYS",
            "INFO",
            "SELECT",
            "CONFIG",
            "CLIENT",
            "HELLO",
            "QUIT",
            "COMMAND",
            "HELP",
        )
    }


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=200), max_size=4))
def test_no_bytes_harm_it(gate: World, datagrams: list[bytes]) -> None:
    with gate.datagrams() as client:
        for one in datagrams:
            client.send(one)
        client.send(b"ann 9 PING")
        while not client.recv(1 << 16).startswith(b"ann 9 +PONG"):
            pass
