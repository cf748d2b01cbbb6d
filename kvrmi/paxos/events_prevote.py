"""Pre-votes: who asks whether it could lead, since when it heard no leader, and who answers what.

Rules: a candidate asks again until it wins, and one that is cut off asks for ever, so only what is
new is reported: another ballot, another answer. What a successor asks for an Offer is no candidacy.
It changes no message, and costs a look at the clock for each heartbeat.
"""

from __future__ import annotations

from collections.abc import Callable

from ..roles.contract import Address, Message
from ..roles.events import Reporter
from .ballot import NO_BALLOT, Ballot
from .messages import Heard, Offer, PreVote, PreVoted

__all__ = ["AskedEvents", "AskingEvents"]


class AskingEvents:
    """The candidacies of one replica; fed with the steps of its proposer, in order."""

    def __init__(self, me: int, clock: Callable[[], float], report: Reporter) -> None:
        """No heartbeat was heard; `clock` gives seconds."""
        self._me = me
        self._clock = clock
        self._report = report
        self._asked = self._heard = NO_BALLOT
        self._heard_at = 0.0

    def starts(self) -> None:
        """Note that the proposer starts: it has heard of no leader."""
        self._asked = self._heard = NO_BALLOT

    def heard(self, ballot: Ballot) -> None:
        """Note a heartbeat of who leads at `ballot`: a later candidacy is another one."""
        if ballot != self._heard:
            self._asked = NO_BALLOT
        self._heard, self._heard_at = ballot, self._clock()

    def sent(self, because: Message | None, to: Address, asked: PreVote) -> None:
        """Note the start of a candidacy: all acceptors are asked, our own among them."""
        if to.replica != self._me or asked.ballot == self._asked or type(because) is Offer:
            return
        self._asked = asked.ballot
        last = "none"
        if self._heard != NO_BALLOT:
            last = f"{self._heard} ago={self._clock() - self._heard_at:.3f}s"
        text = f"pre-vote ballot={asked.ballot} heartbeat={last}"
        self._report("pre-vote", text, ballot=asked.ballot)


class AskedEvents:
    """What one acceptor answers to candidates; fed with its steps, in order."""

    def __init__(self, clock: Callable[[], float], report: Reporter) -> None:
        """Nobody has asked, and no lease is known of; `clock` gives seconds."""
        self._clock = clock
        self._report = report
        self._answers: dict[int, tuple[Ballot, bool]] = {}
        """The last answer to each candidate."""
        self._lease = NO_BALLOT
        self._until = 0.0

    def granted(self, heard: Heard) -> None:
        """Note that a lease was granted."""
        self._lease, self._until = heard.ballot, self._clock() + heard.lease

    def answered(self, to: Address, answer: PreVoted) -> None:
        """Note what a candidate is answered."""
        news = (answer.ballot, answer.granted)
        if self._answers.get(to.replica) == news:
            return
        self._answers[to.replica] = news
        would = "yes" if answer.granted else f"no promised={answer.promised}{self._leased()}"
        text = f"pre-voted ballot={answer.ballot} to={to.replica} {would}"
        self._report("pre-voted", text, ballot=answer.ballot, peer=to.replica)

    def _leased(self) -> str:
        left = self._until - self._clock()
        return f" lease={self._lease} left={left:.3f}s" if left > 0 else ""
