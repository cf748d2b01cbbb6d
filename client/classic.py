"""The classic client's script: looks at every server, runs fifteen requests, leaves the prompt.

Rules: all keys that it touches begin with "classic/", and however often it is played the store
holds the same afterwards; the first request that fails ends it; each line goes to the log too.
It knows no flags and reads no input.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from typing import Any

from kvrmi.access.lookup import look_up
from kvrmi.access.store import Store
from kvrmi.cli import INTERRUPTED
from kvrmi.cluster.naming import kvstore
from kvrmi.cluster.status import NOBODY, ClusterStatus, ReplicaEntry
from kvrmi.columns import padded, width
from kvrmi.errors import ConnectionFailed, KVError

from .exits import EXIT_STATUS
from .grammar.literal import typed
from .render import Printer

__all__ = [
    "PREFIX",
    "PROMPT",
    "VALUES",
    "ClassicScript",
    "keys_of",
    "prompted",
    "request_text",
    "requests_of",
]

log = logging.getLogger("kvrmi.client")

PROMPT = "Enter command (PUT key value / GET key / DELETE key / EXIT): "
PREFIX = "classic/"
VALUES = ("one", "two", "three", "four", "five")


class ClassicScript:
    """The script, played by one client to the servers of a store."""

    def __init__(self, store: Store, printer: Printer, name: str | None) -> None:
        """`name` is the client's, and part of the keys that its requests use."""
        self._store = store
        self._printer = printer
        self._name = name
        self._prefix = f"{PREFIX}{name or 'client'}/"

    def play(self, status: ClusterStatus, nameserver: str | None, server: int | None) -> int:
        """Look at all servers, connect, fill in, run the requests; returns the exit status.

        `status` is the cluster's; `nameserver` ("host:port") is asked too if there is one; `server`
        is the one that the client was to connect to. Raises ConnectionFailed if none answers.
        """
        if nameserver is not None:
            self._say(f"name server {nameserver}: {_registered(nameserver)}")
        for entry in status["replicas"]:
            self._say(f"checking word for server {entry['id'] or '?'}: {_checked(entry)}")
        if status["health"] == NOBODY:
            raise ConnectionFailed("no server answers; nothing was done. Start the cluster first")
        try:
            self._connect(server)
            self._populate()
            self._run(list(requests_of(self._prefix)))
        except KVError as error:
            log.warning("%s: %s", error.code, error)
            self._printer.error(error.code, f"{error}; the session ends here")
            return EXIT_STATUS[error.code]
        except KeyboardInterrupt:
            log.warning("interrupted")
            ended = "the session ends here; its last request may or may not take effect"
            self._printer.error("INTERRUPTED", ended)
            return INTERRUPTED
        return 0

    def _connect(self, wanted: int | None) -> None:
        server = self._store.call("size")["replica"]
        who = f"{self._name} is connected" if self._name else "connected"
        missed = f", in place of server {wanted}" if wanted not in (None, server) else ""
        self._say(f"{who} to server {server}{missed}")

    def _populate(self) -> None:
        """Put five keys where there are none; those that are there stay as they are."""
        keys = keys_of(PREFIX)
        pairs = zip(keys, VALUES, strict=True)
        new = sum(self._store.cas(key, None, value) for key, value in pairs)
        self._say(f"pre-populated {keys[0]} to {keys[-1]}: {new} put, {len(keys) - new} were there")

    def _run(self, requests: list[tuple[str, ...]]) -> None:
        widest = max(width(request_text(request)) for request in requests)
        for number, request in enumerate(requests, start=1):
            began = time.monotonic()
            answer = self._store.call(request[0], *request[1:])
            took = (time.monotonic() - began) * 1000
            asked, said = (
                f"{padded(request_text(request), widest)}",
                f"{_said(request[0], answer):<16}",
            )
            self._say(f"{number:2}  {asked}  {said}  server {answer['replica']}  {took:5.1f} ms")

    def _say(self, line: str) -> None:
        self._printer.done(line, {})
        log.info("%s", line)


def prompted(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines that nobody types, each printed after the prompt: a record can be read."""
    rest = iter(lines)
    while True:
        print(PROMPT, end="", flush=True)
        line = next(rest, "")
        print(line.rstrip("\n"), flush=True)
        if not line:
            return
        yield line


def _registered(nameserver: str) -> str:
    try:
        return f"{len(look_up(nameserver=nameserver).endpoints)} servers are registered"
    except ConnectionFailed:
        return "does not answer, or knows no server; the addresses are from the cluster file"


def _checked(entry: ReplicaEntry) -> str:
    """Say how a server was found: its name, where it is, and whether it works."""
    server, state = entry["id"], entry["state"]  # 0 where only the address is known
    name = kvstore(server) if server else "whoever listens"
    is_ = f"down until START {server}" if state == "held" else state
    role = f", {entry['role']}" if entry["role"] else ""
    return f"{name} at {entry['address']} is {is_}{role}"


def requests_of(prefix: str) -> Iterator[tuple[str, ...]]:
    """Make five requests of each kind, so that nothing is left of them."""
    keys = keys_of(prefix)
    yield from (("put", key, value) for key, value in zip(keys, VALUES, strict=True))
    yield from (("get", key) for key in keys)
    yield from (("delete", key) for key in keys)


def keys_of(prefix: str) -> list[str]:
    """Name the five keys behind a prefix."""
    return [f"{prefix}{number}" for number in range(1, len(VALUES) + 1)]


def request_text(request: tuple[str, ...]) -> str:
    """Write a request as it is typed."""
    return " ".join([request[0].upper(), *map(typed, request[1:])])


def _said(name: str, answer: dict[str, Any]) -> str:
    if answer["value"] in (None, False):
        return "not found"
    return typed(answer["value"]) if name == "get" else f"OK revision {answer['revision']}"
