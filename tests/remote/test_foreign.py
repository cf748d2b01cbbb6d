"""What clients in other languages, other versions and other settings than ours get to read."""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import Pyro5.api
import Pyro5.errors
import Pyro5.serializers
import pytest
import serpent

from kvrmi.remote import channel
from kvrmi.remote.daemon import Daemon
from kvrmi.remote.frames import (
    BATCH,
    COMPRESSED,
    CONNECT_FAIL,
    EXCEPTION,
    INVOKE,
    KEEP_SERIALIZED,
    ONEWAY,
    RESULT,
    pack,
    take,
)
from kvrmi.remote.literal import read_literal
from kvrmi.remote.payload import JSON, MSGPACK, SERPENT, Call, dump, dump_call, load

from .rig import NAME, Raw, Target, serve, until

FIXTURES = Path(__file__).parent / "fixtures"
EMOJI = "\U0001f600"
UNASSIGNED = "\U000e0fff"
"""Python escapes it, as it does every character that is newer than its tables."""


@pytest.fixture
def proxy(daemon: Daemon) -> Iterator[Any]:
    with Pyro5.api.Proxy(f"PYRO:{NAME}@{daemon.locationStr}") as made:
        yield made


def test_an_error_has_the_form_of_pyros_own(daemon: Daemon) -> None:
    """Byte for byte: Java and .NET cast `args` to an array, which is made of a tuple only."""
    with Raw(daemon.port) as raw:
        raw.shaken().call("fail", "value")
        frame = raw.channel.receive(5)
    assert frame.flags & EXCEPTION
    assert frame.payload == (FIXTURES / "error.serpent").read_bytes()
    own = ValueError("INVALID: value")
    stock = serpent.loads(Pyro5.serializers.SerpentSerializer().dumps(own))
    assert serpent.loads(frame.payload) == stock
    assert type(stock["args"]) is tuple


def test_so_has_an_error_inside_a_batch(daemon: Daemon) -> None:
    calls: list[object] = [("fail", ("value",), {})]
    with Raw(daemon.port) as raw:
        data = dump(SERPENT, (NAME, "<batch>", calls, {}))
        raw.shaken().sock.sendall(pack(INVOKE, SERPENT, BATCH, 1, data))
        assert raw.answer()[0]["exception"]["args"] == ("INVALID: value",)


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        (r"'\ud83d\ude00'", EMOJI),
        (r"'a\ud83d\ude00b\xe9\\ud83d'", f"a{EMOJI}bé\\ud83d"),
        (r"{'\ud83d\ude00': ['\uD83D\uDE00']}", {EMOJI: [EMOJI]}),
        (r"{'\ud83d\ude00'}", {EMOJI}),
        (r"'\ud83d'", "\ud83d"),
        (r"'\ude00\ud83d'", "\ude00\ud83d"),
        (r"'\ud83d\ud83d\ude00'", f"\ud83d{EMOJI}"),
    ],
)
def test_halves_of_a_character_are_joined(literal: str, value: object) -> None:
    """Java escapes each; one half alone stays what it is, for the store to refuse."""
    assert read_literal(literal, 100) == value


@pytest.mark.parametrize(
    "text",
    [UNASSIGNED, f"'{UNASSIGNED}\\U000e0fff\\\\U000e0fff\"", EMOJI, "\\", "\x85\u2028\ufeff"],
)
@pytest.mark.parametrize("beside", [None, 1.5, b"\\U000e0fff"])
def test_no_escape_is_written_that_java_cannot_read(text: str, beside: object) -> None:
    written = dump(SERPENT, [text, {text: beside}])
    assert load(SERPENT, written) == serpent.loads(written) == [text, {text: beside}]
    assert b"\\U" not in written.replace(b"\\\\", b"")


@pytest.mark.parametrize("shown", [{"bytes": "base64"}, {"bytes": "base64", "more": 1}])
def test_bytes_come_as_base64_to_who_asks_for_it(daemon: Daemon, shown: object) -> None:
    with Raw(daemon.port) as raw:
        raw.shake(shown)
        raw.call("echo", [b"\0'", {"a": b""}])
        form = {"data": "ACc=", "encoding": "base64"}
        assert raw.answer() == [form, {"a": {"data": "", "encoding": "base64"}}]


@pytest.mark.parametrize("shown", ["hello", {"bytes": "repr"}, {}, ["bytes", "base64"], None])
def test_and_as_literals_to_all_others(daemon: Daemon, shown: object) -> None:
    with Raw(daemon.port) as raw:
        raw.shake(shown)
        raw.call("echo", b"\0'")
        assert raw.answer() == b"\0'"


def test_a_plain_proxy_asks_for_base64_with_its_handshake(proxy: Any) -> None:
    proxy._pyroHandshake = {"bytes": "base64"}
    assert serpent.tobytes(proxy.large(2)) == b"\0\0"


def test_a_oneway_call_is_carried_out(proxy: Any, target: Target) -> None:
    """In order with the others, as a gateway's `oneway` option and a proxy's _pyroOneway ask."""
    proxy._pyroBind()
    proxy._pyroOneway.add("receive")
    assert proxy.receive(b"x") is None
    assert proxy.echo(1) == 1
    assert target.calls == 2


@pytest.mark.parametrize("serializer", [SERPENT, JSON, MSGPACK])
def test_even_if_its_client_leaves_at_once(daemon: Daemon, target: Target, serializer: int) -> None:
    with Raw(daemon.port) as raw:
        raw.shaken().call("echo", 1, flags=ONEWAY, serializer=serializer)
    until(lambda: target.calls == 1)


