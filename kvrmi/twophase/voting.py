"""One round of votes: transactions that were sent together, each voted on for itself.

Rule: a transaction is committed by the YES of every member of its view, and by nothing less. It
sends nothing and knows no time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..operations.interface import Answer
from .messages import Transaction, Vote
from .views import View

__all__ = ["Round"]


class Round:
    """`asked` of the members of `view`; over when all have voted or are not waited for."""

    def __init__(
        self, number: int, view: View, asked: Sequence[Transaction], deadline: float
    ) -> None:
        """Begin without votes; after `deadline` nobody is waited for."""
        self.number = number
        self.view = view
        self.asked = tuple(asked)
        self.deadline = deadline
        self._waited_for = set(view.ids)
        self._votes: dict[int, dict[int, Vote]] = {}

    @property
    def complete(self) -> bool:
        """Whether nobody is waited for any more."""
        return not self._waited_for

    def take(self, voter: int, votes: Iterable[Vote]) -> None:
        """Take a member's votes; its first ones stand."""
        if voter in self._waited_for:
            self._waited_for.discard(voter)
            self._votes[voter] = {vote.number: vote for vote in votes}

    def missing(self, voter: int) -> None:
        """Wait for a member no more: its silence is a NO."""
        self._waited_for.discard(voter)

    def end(self) -> None:
        """Wait for nobody any more."""
        self._waited_for.clear()

    @property
    def heard(self) -> frozenset[int]:
        """Who has voted."""
        return frozenset(self._votes)

    def voted(self, voter: int, number: int) -> bool:
        """Whether a member voted YES."""
        vote = self._votes.get(voter, {}).get(number)
        return vote is not None and vote.yes

    def commits(self, number: int) -> bool:
        """Whether every member voted YES."""
        return all(self.voted(member, number) for member in self.view.ids)

    def revision(self, number: int) -> int:
        """Give the highest revision that a voter has seen."""
        votes = (votes[number] for votes in self._votes.values() if number in votes)
        return max((vote.answer.revision for vote in votes), default=0)

    def answer(self, number: int) -> Answer:
        """Say what an abort means for who asked."""
        noes = [
            vote.answer
            for votes in self._votes.values()
            if (vote := votes.get(number)) is not None and not vote.yes
        ]
        # Who carried the request out before knows best; then who has it in doubt.
        for code in ("OK", "INVALID", "UNKNOWN_OUTCOME"):
            for answer in noes:
                if answer.code == code:
                    return answer
        return noes[0] if noes else self._silence()

    def _silence(self) -> Answer:
        silent = ", ".join(str(id) for id in self.view.ids if id not in self._votes)
        return Answer("ABORTED", f"replica {silent} did not vote in time; nothing was done", 0)
