"""What strangers send to any port ends their own connection, and is felt by nobody else."""

from __future__ import annotations

import contextlib
import marshal
import socket
import struct
import threading
import time
import zlib

import pytest

from kvrmi.remote.frames import (
    BATCH,
    COMPRESSED,
    CONNECT,
    CONNECT_FAIL,
    INVOKE,
    KEEP_SERIALIZED,
    pack,
)
from kvrmi.remote.payload import JSON, MSGPACK, SERPENT, dump
from tests.live.cluster import LiveCluster

from .calm import Calm
from .sockets import Daemon

pytestmark = pytest.mark.live

HEADER = struct.Struct("!4sHBBHHII16sHH")
HANDSHAKE_ENDS = 15.0
"""Seconds; who drips a byte a second into it could keep it open for longer."""


def header(
    size: int, notes: int = 0, tag: bytes = b"PYRO", version: int = 502, magic: int = 0x4DC5
) -> bytes:
    return HEADER.pack(tag, version, CONNECT, 1, 0, 0, size, notes, bytes(16), 0, magic)


JUNK = {
    "text": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "zeros": bytes(100),
    "ones": b"\xff" * 100,
    "another protocol": header(0, tag=b"PYR4"),
    "another magic": header(0, magic=1),
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(200),
    "a large payload": header(1 << 20),
    "the largest payload": header((1 << 32) - 1),
    "the largest notes": header(0, (1 << 32) - 1),
    "both the largest": header((1 << 32) - 1, (1 << 32) - 1),
    "a call before a handshake": pack(INVOKE, SERPENT, 0, 0, b"('x','put',('k','v'),{})"),
}
ALLOWED = ("a large payload", "a call before a handshake")
"""Once a client has shaken hands."""


def test_who_says_nothing_or_little_is_shown_out(
    fort: LiveCluster, ports: dict[str, Daemon]
) -> None:
    """Silence, half a header, a byte now and then, and a handshake that never ends."""
    with Calm(fort), contextlib.ExitStack() as stack:
        raws = [stack.enter_context(daemon.knock()) for daemon in ports.values() for _ in range(4)]
        whole = header(1000) + bytes(999)
        for at, raw in enumerate(raws):
            raw.send((b"", whole[:20], b"P", whole)[at % 4])
        began = time.monotonic()
        trickle = threading.Event()

        def drip() -> None:
            for byte in whole[1:25]:
                for raw in raws[2::4]:
                    raw.send(bytes([byte]))
                if trickle.wait(1.0):
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            assert all(raw.is_closed(HANDSHAKE_ENDS) for raw in raws)
            assert time.monotonic() - began < HANDSHAKE_ENDS
        finally:
            trickle.set()
            thread.join()


def test_junk_and_false_lengths_end_the_connection(
    fort: LiveCluster, ports: dict[str, Daemon]
) -> None:
    with Calm(fort):
        for daemon in ports.values():
            for what, data in JUNK.items():
                with daemon.knock() as raw:
                    raw.send(data)
                    assert raw.is_closed(), f"{what} at {daemon.name}"
        for daemon in (each for each in ports.values() if each.is_open):
            for what, data in JUNK.items():
                if what not in ALLOWED:
                    with daemon.knock() as raw:
                        raw.shaken().send(data)
                        assert raw.is_closed(), f"{what} at {daemon.name}"


def test_nothing_is_unpacked_or_read_by_other_rules(
    fort: LiveCluster, ports: dict[str, Daemon]
) -> None:
    bomb = zlib.compress(b"'" + bytes(64 << 20) + b"'", 9)
    with Calm(fort):
        for daemon in ports.values():
            with daemon.knock() as raw:
                raw.send(pack(CONNECT, SERPENT, COMPRESSED, 0, bomb[:60_000]))
                assert raw.channel.receive(5).kind == CONNECT_FAIL
            for foreign in (0, 2, 5, 42, 255):  # 2 is marshal, 5 was dill, 42 and 255 nobody's
                shown = marshal.dumps({"handshake": "hello", "object": daemon.name})
                with daemon.knock() as raw:
                    raw.send(pack(CONNECT, foreign, 0, 0, shown))
                    assert raw.channel.receive(5).kind == CONNECT_FAIL
            if daemon.is_open:
                with daemon.knock() as raw:
                    raw.shaken().send(pack(INVOKE, SERPENT, COMPRESSED, 1, bomb))
                    assert raw.answer()["__class__"] == "Pyro5.errors.ProtocolError"


def test_no_call_is_made_that_is_not_read(fort: LiveCluster, ports: dict[str, Daemon]) -> None:
    daemon = ports["client"]
    with Calm(fort):
        with daemon.knock() as raw:
            raw.shaken().call("put", "unseen", "x", flags=KEEP_SERIALIZED)
            assert raw.answer()["__class__"] == "Pyro5.errors.ProtocolError"
        with daemon.knock() as raw:
            raw.shaken().send(
                pack(INVOKE, 2, 0, 1, marshal.dumps((daemon.name, "put", ("unseen", "x"), {})))
            )
            assert raw.answer()["__class__"] == "Pyro5.errors.SerializeError"
            assert raw.ask("contains", "unseen") is False


