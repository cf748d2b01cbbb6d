"""What a role host needs around it: a daemon, a disk, a way out for messages, and a log.

Rule: these are shapes and nothing else; objectdaemon.py, disks.py, router.py and journal.py
have them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple, Protocol

from kvrmi.roles.contract import Address, Envelope
from kvrmi.roles.events import Observe
from kvrmi.storage.interface import Record


class Daemon(Protocol):
    """The network side of a role: its own Pyro daemon on a fixed port."""

    @property
    def alive(self) -> bool:
        """False once the daemon's request loop has ended."""
        ...

    def open(self) -> None:
        """Listen and serve. Raises OSError."""
        ...

    def cut(self) -> None:
        """Close the listener and every connection, at once."""
        ...


class Disk(Protocol):
    """Makes records durable; see disks.py."""

    @property
    def turn(self) -> int:
        """How often it was fenced."""
        ...

    def write(self, turn: int, records: tuple[Record, ...]) -> bool:
        """Make records durable in this thread; False if it was fenced since `turn`."""
        ...

    def begin(self, turn: int, records: tuple[Record, ...], done: Callable[[], None]) -> None:
        """Have records made durable by another thread, which calls `done`; never waits."""
        ...

    def fence(self) -> bool:
        """Drop what is not written yet; False if it still writes, and cannot be fenced."""
        ...


class Outside(Protocol):
    """Where messages go: to own roles' inboxes at once, to other replicas outside the lock."""

    me: int

    def post(self, sender: Address, envelope: Envelope) -> None:
        """Put a message into an own role's inbox; never blocks."""
        ...

    def send(self, sender: Address, incarnation: int, envelopes: tuple[Envelope, ...]) -> None:
        """Send messages to other replicas; never blocks."""
        ...

    def due(self, at: float) -> None:
        """Take note that a role is to be woken at `at`; never blocks."""
        ...

    def changed(self) -> None:
        """Take note that a role came up or went down; never blocks."""
        ...

    def run(self) -> None:
        """Empty the inboxes of all own roles; the caller holds no role's lock."""
        ...


class Observed(NamedTuple):
    """How a log follows a role: it hears when the role starts, and of each of its steps.

    `life` takes an incarnation and whether it is up: when that changed, after the first start.
    """

    log: logging.Logger
    starts: Callable[[], None]
    step: Observe
    life: Callable[[int, bool], None]
