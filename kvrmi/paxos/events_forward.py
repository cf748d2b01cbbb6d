"""Requests that a follower passes to the leader: sampled events, on both sides.

Rule: one forward a second is reported, with its answer; one that came back unanswered always counts
as a sample. It changes no message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ..cluster.counts import Counts
from ..roles.contract import Address, Effects, NoAnswer, NotSent
from ..roles.events import Reporter
from .messages import Forward, Forwarded

__all__ = ["ForwardEvents"]

EVERY = 1.0
"""Seconds between forwards that are written out, for each kind of line."""


class ForwardEvents:
    """Steps of one front, in order."""

    def __init__(
        self,
        clock: Callable[[], float],
        report: Reporter,
        counts: Counts,
        named: Callable[[Sequence[bytes]], str],
    ) -> None:
        """`clock` gives seconds; `named` puts requests into a few words."""
        self._named = named
        self._counts = counts
        self._clock = clock
        self._report = report
        self._last: dict[str, float] = {}
        self._sampled: tuple[int, float] = (0, 0.0)
        """Number of the forward whose answer is awaited, and when it left."""

    def note(self, sender: Address, message: Any, effects: Effects) -> None:
        """Note a step of the front."""
        kind = type(message)
        if kind is Forward:
            self._received(sender, message)
        elif kind is Forwarded:
            self._answered(sender, message)
        elif kind is NoAnswer or kind is NotSent:
            self._lost(message)
        for envelope in effects.messages:
            sent: Any = envelope.message
            if type(sent) is Forward:
                self._sent(envelope.to, sent)

    def _sent(self, to: Address, forward: Forward) -> None:
        self._counts.forwards += len(forward.requests)
        if self._due("sent"):
            self._sampled = (forward.number, self._clock())
            text = f"forward to={to.replica} {_counted(forward)}{self._payloads(forward)}"
            self._report("forward to", text, peer=to.replica, request=forward.number)

    def _received(self, sender: Address, forward: Forward) -> None:
        self._counts.forwarded += len(forward.requests)
        if self._due("received"):
            text = f"forward from={sender.replica} {_counted(forward)}{self._payloads(forward)}"
            self._report("forward from", text, peer=sender.replica, request=forward.number)

    def _answered(self, sender: Address, answer: Forwarded) -> None:
        number, sent = self._sampled
        if answer.number == number:
            codes = Counter(one.code for one in answer.answers)
            counted = " ".join(f"{code}={count}" for code, count in codes.items())
            peer, after = sender.replica, 1000 * (self._clock() - sent)
            text = f"forward answered by={peer} number={number} after={after:.1f}ms {counted}"
            self._report("forward answered", text, peer=peer, request=number)

    def _lost(self, lost: NoAnswer | NotSent) -> None:
        forward = lost.message
        if type(forward) is Forward and self._due("lost"):
            how = "forward not sent" if type(lost) is NotSent else "forward unanswered"
            text = f"{how} to={lost.peer} {_counted(forward)}"
            self._report(how, text, peer=lost.peer, request=forward.number)

    def _payloads(self, forward: Forward) -> str:
        return self._named([request.payload for request in forward.requests])

    def _due(self, kind: str) -> bool:
        now = self._clock()
        if now - self._last.get(kind, -EVERY) < EVERY:
            return False
        self._last[kind] = now
        return True


def _counted(forward: Forward) -> str:
    return f"number={forward.number} requests={len(forward.requests)}"
