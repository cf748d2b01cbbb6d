"""Stand-ins for the server's tests: a role that does as told, and a world around it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kvrmi.operations.interface import OPERATIONS, Done, Operation, Result
from kvrmi.roles.contract import NOTHING, Address, Effects, Envelope, Message
from server.rolehost import RoleHost
from server.rolework import Disk

ME = 1
PEER = Address(2, "acceptor")
LOG = logging.getLogger("kvrmi.server.stub")


class StubRole:
    """Answers with what `script` makes of a message, and remembers what it saw."""

    def __init__(self, script: Callable[[Address, Message], Effects] | None = None) -> None:
        self.script = script
        self.seen: list[tuple[Address, Message]] = []
        self.woken = 0

    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        self.seen.append((sender, message))
        return self.script(sender, message) if self.script else NOTHING

    def wake(self, now: float) -> Effects:
        self.woken += 1
        return NOTHING


class Outside:
    """Collects what a host lets out."""

    def __init__(self) -> None:
        self.me = ME
        self.posted: list[tuple[Address, Envelope]] = []
        self.sent: list[tuple[Address, int, tuple[Envelope, ...]]] = []
        self.runs = 0
        self.wakes: list[float] = []
        self.changes = 0

    def post(self, sender: Address, envelope: Envelope) -> None:
        self.posted.append((sender, envelope))

    def send(self, sender: Address, incarnation: int, envelopes: tuple[Envelope, ...]) -> None:
        self.sent.append((sender, incarnation, envelopes))

    def due(self, at: float) -> None:
        self.wakes.append(at)

    def changed(self) -> None:
        self.changes += 1

    def run(self) -> None:
        self.runs += 1


class Fatal:
    """Remembers what would have ended the process."""

    def __init__(self) -> None:
        self.errors: list[tuple[str, BaseException]] = []

    def __call__(self, part: str, error: BaseException) -> None:
        self.errors.append((part, error))


class Daemon:
    """A daemon that nobody walks through."""

    def __init__(self) -> None:
        self.alive = False
        self.opened = 0

    def open(self) -> None:
        self.alive = True
        self.opened += 1

    def cut(self) -> None:
        self.alive = False


def host_of(
    make: Callable[[], StubRole],
    outside: Outside | None = None,
    *,
    role: str = "acceptor",
    disk: Disk | None = None,
    behind: bool = False,
    note: Callable[[Address, Message | None, Effects], None] | None = None,
    vital: bool = False,
    fatal: Fatal | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> RoleHost[StubRole]:
    """Start a host around a stub."""
    host: RoleHost[StubRole] = RoleHost(
        Address(ME, role),
        lambda now, incarnation: make(),
        outside or Outside(),
        clock=clock,
        fatal=fatal or Fatal(),
        log=LOG,
        disk=disk,
        behind=behind,
        note=note,
        vital=vital,
    )
    host.start()
    return host


class StubEngine:
    """An engine that has no scan: it answers what it should, and remembers what it was asked."""

    name = "stub"
    capabilities = frozenset(OPERATIONS) - {"scan"}

    def __init__(self) -> None:
        self.asked: list[tuple[Operation, tuple[str, int] | None]] = []
        self.code, self.value = "OK", 7

    def submit(self, operation: Operation, request: tuple[str, int] | None, done: Done) -> None:
        done(self.execute(operation, request))

    def execute(self, operation: Operation, request: tuple[str, int] | None) -> Result:
        self.asked.append((operation, request))
        if self.code == "BUG":
            raise RuntimeError("bug")
        return Result(self.code, self.value, 7, 1, 0, False)

    def status(self) -> dict[str, object]:
        return {"id": 1}


def answered(later: Any) -> Any:
    """What a method answers that need not wait for it; raises what it fails with."""
    answers: list[object] = []
    later.begin(answers.append)
    (answer,) = answers
    if isinstance(answer, Exception):
        raise answer
    return answer


def at_once(work: Callable[[], None]) -> None:
    """Do something apart from nobody."""
    work()


def stands_in(file: Path, text: str) -> bool:
    """Whether a log has a line; a thread writes it, so it comes a little later."""
    return text in file.read_text()


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for a condition; fails when it does not come true in time.

    It is looked at less and less often: a look may be a call to each of several processes.
    """
    deadline = time.monotonic() + seconds
    pause = 0.002
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come true in time")
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
