"""What a front forwarded, until the answer is here or none will come.

Rule: a Forward whose leader was replaced no longer holds others back, but its answer is of use
still: a late refusal is as definite as an early one. Only submissions whose sending is open are
kept. It does not know what an answer means.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .ballot import NO_BALLOT, Ballot
from .submissions import Submission

__all__ = ["Forwarding", "Forwards"]


class Forwarding(NamedTuple):
    """Submissions of one Forward by their places in it, meant for `ballot`."""

    ballot: Ballot
    submissions: dict[int, Submission]


NONE = Forwarding(NO_BALLOT, {})


class Forwards:
    """By number; `awaited` is the one before whose answer no other leaves, or 0."""

    def __init__(self) -> None:
        """Nothing was forwarded."""
        self.awaited = 0
        self._sent: dict[int, Forwarding] = {}

    def __bool__(self) -> bool:
        """Return whether an answer is owed."""
        return bool(self._sent)

    def __iter__(self) -> Iterator[Submission]:
        """Go through all submissions."""
        for sent in self._sent.values():
            yield from sent.submissions.values()

    def sent(self, number: int, ballot: Ballot, submissions: list[Submission]) -> None:
        """Take note that submissions left in Forward `number`, and wait for its answer."""
        self._sent[number] = Forwarding(ballot, dict(enumerate(submissions)))
        self.awaited = number

    def end(self, number: int) -> Forwarding:
        """Its answer is here, or none will come: give what it held."""
        if self.awaited == number:
            self.awaited = 0
        return self._sent.pop(number, NONE)

    def overtaken(self) -> Forwarding:
        """Wait no longer for the one awaited; give what it holds."""
        number, self.awaited = self.awaited, 0
        return self._sent.get(number, NONE)

    def sweep(self) -> None:
        """Drop submissions that were answered, or that will be sent again: that is decided anew."""
        for number, (ballot, submissions) in list(self._sent.items()):
            left = {at: t for at, t in submissions.items() if t.answer is None and not t.queued}
            if left:
                self._sent[number] = Forwarding(ballot, left)
            else:
                self.end(number)
