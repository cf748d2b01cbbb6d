"""Bugs of fronts: what clients are answered, and what is sent again.

Rule: each is what somebody might write by mistake; its docstring says what must notice it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ....operations.commands import decode_command, encode_command
from ....operations.interface import Request
from ....paxos.ballot import Ballot
from ....paxos.front import Front
from ....paxos.parts import Reads
from ....paxos.submissions import Sending, Submission
from ....roles.declaration import Setting, Stored
from ..parts import Parts

__all__ = [
    "DoubtForgottenForSessions",
    "FollowerReadCalledLinearizable",
    "ForwardedRetryWithNewId",
    "NoQuorumSaidOfSentCommand",
    "PlainCommandSentTwice",
]


class FollowerReadCalledLinearizable(Parts):
    """Any replica answers reads from what it has applied; a read is stale."""

    def front(self, setting: Setting, storage: Stored | None, now: float) -> Front:
        """Take up a front that asks nobody."""
        reads = Reads(setting.others)
        return Front(
            setting.me,
            setting.boot,
            setting.timing,
            lambda _, question: reads.answer(0, question),
            reads.answer,
        )


class _Unnoted(Submission):
    __slots__ = ()

    def sent(self, sending: Sending) -> None:
        """Take no note of it."""


class _SaysNoQuorum(Front):
    def submission(self, now: float, request: Request, **how: Any) -> Submission:
        known = super().submission(now, request, **how)
        return _Unnoted(request, known.deadline, **how)


class NoQuorumSaidOfSentCommand(Parts):
    """NO_QUORUM is returned for a command that was in an Accept; it is in the log after all."""

    fronts = _SaysNoQuorum


class _ForgetsDoubt(Front):
    def send_again(self, submission: Submission) -> None:
        if submission.repeatable:
            submission.open = ()
        super().send_again(submission)


class DoubtForgottenForSessions(Parts):
    """A session's command that is sent again counts as never sent; NO_QUORUM is a lie then."""

    fronts = _ForgetsDoubt


class _NewId(Front):
    def in_doubt(self, submissions: Iterable[Submission], ballot: Ballot) -> None:
        submissions = list(submissions)
        super().in_doubt(submissions, ballot)
        for submission in submissions:
            if submission.repeatable and submission.answer is None:
                name, _, args = decode_command(submission.request.payload)
                payload = encode_command(name, args, self.next_id())
                submission.request = Request(False, payload)


class ForwardedRetryWithNewId(Parts):
    """A command that is forwarded again gets a new id, and takes effect twice."""

    fronts = _NewId


class _SendsTwice(Front):
    def in_doubt(self, submissions: Iterable[Submission], ballot: Ballot) -> None:
        submissions = list(submissions)
        for submission in submissions:
            submission.repeatable = True
        super().in_doubt(submissions, ballot)


class PlainCommandSentTwice(Parts):
    """A command without a session is sent again when in doubt; the log has it twice."""

    fronts = _SendsTwice