FORMS: list[object] = [
    {"__class__": "Pyro5.client.Proxy", "state": ("PYRO:x@127.0.0.1:PORT", (), (), (), 0, "", 0)},
    {"__class__": "Pyro5.core.URI", "state": ("PYRO", "x", None, "127.0.0.1", 0)},
    {"__class__": "Pyro5.server.Daemon", "state": ()},
    {"__class__": "builtins.SystemExit", "__exception__": True, "args": [1], "attributes": {}},
    {"__class__": "os.system", "args": ["true"]},
    "PYRO:x@127.0.0.1:PORT",
    "PYRONAME:x@127.0.0.1:PORT",
]
QUESTIONS = {
    "client": ["get", "put", "delete", "put_many", "get_many", "cas", "scan", "call", "contains"],
    "nameserver": ["lookup", "register", "list", "yplookup", "set_metadata", "remove"],
    "coordinator": ["kill", "stop", "start", "restart", "restore"],
}


@pytest.fixture
def bait() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_nobody_is_made_to_connect_anywhere(
    fort: LiveCluster, ports: dict[str, Daemon], bait: socket.socket
) -> None:
    """Classes in the arguments stay dictionaries, and addresses text."""
    port = str(bait.getsockname()[1])

    def baited(form: object) -> object:
        if isinstance(form, dict):
            return {key: baited(part) for key, part in form.items()}
        if isinstance(form, tuple):
            return tuple(map(baited, form))
        return form.replace("PORT", port) if isinstance(form, str) else form

    with bait, Calm(fort):
        for form in map(baited, FORMS):
            for where, methods in QUESTIONS.items():
                with ports[where].knock() as raw:
                    raw.shaken()
                    for method in methods:
                        for args in ((form,), ("bait", form), (form, [form])):
                            raw.ask(method, *args)
            for daemon in ports.values():
                for serializer in (SERPENT, JSON, MSGPACK):
                    with daemon.knock() as raw:
                        raw.shake(form, serializer)
        bait.settimeout(0.5)
        with pytest.raises(TimeoutError):
            bait.accept()


def test_costly_literals_keep_nobody_from_leading(
    fort: LiveCluster, ports: dict[str, Daemon]
) -> None:
    """Eight at a time; each held the whole process for a second once."""
    zeros = b"('x','put',([" + b"0," * 261_000 + b"],),{})"
    empties = b"('x','put',([" + b"[]," * 170_000 + b"],),{})"
    packed = b"\x94\xa1x\xa3put\x91\xdc\xff\xff" + b"\xdc\xff\xff".join([b"\x90" * 65_535] * 8)
    bombs = [(SERPENT, zeros), (SERPENT, empties), (JSON, zeros[12:-4]), (MSGPACK, packed)]
    with Calm(fort), contextlib.ExitStack() as stack:
        raws = [stack.enter_context(ports["client"].knock()).shaken() for _ in range(8)]
        for at, raw in enumerate(raws):
            serializer, data = bombs[at % len(bombs)]
            raw.send(pack(INVOKE, serializer, 0, 1, data))
        for raw in raws:
            assert "__exception__" in raw.answer()


def test_a_short_question_has_no_endless_answer(
    fort: LiveCluster, ports: dict[str, Daemon]
) -> None:
    """Twenty kilobytes asked for a gigabyte once: a large value, a thousand times in a batch."""
    daemon = ports["client"]
    with Calm(fort), contextlib.ExitStack() as stack:
        raws = [stack.enter_context(daemon.knock()).shaken() for _ in range(2)]
        assert isinstance(raws[0].ask("put", "large", "x" * (1 << 20)), int)
        calls: list[object] = [("get", ("large",), {})] * 1000
        data = dump(SERPENT, (daemon.name, "<batch>", calls, {}))
        for raw in raws:
            raw.send(pack(INVOKE, SERPENT, BATCH, 1, data))
        for raw in raws:
            *values, last = raw.answer()
            assert len(values) < 8
            assert "INVALID" in last["exception"]["args"][0]
        raws[0].ask("delete", "large")


def test_large_messages_that_never_end_take_turns(
    fort: LiveCluster, ports: dict[str, Daemon]
) -> None:
    """A hundred megabytes at once, none of them the whole of a message."""
    size = (8 << 20) - 100
    begun = header(size).replace(b"\x01\xf6\x01", b"\x01\xf6\x04") + bytes(size - 1)
    with Calm(fort), contextlib.ExitStack() as stack:
        raws = [stack.enter_context(ports["client"].knock()).shaken() for _ in range(16)]
        for raw in raws:
            raw.sock.settimeout(0.1)
            with contextlib.suppress(TimeoutError):
                raw.send(begun)
