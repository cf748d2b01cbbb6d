"""Who leads, as one replica sees it: the events that explain a change of leader.

Rules: every line about a leader has the word `leads`; one that ends a term says how long it lasted
and why, in the proposer's own words (`Leading.ended`): a guess from the step would name two causes
where it does not know which. It changes no message and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from ..cluster.counts import Counts
from ..roles.contract import Address, Message, Unreachable
from ..roles.events import Reporter
from .ballot import NO_BALLOT, Ballot
from .messages import (
    CampaignNow,
    Leading,
    Prepare,
    Transfer,
)

__all__ = ["LEADER_NEWS", "LeaderEvents"]

LEADER_NEWS = frozenset({CampaignNow, Transfer, Unreachable})
"""Messages that ask this replica to lead, or say that the leader is gone."""


class LeaderEvents:
    """The leader that this replica knows of; fed with the steps of its proposer, in order."""

    def __init__(
        self, me: int, clock: Callable[[], float], report: Reporter, counts: Counts
    ) -> None:
        """Nobody is known to lead; `clock` gives seconds."""
        self._me = me
        self._counts = counts
        self._report = report
        self._clock = clock
        self._ballot: Ballot = NO_BALLOT
        self._since = 0.0
        self._open = False
        self._campaign: Ballot = NO_BALLOT
        self._unreachable: Ballot = NO_BALLOT

    def starts(self) -> None:
        """Note that the proposer starts: its term is over, and it does not know who leads."""
        if self._ballot.replica == self._me:
            self._ended("its proposer was restarted")
        self._ballot = NO_BALLOT

    def received(self, sender: Address, message: Message | None) -> None:
        """Note what asks this replica to lead, or says that the leader is gone."""
        if type(message) is CampaignNow:
            self._report(
                "hand-over",
                f"hand-over from={sender.replica} ballot={message.ballot}: "
                "this replica campaigns at once",
                ballot=message.ballot,
                peer=sender.replica,
            )
        elif type(message) is Transfer:
            to = message.successor
            self._report("transfer", f"transfer to={to}: an operator asked for it", peer=to)
        elif type(message) is Unreachable:
            self._gone(message.peer)

    def sent(self, to: Address, prepare: Prepare) -> None:
        """Note the start of a campaign: our own acceptor is asked first, and once."""
        if to.replica == self._me and prepare.ballot not in (self._campaign, self._ballot):
            self._campaign = prepare.ballot
            self._counts.elections += 1
            text = f"campaign ballot={prepare.ballot} from slot={prepare.slot}"
            self._report("campaign", text, slot=prepare.slot, ballot=prepare.ballot)

    def leading(self, news: Leading) -> None:
        """Note what the proposer reported."""
        if news.ballot != self._ballot:
            if self._ballot != NO_BALLOT:
                self._ended(self._reason(news))
            if news.ballot != NO_BALLOT:
                self._began(news)
        if news.ready and not self._open:
            self._open = True
            after = self._clock() - self._since
            text = f"leads replica={self._me} ballot={news.ballot} open after={after:.3f}s"
            self._report("leads open", text, ballot=news.ballot, peer=self._me)

    def _began(self, news: Leading) -> None:
        self._ballot, self._since = news.ballot, self._clock()
        self._open = False
        self._counts.terms += news.leader == self._me
        mine = " (this replica)" if news.leader == self._me else ""
        text = f"leads replica={news.leader} ballot={news.ballot}{mine}"
        self._report("leads", text, ballot=news.ballot, peer=news.leader)

    def _ended(self, reason: str) -> None:
        leader, after = self._ballot.replica, self._clock() - self._since
        self._report(
            "leads no more",
            f"leads no more replica={leader} ballot={self._ballot} after={after:.1f}s "
            f"reason={reason}",
            ballot=self._ballot,
            peer=leader,
        )
        self._ballot = NO_BALLOT

    def _reason(self, news: Leading) -> str:
        if self._ballot.replica == self._me or not news.leader:
            return news.ended
        winner = "this replica" if news.leader == self._me else f"replica {news.leader}"
        return f"{winner} won ballot {news.ballot}"

    def _gone(self, peer: int) -> None:
        """Say once a term that the leader's process refuses connections."""
        if peer == self._ballot.replica and self._unreachable != self._ballot:
            self._unreachable = self._ballot
            self._report(
                "leads unreachable",
                f"leads replica={peer} ballot={self._ballot} "
                "but a connection to it was refused or reset",
                ballot=self._ballot,
                peer=peer,
            )
