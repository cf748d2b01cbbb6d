"""Every request and every reply of clients in the replica's log: `--log-requests`.

Rules: a line for each, with the time, the other end, and a number that both have; values are given
by their size alone, and what a stranger sends cannot break a line. It decides nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from itertools import count
from time import monotonic

from kvrmi.operations.interface import Done, Result
from kvrmi.operations.vocabulary import Vocabulary

from .intake import Intake

__all__ = ["LoggedIntake", "begun", "quoted"]

_log = logging.getLogger("kvrmi.server.requests")
_numbers = count(1)
_SHOWN = 60
"""Bytes of a word."""


def begun(origin: str, request: str) -> Callable[[str], None]:
    """Log a request; what is returned logs its reply."""
    number, began = next(_numbers), monotonic()
    _log.info("%s request %d: %s", origin, number, request)

    def replied(reply: str) -> None:
        took = (monotonic() - began) * 1000
        _log.info("%s reply %d: %s, %.1f ms", origin, number, reply, took)

    return replied


def quoted(word: bytes) -> str:
    """Show the beginning of a word so that it stays in its line."""
    return ascii(word[:_SHOWN].decode(errors="backslashreplace"))[1:-1]


class LoggedIntake:
    """The intake as the remote object uses it, where its calls are logged."""

    def __init__(self, intake: Intake, origin: Callable[[], str]) -> None:
        """`origin` says where the call comes from that the thread is serving."""
        self._intake = intake
        self._origin = origin

    @property
    def vocabulary(self) -> Vocabulary:
        """What can be asked."""
        return self._intake.vocabulary

    def submit(self, name: str, args: Sequence[object], request: object, done: Done) -> None:
        """Pass a request on; see there."""
        replied = begun(f"rpc {self._origin()}", _asked(name, args))

        def answered(result: Result) -> None:
            replied(_answer(result))
            done(result)

        self._intake.submit(name, args, request, answered)

    def status(self, done: Callable[[object], None]) -> None:
        """Pass it on; see there."""
        replied = begun(f"rpc {self._origin()}", "status")

        def answered(status: object) -> None:
            replied("its entry" if isinstance(status, dict) else _sized(status))
            done(status)

        self._intake.status(answered)


def _asked(name: str, args: Sequence[object]) -> str:
    """Show a call: the operation, its key, how large the rest is; nothing of it is checked yet."""
    called = quoted(name.encode(errors="replace"))
    first, *rest = (*args[:1], *map(_sized, args[1:])) if args else ("",)
    key = quoted(first.encode(errors="replace")) if isinstance(first, str) else _sized(first)
    return " ".join([called, key, *[f"and {', '.join(map(str, rest))}"] * bool(rest)]).strip()


def _answer(result: Result) -> str:
    if result.code != "OK":
        return quoted(f"{result.code}: {result.value}".encode(errors="replace"))
    return _sized(result.value)


def _sized(value: object) -> str:
    """Show a number or a truth as it is, the size of anything longer."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"{len(value.encode(errors='replace'))} bytes"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, list | tuple):
        return f"{len(value)} items"
    return str(value) if isinstance(value, int | float) else type(value).__name__
