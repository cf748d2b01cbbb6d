"""A bench for one role: send it a message, account for everything that comes out.

Rules: records are written before messages are looked at, as a host must; what a test does not
account for fails it (`finish`, called by the fixture). It knows no role's insides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from kvrmi.cluster.timing import Timing
from kvrmi.operations.commands import CommandId, encode_command, encode_question
from kvrmi.operations.interface import Answer
from kvrmi.paxos.ballot import Ballot
from kvrmi.roles.contract import Address, Effects, Envelope, Message, Role
from kvrmi.state.log import Entry, pack_batch
from kvrmi.storage.memory import MemoryStorage

TIMING = Timing()
START = 100.0
IDS = (1, 2, 3)
BOOT = b"8 bytes."

R = TypeVar("R", bound=Role)
M = TypeVar("M")


def acceptor(replica: int) -> Address:
    return Address(replica, "acceptor")


def proposer(replica: int) -> Address:
    return Address(replica, "proposer")


def learner(replica: int) -> Address:
    return Address(replica, "learner")


def front(replica: int) -> Address:
    return Address(replica, "front")


def host(replica: int) -> Address:
    return Address(replica, "host")


def ballot(round: int, replica: int = 1) -> Ballot:
    return Ballot(round, replica)


def put(key: str, value: str = "v", id: CommandId = (1, BOOT, 1)) -> bytes:
    return encode_command("put", (key, value), id)


def get(key: str) -> bytes:
    return encode_question("get", (key,))


def batch(*keys: str) -> bytes:
    return pack_batch([put(key) for key in keys])


def entry(slot: int, *keys: str, at: Ballot | None = None) -> Entry:
    return Entry(slot, at or ballot(1), (1, 2), batch(*keys))


def ok(value: object, revision: int) -> Answer:
    return Answer("OK", value, revision)


def pairs(envelopes: Iterable[Envelope]) -> list[tuple[Address, Any]]:
    """Addresses and their messages, to be taken apart."""
    return [(envelope.to, envelope.message) for envelope in envelopes]


class Bench(Generic[R]):
    """One role, its disk, its clock, and what it asked for that no test has looked at yet."""

    def __init__(self, role: R, disk: MemoryStorage | None = None, now: float = START) -> None:
        self.role = role
        self.disk = disk
        self.now = now
        self.wake_at: float | None = None
        self._out: list[Envelope] = []
        self._wrote = False

    def deliver(self, sender: Address, message: Message) -> None:
        self.carry_out(self.role.receive(self.now, sender, message))

    def wake(self, after: float = 0.0) -> None:
        self.now += after
        self.carry_out(self.role.wake(self.now))

    def carry_out(self, effects: Effects) -> None:
        if effects.records:
            assert self.disk is not None, "a role without a disk wants records written"
            self.disk.write(effects.records)
            self._wrote = True
        self.wake_at = effects.wake_at
        self._out.extend(effects.messages)

    def expect(self, *expected: Envelope, wrote: bool = False) -> None:
        """Exactly these came out since the last look, in this order."""
        out, self._out = self._out, []
        assert out == list(expected)
        assert self._wrote == wrote, "records" if self._wrote else "no records"
        self._wrote = False

    def answer(self, sender: Address, message: Message, *expected: Message) -> None:
        """Send a request; exactly these answers go back to its sender, nothing is written."""
        self.deliver(sender, message)
        self.expect(*(Envelope(sender, answer) for answer in expected))

    @property
    def pending(self) -> tuple[Envelope, ...]:
        """What came out that no test has accounted for."""
        return tuple(self._out)

    def drain(self) -> list[Envelope]:
        """Account for everything so far, to look at parts of it."""
        out, self._out = self._out, []
        self._wrote = False
        return out

    def find(self, kind: type[M], to: Address | None = None) -> list[M]:
        """Account for everything so far; what there was of `kind` (for `to`)."""
        return [
            envelope.message
            for envelope in self.drain()
            if isinstance(envelope.message, kind) and to in (None, envelope.to)
        ]

    def finish(self) -> None:
        assert not self._out, f"unaccounted for: {self._out}"
        assert not self._wrote, "records unaccounted for"


class Benches:
    """Makes benches, and finishes them all at the end of the test."""

    def __init__(self) -> None:
        self._finish: list[Callable[[], None]] = []

    def __call__(self, role: R, disk: MemoryStorage | None = None, now: float = START) -> Bench[R]:
        made = Bench(role, disk, now)
        self._finish.append(made.finish)
        return made

    def finish(self) -> None:
        for finish in self._finish:
            finish()
