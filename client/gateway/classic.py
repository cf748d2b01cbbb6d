"""The classic client's script over a gateway: fills in, runs fifteen requests, leaves the prompt.

Rules: as classic.py, whose keys and requests it has: however often it is played the store holds the
same afterwards, and the first request that fails ends it.
"""

from __future__ import annotations

import logging
import time

from kvrmi.columns import padded, width
from kvrmi.errors import KVError
from kvrmi.wire.replies import Failure

from ..classic import PREFIX, VALUES, keys_of, request_text, requests_of
from ..exits import EXIT_STATUS
from ..grammar.making import Command
from ..render import Printer
from .exchange import Answer, asked, failure, shown
from .links import Link

__all__ = ["GatewayScript"]

_log = logging.getLogger("kvrmi.client")


class GatewayScript:
    """The script, played by one client to whichever gateway answers."""

    def __init__(self, link: Link, protocol: str, printer: Printer, name: str | None) -> None:
        """`name` is the client's, and part of the keys that its requests use."""
        self._link = link
        self._protocol = protocol
        self._printer = printer
        self._name = name or "client"

    def play(self) -> int:
        """Fill in and run the requests; returns the exit status."""
        try:
            self._populate()
            self._run(list(requests_of(f"{PREFIX}{self._name}/")))
        except KVError as error:
            _log.warning("%s: %s", error.code, error)
            self._printer.error(error.code, f"{error}; the session ends here")
            return EXIT_STATUS[error.code]
        return 0

    def _populate(self) -> None:
        """Put five keys where there are none; those that are there stay as they are."""
        names = keys_of(PREFIX)
        pairs = zip(names, VALUES, strict=True)
        new = sum(self._asked("cas", key, None, value).status == 0 for key, value in pairs)
        self._say(f"{self._name} is connected over {self._protocol}")
        there = len(names) - new
        self._say(f"pre-populated {names[0]} to {names[-1]}: {new} put, {there} were there")

    def _run(self, todo: list[tuple[str, ...]]) -> None:
        widest = max(width(request_text(request)) for request in todo)
        for number, request in enumerate(todo, start=1):
            began = time.monotonic()
            answer = self._asked(*request)
            took = (time.monotonic() - began) * 1000
            said = answer.lines[0] if answer.lines else "not found"
            text = padded(request_text(request), widest)
            self._say(f"{number:2}  {text}  {said:<9}  {took:5.1f} ms")

    def _asked(self, name: str, *args: object) -> Answer:
        command = Command("store", name, args)
        words, writes = asked(command, self._protocol)
        reply = self._link.ask(words, writes=writes)
        if isinstance(reply, Failure):
            raise failure(reply)
        return shown(command, reply, self._printer.shown)

    def _say(self, line: str) -> None:
        self._printer.done(line, {})
        _log.info("%s", line)