def test_a_oneway_batch_is_carried_out(proxy: Any, target: Target) -> None:
    batch = Pyro5.api.BatchProxy(proxy)
    for number in range(3):
        batch.echo(number)
    assert batch(oneway=True) is None
    assert proxy.echo(1) == 1
    assert target.calls == 4


@pytest.mark.parametrize(
    ("flags", "method", "why"),
    [
        (ONEWAY, "fail", "INVALID: value"),
        (ONEWAY, "nothing", "no exposed method 'nothing'"),
        (ONEWAY | COMPRESSED, "fail", "compressed"),
    ],
)
def test_what_goes_wrong_in_a_oneway_call_is_logged(
    daemon: Daemon, caplog: pytest.LogCaptureFixture, flags: int, method: str, why: str
) -> None:
    """Its client reads no answer: one that came would be taken for the next call's."""
    with caplog.at_level(logging.WARNING, "kvrmi.remote"), Raw(daemon.port) as raw:
        raw.shaken()
        raw.call(method, "value", flags=flags)
        raw.call("echo", "next")
        assert raw.answer() == "next"
    (line,) = caplog.messages
    assert line.startswith("a oneway call failed: ")
    assert why in line


@pytest.mark.parametrize(
    ("kind", "flags", "why"),
    [
        (INVOKE, COMPRESSED, "set COMPRESSION to False"),
        (INVOKE, KEEP_SERIALIZED, "blobs"),
        (RESULT, 0, "messages of type 5"),
        (200, 0, "messages of type 200"),
    ],
)
def test_what_is_not_served_is_refused_in_words_and_the_connection_stays(
    daemon: Daemon,
    target: Target,
    caplog: pytest.LogCaptureFixture,
    kind: int,
    flags: int,
    why: str,
) -> None:
    data = zlib.compress(dump_call(SERPENT, Call(NAME, "echo", (1,), {})))
    with caplog.at_level(logging.INFO, "kvrmi.remote"), Raw(daemon.port) as raw:
        raw.shaken()
        for _ in range(20):
            raw.sock.sendall(pack(kind, SERPENT, flags, 1, data))
            answer = raw.answer()
            assert answer["__class__"] == "Pyro5.errors.ProtocolError"
            assert why in answer["args"][0]
            assert "nothing was done" in answer["args"][0]
        assert target.calls == 0
        raw.call("echo", 1)
        assert raw.answer() == 1
    assert 1 <= len(caplog.messages) < 5


def test_a_client_that_compresses_learns_what_to_set(
    proxy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy._pyroBind()
    monkeypatch.setattr(Pyro5.config, "COMPRESSION", True)
    with pytest.raises(Pyro5.errors.ProtocolError, match="set COMPRESSION to False"):
        proxy.echo("x" * 1000)
    monkeypatch.setattr(Pyro5.config, "COMPRESSION", False)
    assert proxy.echo("x" * 1000) == "x" * 1000


@pytest.mark.parametrize("version", [48, 501, 503])
@pytest.mark.parametrize("size", [6, 24, 40, 100])
def test_another_version_of_the_protocol_is_answered(
    daemon: Daemon, caplog: pytest.LogCaptureFixture, version: int, size: int
) -> None:
    """As Pyro answers it: a CONNECTFAIL with the reason, in its own version. Pyro4's is 48."""
    hello = (b"PYRO" + struct.pack("!H", version)).ljust(size, b"\0")
    with caplog.at_level(logging.INFO, "kvrmi.remote"):
        with socket.create_connection(("127.0.0.1", daemon.port), 5) as sock:
            sock.sendall(hello)
            found = take(_all(sock), 1 << 16)
        assert found is not None
        assert found[0].kind == CONNECT_FAIL
        reason = load(found[0].serializer, found[0].payload)
        assert reason == f"Pyro's protocol version 502 (Pyro5) is spoken here, not {version}"
        until(lambda: caplog.messages == [f"refused a connection: {reason}"])


def _all(sock: socket.socket) -> bytes:
    data = b""
    while more := sock.recv(4096):
        data += more
    return data


def test_who_does_not_read_its_answer_makes_room(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool full of them kept new clients out for as long as an answer may take to send."""
    monkeypatch.setattr(channel, "FRAME_SECONDS", 60.0)
    daemon = serve(target, pool=3, max_message=8 << 20)
    with contextlib.ExitStack() as stack:
        stack.callback(daemon.cut)
        deaf = [stack.enter_context(Raw(daemon.port).shaken()) for _ in range(3)]
        for raw in deaf:
            raw.call("large", 7_000_000, serializer=MSGPACK)
        for raw in deaf:  # the answer has begun
            assert raw.sock.recv(1, socket.MSG_PEEK)
        for number in range(5):
            with Raw(daemon.port) as late:
                late.shaken().call("echo", number)
                assert late.answer() == number


def test_answers_that_nobody_reads_take_little_memory(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that has waited longest is given up, not who reads."""
    monkeypatch.setattr(channel, "FRAME_SECONDS", 60.0)
    daemon = serve(target, pool=40, max_message=8 << 20)
    with contextlib.ExitStack() as stack:
        stack.callback(daemon.cut)
        deaf = [stack.enter_context(Raw(daemon.port).shaken()) for _ in range(12)]
        for raw in deaf:
            raw.call("large", 8_000_000, serializer=MSGPACK)
            assert raw.sock.recv(1, socket.MSG_PEEK)
        until(lambda: daemon.connections == 8)
        with Raw(daemon.port) as reader:
            reader.shaken().call("large", 8_000_000, serializer=MSGPACK)
            assert reader.answer() == bytes(8_000_000)
        assert deaf[-1].answer() == bytes(8_000_000)
