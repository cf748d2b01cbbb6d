"""The TCP gateway with real sockets: clients that are quick, slow, gone, many, or mad."""

from __future__ import annotations

import logging
import re
import socket
import struct
import threading
from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.gateways import connection, dialogue, tcp

from ..stubs import until
from .world import World, received, rest, world


@pytest.fixture
def gate() -> Iterator[World]:
    with world() as made:
        yield made


def test_commands_of_both_forms_on_one_connection(gate: World) -> None:
    said = gate.says(b"SET a 1\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\nget b\n")
    assert said == b"+OK\r\n$1\r\n1\r\n$-1\r\n"


def test_what_goes_apart_comes_back_in_its_place(gate: World) -> None:
    said = gate.says(b"MSET a 1 b 2\nKEYS *\nGET a\nSCAN 0\n")
    assert said.startswith(b"+OK\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\n1\r\n*2\r\n$1\r\n1\r\n*2\r\n")


def test_a_thousand_commands_in_one_write(gate: World) -> None:
    lines = b"".join(b"SET k%d v%d\r\nGET k%d\r\n" % (i % 9, i, i % 9) for i in range(500))
    answers = b"".join(b"+OK\r\n$%d\r\nv%d\r\n" % (len(str(i)) + 1, i) for i in range(500))
    assert gate.says(lines) == answers


def test_who_closes_his_side_is_answered_and_then_closed(gate: World) -> None:
    gate.engine.held = []
    with gate.connect() as client:
        client.sendall(b"SET a 1\r\nGET b\r\nGET unfinis")
        client.shutdown(socket.SHUT_WR)
        until(lambda: len(gate.engine.held or ()) == 2)
        gate.engine.release()
        assert rest(client) == b"+OK\r\n$-1\r\n"
    until(lambda: gate.tcp.connections == 0)


def test_garbage_is_answered_and_closed_and_the_error_arrives(gate: World) -> None:
    said = gate.says(b"PING\r\n*1\r\nfoo\r\n" + b"more " * 20_000, closes=False)
    pong, error = said.splitlines()
    assert pong == b"+PONG"
    assert re.match(rb"-ERR Protocol error: .*; the connection ends$", error)
    until(lambda: gate.tcp.connections == 0)


