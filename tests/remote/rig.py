"""A small remote object, daemons around it, and a raw hand on the wire."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Any, TypeVar, cast

import Pyro5.api

from kvrmi.remote.channel import Channel
from kvrmi.remote.daemon import Daemon, caller
from kvrmi.remote.frames import CONNECT, CONNECT_OK, INVOKE, Frame, pack
from kvrmi.remote.identity import Credentials
from kvrmi.remote.payload import SERPENT, Call, dump, dump_call, load
from kvrmi.remote.stream import Stream

F = TypeVar("F", bound=Callable[..., Any])

NAME = "test.object"
TIMEOUT = 30.0


def until(condition: Callable[[], object], what: str = "condition") -> None:
    """Wait until `condition` holds; AssertionError after PATIENCE seconds."""
    deadline = monotonic() + TIMEOUT
    pause = threading.Event()
    while not condition():
        if monotonic() > deadline:
            raise AssertionError(f"never came: {what}")
        pause.wait(0.002)


def exposed(method: F) -> F:
    """Let a method be called remotely; Pyro's own decorator has no types."""
    return cast(F, Pyro5.api.expose(method))


class Target:
    """The registered instance; counts what was really executed."""

    def __init__(self) -> None:
        self.calls = 0
        self.entered = threading.Event()
        self.leave = threading.Event()
        self.touched = False

    @exposed
    def echo(self, value: object = None) -> object:
        self.calls += 1
        return value

    @exposed
    def receive(self, data: bytes) -> bytes:
        self.calls += 1
        return data[::-1]

    @exposed
    def fail(self, kind: str) -> None:
        raise {"value": ValueError, "time": TimeoutError, "key": KeyError, "own": OwnError}[kind](
            f"INVALID: {kind}"
        )

    @exposed
    def block(self) -> str:
        self.calls += 1
        self.entered.set()
        self.leave.wait(TIMEOUT)
        return "left"

    @exposed
    def who(self) -> list[object]:
        known = caller()
        return [] if known is None else [known.replica, known.role]

    @exposed
    def large(self, size: int) -> bytes:
        return bytes(size)

    @exposed
    def unwritable(self) -> object:
        return object

    def hidden(self) -> None:
        self.calls += 1

    def _private(self) -> None:
        self.calls += 1

    @property
    def trap(self) -> int:
        self.touched = True
        return 1


class OwnError(ValueError):
    """No builtin."""


def serve(target: object | None = None, **changes: Any) -> Daemon:
    """Start a daemon on a free port; the caller cuts it."""
    settings: dict[str, Any] = {
        "admit": None, "pool": 20, "max_message": 1 << 20, "idle": 60.0, **changes,
    }  # fmt: skip
    daemon = Daemon("127.0.0.1", 0, **settings)
    daemon.register(target or Target(), NAME)
    daemon.start()
    return daemon


class Raw:
    """A connection on which anything can be sent."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self.channel = Channel(Stream(self.sock), 64 << 20)

    def __enter__(self) -> Raw:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.channel.close()

    def shake(self, shown: object = "hello", serializer: int = SERPENT) -> Frame:
        data = dump(serializer, {"handshake": shown, "object": NAME})
        self.sock.sendall(pack(CONNECT, serializer, 0, 0, data))
        return self.channel.receive(TIMEOUT)

    def enter(self, credentials: Credentials) -> Frame:
        """Go through the two exchanges of who shows credentials; the last answer."""
        announced = credentials.announce()
        first = self.shake(announced)
        if first.kind != CONNECT_OK:
            return first
        answer = load(first.serializer, first.payload)
        return self.shake(credentials.prove(NAME, announced, answer["handshake"]))

    def shaken(self) -> Raw:
        assert self.shake().kind == CONNECT_OK
        return self

    def call(self, method: str, *args: object, flags: int = 0, serializer: int = SERPENT) -> None:
        data = dump_call(serializer, Call(NAME, method, args, {}))
        self.sock.sendall(pack(INVOKE, serializer, flags, 1, data))

    def answer(self) -> Any:
        frame = self.channel.receive(TIMEOUT)
        return load(frame.serializer, frame.payload)

    def closed(self) -> bool:
        """Wait for the other side to close; False if it answers instead."""
        try:
            self.channel.receive(TIMEOUT)
        except TimeoutError:
            raise AssertionError("still open") from None
        except OSError:
            return True
        return False
