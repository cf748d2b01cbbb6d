"""What a role is, and what it asks of its host after one step: one documented type, one rule.

A role is an object with

    receive(now, sender, message) -> Effects
    wake(now) -> Effects

and neither does I/O nor reads a clock. The host owes it, in this order:

1. write `records` so that they survive a crash (all of them or none);
2. only then let `messages` leave, in their order;
3. call `wake` when its clock reaches `wake_at`, or earlier, or again.

A message from role A of a replica to role B of the same replica is a message like any other. A host
has three of its own, which every role must take: Unreachable, NotSent, NoAnswer. Nothing here knows
what any other message means; a package of roles declares that (declaration.py).
"""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct

from ..storage.interface import Record

__all__ = [
    "NOTHING", "Address", "Effects", "Envelope", "Message", "NoAnswer", "NotSent", "Role",
    "Unreachable",
]  # fmt: skip


class Message(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """What passes between roles; each kind is a class of its own, and never changes.

    One that leaves its replica has a number, `tag=N`, which stays the same for ever, and declares
    types and bounds of all its fields: what others send is checked against them (codec.py).
    """


class Address(Struct, frozen=True, gc=False):
    """A role of a replica: (3, "acceptor")."""

    replica: int
    role: str


class Envelope(Struct, frozen=True, gc=False):
    """A message and where it goes."""

    to: Address
    message: Message


class Effects(Struct, frozen=True, gc=False):
    """The outcome of one step: records are durable before messages leave."""

    records: tuple[Record, ...] = ()
    messages: tuple[Envelope, ...] = ()
    wake_at: float | None = None


NOTHING = Effects()


class Unreachable(Message, frozen=True):
    """Host to whom it concerns: `peer` refused or reset a connection; it is probably dead."""

    peer: int


class NotSent(Message, frozen=True):
    """Host to sender: not one byte of `message` left for `peer`, and none will."""

    peer: int
    message: Message


class NoAnswer(Message, frozen=True):
    """Host to sender: `message` may have reached `peer`; no answer will come."""

    peer: int
    message: Message


class Role(Protocol):
    """What a host and the simulator can run."""

    def receive(self, now: float, sender: Address, message: Any) -> Effects:
        """Take one message; `now` in seconds of a clock that never goes back."""
        ...

    def wake(self, now: float) -> Effects:
        """Do what is due at `now`; calling it too early or too often is harmless."""
        ...
