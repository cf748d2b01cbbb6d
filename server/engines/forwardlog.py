"""Requests that a follower passes to the leader: sampled lines in replica.log, on both sides.

Rule: one forward a second is written, with its answer; one that came back unanswered always counts
as a sample. It changes no message.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

from kvrmi.operations.commands import summary
from kvrmi.paxos.messages import Forward, Forwarded
from kvrmi.roles.contract import Address, Effects, Message, NoAnswer, NotSent

_log = logging.getLogger("kvrmi.server.front")

EVERY = 1.0
"""Seconds between forwards that are written out, for each kind of line."""


class ForwardLog:
    """Steps of one front, in order."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._last: dict[str, float] = {}
        self._sampled: tuple[int, float] = (0, 0.0)
        """Number of the forward whose answer is awaited, and when it left."""

    def note(self, sender: Address, message: Message | None, effects: Effects) -> None:
        """Note a step of the front."""
        if isinstance(message, Forward):
            self._received(sender, message)
        elif isinstance(message, Forwarded):
            self._answered(sender, message)
        elif isinstance(message, NoAnswer | NotSent):
            self._lost(message)
        for envelope in effects.messages:
            to, sent = envelope.to, envelope.message
            if type(sent) is Forward:
                self._sent(to, sent)

    def _sent(self, to: Address, forward: Forward) -> None:
        if self._due("sent"):
            self._sampled = (forward.number, self._clock())
            _log.info(
                "forward to=%d number=%d requests=%d%s",
                to.replica, forward.number, len(forward.requests), _named(forward),
            )  # fmt: skip

    def _received(self, sender: Address, forward: Forward) -> None:
        if self._due("received"):
            _log.info(
                "forward from=%d number=%d requests=%d%s",
                sender.replica, forward.number, len(forward.requests), _named(forward),
            )  # fmt: skip

    def _answered(self, sender: Address, answer: Forwarded) -> None:
        number, sent = self._sampled
        if answer.number == number:
            codes = Counter(one.code for one in answer.answers)
            counted = " ".join(f"{code}={count}" for code, count in codes.items())
            _log.info(
                "forward answered by=%d number=%d after=%.1fms %s",
                sender.replica, number, 1000 * (self._clock() - sent), counted,
            )  # fmt: skip

    def _lost(self, lost: NoAnswer | NotSent) -> None:
        forward = lost.message
        if type(forward) is Forward and self._due("lost"):
            how = "not sent" if type(lost) is NotSent else "unanswered"
            _log.info(
                "forward %s to=%d number=%d requests=%d",
                how, lost.peer, forward.number, len(forward.requests),
            )  # fmt: skip

    def _due(self, kind: str) -> bool:
        now = self._clock()
        if now - self._last.get(kind, -EVERY) < EVERY:
            return False
        self._last[kind] = now
        return True


def _named(forward: Forward) -> str:
    return summary([request.payload for request in forward.requests])
