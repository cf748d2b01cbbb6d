"""Bugs in what is taken for never chosen: a command without a session takes effect twice.

Rule: each is what somebody might write by mistake; its docstring says what must notice it.
"""

from __future__ import annotations

from msgspec.structs import replace

from ....paxos.ballot import NO_BALLOT
from ....paxos.front import Front
from ....paxos.messages import Followed, Forward, Leading
from ....roles.contract import Address, Effects, Message
from ..parts import Parts

__all__ = [
    "ForwardWithoutItsBallot",
    "VerdictBeforeApplied",
]


class _TakesAny(Front):
    now_at = NO_BALLOT

    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        if isinstance(message, Leading):
            self.now_at = message.ballot
        elif isinstance(message, Forward):
            message = replace(message, ballot=self.now_at)
        return super().receive(now, sender, message)


class ForwardWithoutItsBallot(Parts):
    """A leader takes a Forward that was meant for an older ballot; its sender has sent it again."""

    fronts = _TakesAny


class _JudgesEarly(Front):
    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        early = replace(message, own=1) if isinstance(message, Followed) else message
        return super().receive(now, sender, early)


class VerdictBeforeApplied(Parts):
    """A newer leader is enough, before its first own slot is applied; it adopts the command."""

    fronts = _JudgesEarly
