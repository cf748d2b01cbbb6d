"""What a stranger on the network cannot do; P1 to P6 are the holes of Pyro5 5.17 itself."""

from __future__ import annotations

import contextlib
import marshal
import random
import resource
import socket
import struct
import threading
import zlib
from time import monotonic

import Pyro5.api
import pytest

from kvrmi.remote import payload
from kvrmi.remote.daemon import Daemon
from kvrmi.remote.frames import (
    COMPRESSED,
    CONNECT,
    CONNECT_FAIL,
    CONNECT_OK,
    INVOKE,
    KEEP_SERIALIZED,
    ONEWAY,
    RESULT,
    pack,
)
from kvrmi.remote.payload import MSGPACK, SERPENT, Call, dump, dump_call, load

from .rig import NAME, Raw, Target, serve, until

MARSHAL = 2
HEADER = struct.Struct("!4sHBBHHII16sHH")


def header(size: int, annotations: int = 0, kind: int = CONNECT) -> bytes:
    return HEADER.pack(b"PYRO", 502, kind, 1, 0, 0, size, annotations, bytes(16), 0, 0x4DC5)


def serves(daemon: Daemon) -> None:
    """A new client is served at once."""
    begun = monotonic()
    with Pyro5.api.Proxy(f"PYRO:{NAME}@{daemon.locationStr}") as proxy:
        proxy._pyroTimeout = 5
        assert proxy.echo("alive") == "alive"
    assert monotonic() - begun < 4
    assert daemon.alive


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def memory() -> int:
    """Most memory this process ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def test_p1_a_full_pool_junk_and_a_reset_do_not_end_the_accept_loop(target: Target) -> None:
    daemon = serve(target, pool=2)
    address = ("127.0.0.1", daemon.port)
    try:
        with Raw(daemon.port) as one, Raw(daemon.port) as two:
            for raw in (one, two):
                raw.shaken().call("block")
            until(lambda: target.calls == 2)
            for _ in range(20):
                sock = socket.create_connection(address, 5)
                sock.sendall(b"junk!!")
                reset(sock)
            # Accepted in their turn: once this one is refused, none of them can make room any more.
            with contextlib.suppress(OSError), socket.create_connection(address, 5) as last:
                last.recv(1)
            assert daemon.alive
            target.leave.set()
            assert one.answer() == two.answer() == "left"
        serves(daemon)
    finally:
        daemon.cut()


def test_p2_silent_connections_hold_nobody_up(daemon: Daemon) -> None:
    silent = [socket.create_connection(("127.0.0.1", daemon.port), 5) for _ in range(10)]
    serves(daemon)
    for sock in silent:
        sock.close()


def test_p3_nothing_is_executed_after_cut(daemon: Daemon, target: Target) -> None:
    with Raw(daemon.port) as raw:
        raw.shaken().call("echo", 1)
        assert raw.answer() == 1
        daemon.cut()
        with contextlib.suppress(OSError):
            raw.call("echo", 2)
        assert raw.closed()
    assert target.calls == 1


def test_p3_the_rest_of_a_batch_is_not_executed_after_cut(daemon: Daemon, target: Target) -> None:
    with Raw(daemon.port) as raw:
        calls: list[object] = [("block", (), {}), ("echo", (1,), {})]
        data = dump(SERPENT, (NAME, "<batch>", calls, {}))
        raw.shaken().sock.sendall(pack(INVOKE, SERPENT, 8, 1, data))
        assert target.entered.wait(60)
        daemon.cut()
        target.leave.set()
        assert raw.closed()
        until(lambda: daemon.connections == 0)
    assert target.calls == 1


def test_p4_compressed_messages_are_not_unpacked(daemon: Daemon, target: Target) -> None:
    bomb = zlib.compress(b"'" + bytes(64 << 20) + b"'", 9)
    before = memory()
    with Raw(daemon.port) as raw:
        raw.sock.sendall(pack(CONNECT, SERPENT, COMPRESSED, 0, bomb[:60000]))
        assert raw.channel.receive(5).kind == CONNECT_FAIL
    with Raw(daemon.port) as raw:
        raw.shaken().sock.sendall(pack(INVOKE, SERPENT, COMPRESSED, 1, bomb))
        assert raw.answer()["__class__"] == "Pyro5.errors.ProtocolError"
    assert memory() - before < 32
    assert target.calls == 0
    serves(daemon)


def test_p5_marshal_is_never_read(daemon: Daemon, target: Target) -> None:
    shown = marshal.dumps({"handshake": "hello", "object": NAME})
    with Raw(daemon.port) as raw:
        raw.sock.sendall(pack(CONNECT, MARSHAL, 0, 0, shown))
        answer = raw.channel.receive(5)
        assert answer.kind == CONNECT_FAIL
        assert load(answer.serializer, answer.payload) == (
            "serializer marshal is not taken, use serpent, json or msgpack"
        )
    with Raw(daemon.port) as raw:
        call = marshal.dumps((NAME, "echo", (1,), {}))
        raw.shaken().sock.sendall(pack(INVOKE, MARSHAL, 0, 1, call))
        assert raw.answer()["__class__"] == "Pyro5.errors.SerializeError"
    assert target.calls == 0


def test_p5_nor_is_it_read_from_an_annotation(daemon: Daemon, target: Target) -> None:
    note = marshal.dumps(("info", NAME, "echo"))
    blob = b"BLBI" + struct.pack("!I", len(note)) + note
    data = dump_call(SERPENT, Call(NAME, "echo", (1,), {}))
    with Raw(daemon.port) as raw:
        raw.shaken()
        fields = (b"PYRO", 502, INVOKE, 1, KEEP_SERIALIZED, 1, len(data), len(blob), bytes(16), 0)
        raw.sock.sendall(HEADER.pack(*fields, 0x4DC5) + blob + data)
        assert raw.answer()["__class__"] == "Pyro5.errors.ProtocolError"
    assert target.calls == 0


def test_annotations_are_skipped_unread(daemon: Daemon) -> None:
    data = dump_call(SERPENT, Call(NAME, "echo", ("x",), {}))
    with Raw(daemon.port) as raw:
        raw.shaken().sock.sendall(header(len(data), 9, INVOKE) + b"\xff" * 9 + data)
        assert raw.answer() == "x"


def test_oneway_calls_start_no_threads(daemon: Daemon, target: Target) -> None:
    """In Pyro each is one of its own, as many as somebody likes."""
    with Raw(daemon.port) as raw:
        raw.shaken().call("echo", 1)
        assert raw.answer() == 1
        before = {*threading.enumerate()}
        for _ in range(100):
            raw.call("block", flags=ONEWAY)
        until(lambda: target.calls == 2)
        assert {*threading.enumerate()} <= before


@pytest.mark.parametrize(
    "junk", [b"junk", b"\0" * 40, b"GET / HTTP/1.0\r\n\r\n", b"PYRO\x01\xf6" * 20]
)
def test_junk_ends_its_own_connection_only(daemon: Daemon, junk: bytes) -> None:
    with Raw(daemon.port) as raw:
        raw.sock.sendall(junk)
        assert raw.closed()
    with Raw(daemon.port) as raw:
        raw.shaken().sock.sendall(junk)
        assert raw.closed()
    serves(daemon)


@pytest.mark.parametrize("size", [1 << 17, 900 << 20, (1 << 32) - 1])
def test_a_giant_length_costs_nothing(
    daemon: Daemon, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kvrmi.remote.channel.FRAME_SECONDS", 0.5)  # what never comes is awaited so
    before = memory()
    for extra in (0, 1 << 31):
        with Raw(daemon.port) as raw:
            raw.sock.sendall(header(size, extra))
            assert raw.closed()
    with Raw(daemon.port) as raw:
        raw.shaken().sock.sendall(header(size << 4 & 0xFFFFFFFF, 1 << 31, INVOKE))
        assert raw.closed()
    assert memory() - before < 8


def test_a_length_that_is_allowed_takes_memory_only_as_bytes_arrive(target: Target) -> None:
    daemon = serve(target, pool=100, max_message=64 << 20)
    before = memory()
    raws = [Raw(daemon.port).shaken() for _ in range(20)]
    try:
        for raw in raws:
            raw.sock.sendall(header((64 << 20) - 40, 0, INVOKE) + b"x" * 1000)
        serves(daemon)
        assert memory() - before < 32
    finally:
        for raw in raws:
            raw.channel.close()
        daemon.cut()


def test_half_a_header_holds_nobody_up(daemon: Daemon) -> None:
    with Raw(daemon.port) as raw, Raw(daemon.port) as other:
        raw.sock.sendall(b"PYRO\x01")
        other.shaken().sock.sendall(header(1000, 0, INVOKE)[:30])
        serves(daemon)


BOMBS = {
    "items": b"[" + b"0," * 300_000 + b"]",
    "empties": b"[" + b"[]," * (1 << 18) + b"]",
    "strings": b"[" + b"''," * (1 << 18) + b"]",
    "hidden in triple quotes": b"['''a'b'''," + b"0," * 300_000 + b"]",
    "hidden in a comment": b"# '\n[" + b"0," * 300_000 + b"]",
    "nested": b"[" * 100_000,
    "signs": b"-" * 500_000 + b"1",
    "sum": b"1" + b"+1" * 200_000,
    "negations": b"not " * 100_000 + b"1",
    "functions": b"lambda:" * 60_000 + b"1",
    "attributes": b"a" + b".b" * 200_000,
    "quotes": b"'" + b"\\'" * 400_000,
    "more quotes": b"'\"" * 300_000 + b"(",
    "colliding numbers": b"{" + b",".join(b"%d:0" % (i * (2**61 - 1)) for i in range(9999)) + b"}",
    "colliding members": b"{" + b",".join(b"%d" % (i * (2**61 - 1)) for i in range(9999)) + b"}",
    "power": b"9**9**9**9",
    "digits": b"9" * 500_000,
    "call": b"__import__('os').system('true')",
    "not text": b"\xff\xfe",
    "nul": b"'\0'",
}


@pytest.mark.parametrize("name", BOMBS)
def test_costly_or_hostile_literals_are_refused_quickly(
    daemon: Daemon, target: Target, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload, "_TOKENS_MAX", 1 << 19)
    begun = monotonic()
    with Raw(daemon.port) as raw:
        raw.shaken()
        for data in (BOMBS[name], b"('%s','echo',(" % NAME.encode() + BOMBS[name] + b",),{})"):
            raw.sock.sendall(pack(INVOKE, SERPENT, 0, 1, data))
            frame = raw.channel.receive(30)
            answer = load(frame.serializer, frame.payload)
            assert answer["__class__"] in ("Pyro5.errors.SerializeError", "builtins.ValueError")
    # Some take a second, ten where all cores are taken; what grows faster takes minutes.
    assert monotonic() - begun < 30
    assert target.calls == 0


def test_random_frames_are_survived(daemon: Daemon, target: Target) -> None:
    """Every message type, flag and serializer, with the payloads that each reads and others."""
    rng = random.Random(5)
    legal = [dump_call(s, Call(NAME, "hidden", ("x",), {})) for s in (SERPENT, 3, MSGPACK)]
    for _ in range(300):
        with Raw(daemon.port) as raw:
            raw.shaken()
            data = bytearray(rng.choice(legal))
            for _ in range(rng.randrange(4)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            kind, flags = rng.choice([INVOKE, INVOKE, rng.randrange(256)]), rng.choice([0, 8, 64])
            raw.sock.sendall(pack(kind, rng.randrange(6), flags, 1, bytes(data)))
            with contextlib.suppress(ConnectionError):
                assert raw.channel.receive(5).kind in (RESULT, 6)
    assert target.calls == 0
    serves(daemon)


def test_a_handshake_of_another_shape_is_refused(daemon: Daemon) -> None:
    shapes: tuple[object, ...] = (
        "hello",
        [],
        {"handshake": 1},
        {"handshake": 1, "object": [NAME]},
        None,
    )
    for shown in shapes:
        with Raw(daemon.port) as raw:
            raw.sock.sendall(pack(CONNECT, MSGPACK, 0, 0, dump(MSGPACK, shown)))
            assert raw.channel.receive(5).kind == CONNECT_FAIL
    with Raw(daemon.port) as raw:
        raw.call("echo", 1)
        assert raw.closed()


def test_calls_of_another_shape_are_refused(daemon: Daemon, target: Target) -> None:
    shapes: list[object] = [
        1, [], [NAME, "echo", [], []], [NAME, ["echo"], [], {}], [[NAME], "echo", [], {}],
        [NAME, "echo", "ab", {}], [NAME, "echo", {}, {}], {"object": NAME}, [NAME, "echo"], None,
    ]  # fmt: skip
    with Raw(daemon.port) as raw:
        raw.shaken()
        for shape in shapes:
            for serializer in (SERPENT, 3, MSGPACK):
                raw.sock.sendall(pack(INVOKE, serializer, 0, 1, dump(serializer, shape)))
                assert raw.answer()["__class__"] == "Pyro5.errors.SerializeError"
    assert target.calls == 0


def test_batches_of_another_shape_are_refused(daemon: Daemon, target: Target) -> None:
    with Raw(daemon.port) as raw:
        raw.shaken()
        for calls in ([1], [["echo"]], [[["echo"], [], {}]]):
            data = dump(MSGPACK, [NAME, "<batch>", calls, {}])
            raw.sock.sendall(pack(INVOKE, MSGPACK, 8, 1, data))
            assert raw.answer()["__exception__"] is True
    assert target.calls == 0


def test_pipelined_calls_are_answered_in_order(daemon: Daemon) -> None:
    with Raw(daemon.port) as raw:
        raw.shaken()
        frames = [
            pack(
                INVOKE, MSGPACK, 0, i, dump_call(MSGPACK, Call(NAME, "echo", (b"x" * i * 999,), {}))
            )
            for i in range(50)
        ]
        raw.sock.sendall(b"".join(frames))
        for i in range(50):
            frame = raw.channel.receive(5)
            assert (frame.sequence, load(MSGPACK, frame.payload)) == (i, b"x" * i * 999)


def test_the_first_contact_is_a_connect_that_fits(daemon: Daemon) -> None:
    with Raw(daemon.port) as raw:
        assert raw.shake({"padding": "x" * 30000}).kind == CONNECT_OK
    with Raw(daemon.port) as raw:
        raw.sock.sendall(header((1 << 16) + 1))
        assert raw.closed()
