"""Reads without a lease: they wait until a quorum confirms that we lead, then for a slot.

Rule: a read is answered from the state after the slot that was confirmed for it, never before
("read-index": Ongaro's dissertation, 6.4). It does not know who confirms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..operations.interface import Answer
from .submissions import Submission

__all__ = ["Confirming"]


class Confirming:
    """The submissions of one front that wait so, in the groups that were asked for together."""

    def __init__(self, answer: Callable[[int, bytes], Answer | None]) -> None:
        """`answer(slot, question)` reads what our learner has applied; None before `slot`."""
        self._answer = answer
        self._asked: dict[int, list[Submission]] = {}
        self._confirmed: list[tuple[int, list[Submission]]] = []

    def __bool__(self) -> bool:
        """Return whether anybody waits."""
        return bool(self._asked or self._confirmed)

    def __iter__(self) -> Iterator[Submission]:
        """Go through the submissions that wait."""
        for submissions in self._asked.values():
            yield from submissions
        for _, submissions in self._confirmed:
            yield from submissions

    @property
    def awaited(self) -> bool:
        """Whether a confirmation is due: what comes meanwhile asks for the next one."""
        return bool(self._asked)

    def ask(self, number: int, submissions: list[Submission]) -> None:
        """Let these wait for confirmation `number`."""
        self._asked[number] = submissions

    def end(self, number: int) -> list[Submission]:
        """Let those of a confirmation go that will not come."""
        return self._asked.pop(number, [])

    def end_all(self) -> list[list[Submission]]:
        """Do so with all: who leads has changed."""
        asked, self._asked = list(self._asked.values()), {}
        return asked

    def confirmed(self, number: int, slot: int) -> None:
        """Let those of a confirmation wait for `slot`."""
        self._confirmed.append((slot, self._asked.pop(number, [])))
        self.settle()

    def settle(self) -> None:
        """Answer those whose slot is applied."""
        for slot, submissions in self._confirmed:
            for submission in submissions:
                answer = self._answer(slot, submission.request.payload)
                if answer is not None:
                    submission.settle(answer)
        self._sweep_confirmed()

    def sweep(self) -> None:
        """Forget all that were answered elsewhere."""
        left = {n: [t for t in ts if t.answer is None] for n, ts in self._asked.items()}
        self._asked = {number: submissions for number, submissions in left.items() if submissions}
        self._sweep_confirmed()

    def _sweep_confirmed(self) -> None:
        left = ((slot, [t for t in ts if t.answer is None]) for slot, ts in self._confirmed)
        self._confirmed = [(slot, submissions) for slot, submissions in left if submissions]