def test_who_stays_after_the_end_is_left(gate: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_LINGER_SECONDS", 0.05)
    with gate.connect() as client:
        client.sendall(b"QUIT\r\n")
        assert rest(client) == b"+OK\r\n"
        until(lambda: gate.tcp.connections == 0)


def test_who_goes_in_the_middle_harms_nobody(gate: World) -> None:
    gate.engine.held = []
    client = gate.connect()
    client.sendall(b"SET a 1\r\nGET b\r\n")
    until(lambda: len(gate.engine.held or ()) == 2)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    until(lambda: gate.tcp.connections == 0)
    gate.engine.release()
    assert gate.says(b"GET a\n") == b"$1\r\n1\r\n", "what was asked is done all the same"


def test_who_does_not_read_is_not_read_from(gate: World) -> None:
    value = b"x" * 100_000
    gate.store("a", value)
    before = len(gate.engine.asked)
    with gate.connect() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        sent = partial(slow.sendall, b"GET a\r\n" * 1000)
        writer = threading.Thread(target=sent, daemon=True)
        writer.start()
        until(lambda: gate.tcp._owing)
        asked = len(gate.engine.asked)
        assert asked - before < 200, "100 MB of answers are not made for nobody"
        assert gate.says(b"PING\n") == b"+PONG\r\n", "others are served"
        assert gate.tcp._kept < 8 << 20
        answer = b"$100000\r\n%s\r\n" % value
        for _ in range(1000):
            assert received(slow, len(answer)) == answer
        writer.join(60)
    until(lambda: gate.tcp._kept == 0)


def test_who_never_reads_is_given_up(gate: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_SLOW_SECONDS", 0.05)
    gate.store("a", b"x" * 900_000)
    with gate.connect() as slow:
        slow.sendall(b"GET a\r\n" * 20)
        until(lambda: gate.tcp.connections == 0)


def test_all_that_is_kept_is_bounded(gate: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "KEPT_BYTES", 300_000)
    with gate.connect() as small, gate.connect() as large:
        small.sendall(b"*1\r\n$500000\r\n" + b"x" * 100_000)
        until(lambda: gate.tcp._kept > 90_000)
        large.sendall(b"*1\r\n$500000\r\n" + b"x" * 250_000)
        until(lambda: gate.tcp.connections == 1)
        assert gate.tcp._kept < 150_000, "the largest went"


def test_only_so_many_commands_of_a_connection_are_open(
    gate: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogue, "OPEN_MOST", 10)
    gate.engine.held = []
    with gate.connect() as client:
        client.sendall(b"GET a\r\n" * 50)
        client.shutdown(socket.SHUT_WR)
        until(lambda: len(gate.engine.held or ()) == 10)
        gate.engine.release()
        assert rest(client) == b"$-1\r\n" * 50


def test_one_too_many_takes_the_place_of_who_is_idle(
    gate: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "POOL", 2)
    with gate.connect() as first, gate.connect() as second:
        for one in (first, second):
            one.sendall(b"PING\n")
            assert received(one, 7) == b"+PONG\r\n"
        assert gate.says(b"PING\n") == b"+PONG\r\n"
        assert first.recv(1) == b"", "it was idle longest"
        second.sendall(b"PING\n")
        assert received(second, 7) == b"+PONG\r\n"


def test_where_all_are_at_work_one_too_many_is_refused(
    gate: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "POOL", 1)
    gate.engine.held = []
    with gate.connect() as client:
        client.sendall(b"GET a\n")
        until(lambda: gate.engine.held)
        with gate.connect() as late:
            assert b"too many connections" in rest(late)
        gate.engine.release()
        assert received(client, 5) == b"$-1\r\n"


def test_when_it_stops_what_is_open_is_called_unknown(gate: World) -> None:
    gate.engine.held = []
    with gate.connect() as client:
        client.sendall(b"SET a 1\n")
        until(lambda: gate.engine.held)
        gate.tcp.cut()
        assert rest(client).startswith(b"-ERR UNKNOWN_OUTCOME: this server stops")
    assert not gate.tcp.alive
    gate.tcp.open()
    gate.engine.release()
    assert gate.says(b"GET a\n") == b"$1\r\n1\r\n"


def test_a_taken_port_is_named(gate: World) -> None:
    other = tcp.TcpGateway("127.0.0.1", gate.tcp.port, gate.reactor, gate.intake, dict)
    with pytest.raises(OSError, match=f"port {gate.tcp.port} on 127.0.0.1"):
        other.open()


def test_clients_with_a_name_are_listed(gate: World) -> None:
    with gate.connect() as client:
        client.sendall(b"CLIENT SETNAME ann\n")
        assert received(client, 5) == b"+OK\r\n"
        [listed] = gate.tcp.clients
        host, port = client.getsockname()
        assert (listed.name, listed.address) == ("ann", f"{host}:{port}")


def test_requests_and_replies_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "kvrmi.server.requests"), world(log_requests=True) as gate:
        gate.says(b'PUT a "1\\n2"\nGET a\nBLA "\\x1b[2J"\nGET\n')
        gate.datagram(b"- GET a")
    shown = [re.sub(r"^(tcp|udp) 127.0.0.1:\d+ |\d+:|, [\d.]+ ms$", "", x) for x in caplog.messages]
    assert shown[:2] == ["request  PUT a and 3 bytes", "reply  +OK"]
    assert {"request  GET a", "reply  9 bytes", r"request  BLA \x1b[2J"} < set(shown)
    assert shown[-2:] == ["request  GET a", "reply  9 bytes"], "the datagram's"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=300), max_size=4))
def test_no_bytes_harm_it(gate: World, pieces: list[bytes]) -> None:
    with gate.connect() as client:
        try:
            for piece in pieces:
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
            rest(client)
        except ConnectionError:
            pass
    assert gate.says(b"PING\n") == b"+PONG\r\n"
