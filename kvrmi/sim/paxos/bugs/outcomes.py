"""Bugs in what is taken for never chosen: a command without a session takes effect twice.

Rule: each is what somebody might write by mistake; its docstring says what must notice it.
"""

from __future__ import annotations

from msgspec.structs import replace

from ....paxos.front import Front
from ....paxos.messages import Followed, Forward
from ....roles.contract import Address
from ..parts import Parts

__all__ = [
    "ForwardWithoutItsBallot",
    "VerdictBeforeApplied",
]


class _TakesAny(Front):
    def _on_forward(self, now: float, sender: Address, m: Forward) -> None:
        super()._on_forward(now, sender, replace(m, ballot=self._ballot))


class ForwardWithoutItsBallot(Parts):
    """A leader takes a Forward that was meant for an older ballot; its sender has sent it again."""

    fronts = _TakesAny


class _JudgesEarly(Front):
    def _on_followed(self, now: float, sender: Address, m: Followed) -> None:
        super()._on_followed(now, sender, replace(m, own=1))


class VerdictBeforeApplied(Parts):
    """A newer leader is enough, before its first own slot is applied; it adopts the command."""

    fronts = _JudgesEarly
