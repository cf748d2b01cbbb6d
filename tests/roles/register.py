"""A second package of roles: one replicated register without consensus, and nothing of Multi-Paxos.

A put asks a majority for the highest stamp, then has a majority keep the value under a higher one;
a get asks a majority, and has the highest kept by a majority before it is answered. Source: Attiya,
Bar-Noy, Dolev, "Sharing Memory Robustly in Message-Passing Systems", section 3. It stands here to
show that a replica's process runs whatever is declared.
"""

from __future__ import annotations

from typing import Any

import msgpack

from kvrmi.cluster.quorum import majority
from kvrmi.roles.contract import NOTHING, Address, Effects, Envelope, Message, NoAnswer, NotSent
from kvrmi.roles.declaration import (
    BATCH,
    Declaration,
    Disk,
    Kind,
    Lane,
    Reports,
    RequestKind,
    Serving,
    Setting,
    Stored,
    Voting,
)
from kvrmi.state.keyvalue import KeyValues
from kvrmi.storage.interface import Number, Put

__all__ = ["REGISTER", "Client", "Order", "Supervisor"]


class Ask(Message, frozen=True, tag=1):
    """What do you keep?"""

    number: Number


class Kept(Message, frozen=True, tag=2):
    """This, under that stamp."""

    number: Number
    round: Number
    writer: Number
    value: bytes


class Keep(Message, frozen=True, tag=3):
    """Keep this, unless you keep something of a higher stamp."""

    number: Number
    round: Number
    writer: Number
    value: bytes


class Done(Message, frozen=True, tag=4):
    """It is kept, durably."""

    number: Number


class Supervisor:
    """Keeps the value of the highest stamp."""

    def __init__(self, me: int, kept: tuple[int, int, bytes]) -> None:
        self.me = me
        self.kept = kept

    def receive(self, now: float, sender: Address, message: Any) -> Effects:
        if isinstance(message, Ask):
            return Effects(messages=(Envelope(sender, Kept(message.number, *self.kept)),))
        if not isinstance(message, Keep):
            return NOTHING
        done = (Envelope(sender, Done(message.number)),)
        if (message.round, message.writer) <= self.kept[:2]:
            return Effects(messages=done)
        self.kept = (message.round, message.writer, message.value)
        return Effects((Put("register", "value", msgpack.packb(self.kept)),), done)

    def wake(self, now: float) -> Effects:
        return NOTHING


class Order:
    """A get or a put that is under way."""

    def __init__(self, value: bytes | None, deadline: float) -> None:
        self.value = value
        self.deadline = deadline
        self.answer: bytes | None = None
        self.kept: list[tuple[int, int, bytes]] = []
        self.keeping: bytes | None = None
        self.done = 0


class Client:
    """Carries out orders, each by its number."""

    def __init__(self, writer: int, ids: tuple[int, ...]) -> None:
        """`writer` is another at each start: what an earlier one left half done has its stamps."""
        self._writer = writer
        self._round = 0
        self._supervisors = [Address(id, "supervisor") for id in ids]
        self._orders: dict[int, Order] = {}
        self._last = 0

    def submit(self, value: bytes | None, deadline: float) -> tuple[Order, Effects]:
        """Begin a put of a value, or a get."""
        self._last += 1
        order = self._orders[self._last] = Order(value, deadline)
        return order, self._to_all(Ask(self._last))

    def receive(self, now: float, sender: Address, message: Any) -> Effects:
        if isinstance(message, NotSent | NoAnswer):
            return NOTHING  # the others are enough, or the deadline comes
        order = self._orders.get(message.number)
        if order is None:
            return NOTHING
        if isinstance(message, Kept):
            return self._kept(message, order)
        order.done += 1
        if order.done == self._majority:
            order.answer = order.keeping
            del self._orders[message.number]
        return NOTHING

    def _kept(self, message: Kept, order: Order) -> Effects:
        order.kept.append((message.round, message.writer, message.value))
        if len(order.kept) < self._majority or order.keeping is not None:
            return NOTHING  # what comes later is not what all are asked to keep
        round, writer, value = max(order.kept)
        if order.value is not None:
            # Two puts that read the same round must not write two values under one stamp.
            self._round = round = max(round, self._round) + 1
            writer, value = self._writer, order.value
        order.keeping = value
        return self._to_all(Keep(message.number, round, writer, value))

    def wake(self, now: float) -> Effects:
        return NOTHING

    @property
    def _majority(self) -> int:
        return majority(len(self._supervisors))

    def _to_all(self, message: Message) -> Effects:
        return Effects(messages=tuple(Envelope(to, message) for to in self._supervisors))


def _supervisor(setting: Setting, storage: Stored | None, now: float) -> Supervisor:
    row = storage.read("register", "value") if storage else None
    return Supervisor(setting.me, tuple(msgpack.unpackb(row)) if row else (0, 0, b""))


def _client(setting: Setting, storage: Stored | None, now: float) -> Client:
    return Client(int.from_bytes(setting.boot[:7]), setting.ids)


_LANE = Lane("keep", "supervisor", BATCH)

REGISTER = Declaration(
    name="register",
    format=1,
    machine=KeyValues,
    kinds=(
        Kind("front", _client),
        Kind(
            "supervisor",
            _supervisor,
            Disk("supervisor.db", {"register": str}),
            vital=True,
            about=lambda supervisor: f"round={supervisor.kept[0]}",
            reports=Reports(("round",), lambda supervisor: (supervisor.kept[0],)),
        ),
    ),
    daemons=("supervisor",),
    messages=(Ask, Kept, Keep, Done),
    requests={Ask: RequestKind(_LANE, missed=True), Keep: RequestKind(_LANE, missed=True)},
    voter=Voting("supervisor", lambda _: True, lambda _: False),
    serving=Serving(leader=False),
)
