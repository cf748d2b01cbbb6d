"""Commands that were sent and wait for their outcome: the log's answer, or its silence.

Rules: who has an open sending waits here, also while it queues to be sent again; else what the log
says meanwhile would be missed. So: once our learner has applied the first slot that ballot
b filled with a value of its own, a command that was sent only at ballots below b, and that no
applied slot held, can never be chosen (DESIGN.md, "Never chosen", has the proof). It is given only
over slots that our learner applied one after another since the sending: what a snapshot jumped over
may hold anything.
It does not know who leads, nor what happens to a command afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .ballot import NO_BALLOT, Ballot
from .messages import Applied
from .submissions import Sending, Submission

__all__ = ["Outcomes"]


class Outcomes:
    """Submissions by their commands, from a sending to an answer."""

    def __init__(self) -> None:
        """Nothing was sent."""
        self._waiting: dict[bytes, list[Submission]] = {}
        self._applied = 0
        self._unbroken = 0
        """From this slot on every answer up to `_applied` came here."""
        self._own: tuple[Ballot, int] = (NO_BALLOT, 0)
        """The newest ballot with a value of its own, and its first slot of these."""
        self._oldest: Ballot = NO_BALLOT
        """No submission that can be judged was sent at a lower ballot."""

    def __bool__(self) -> bool:
        """Return whether anybody waits."""
        return bool(self._waiting)

    def __iter__(self) -> Iterator[Submission]:
        """Go through the submissions that wait."""
        for submissions in self._waiting.values():
            yield from submissions

    def sent(self, ballot: Ballot, submissions: Iterable[Submission]) -> None:
        """Take note that submissions leave, to be proposed at `ballot` or never."""
        for submission in submissions:
            waits = bool(submission.open)
            submission.sent(Sending(ballot, self._applied))
            if not (waits or submission.request.reads):
                self._waiting.setdefault(submission.request.payload, []).append(submission)
        self._oldest = min(self._oldest, ballot)

    def forget(self, submission: Submission) -> None:
        """No longer wait with this one: it was answered, or no sending of it is open."""
        waiting = self._waiting.get(submission.request.payload, [])
        if submission in waiting:
            waiting.remove(submission)
            if not waiting:
                del self._waiting[submission.request.payload]

    def sweep(self) -> None:
        """Forget all that were answered elsewhere."""
        left = {c: [t for t in ts if t.answer is None] for c, ts in self._waiting.items()}
        self._waiting = {
            command: submissions for command, submissions in left.items() if submissions
        }

    def applied(self, m: Applied) -> None:
        """Settle the submissions whose commands our learner applied."""
        if m.after > self._applied:
            self._unbroken = m.after
        self._applied = max(self._applied, m.slot)
        if self._waiting:
            for command, answer in m.answers:
                for submission in self._waiting.pop(command, ()):
                    submission.settle(answer)

    def own(self, ballot: Ballot, slot: int) -> None:
        """Take note of the first slot that `ballot` filled with a value of its own; 0: none yet."""
        if slot and ballot > self._own[0]:
            self._own = (ballot, slot)

    def never_chosen(self) -> list[Submission]:
        """Give the submissions of which it is now certain that they were and will not be chosen."""
        ballot, slot = self._own
        if self._applied < slot or self._oldest >= ballot:
            return []
        self._oldest = ballot
        closed = [t for t in self if t.take_back_below(ballot, self._unbroken)]
        return [submission for submission in closed if not submission.open]
