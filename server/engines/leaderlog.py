"""Who leads, as one replica sees it: the lines in replica.log that explain a change of leader.

Rules: every line about a leader has the word `leads`; one that ends a term says how long it lasted
and why. The reason is read off the step in which the term ended, so the protocol carries nothing
for the log. It changes no message and decides nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.messages import (
    Applied,
    CampaignNow,
    Followed,
    Leading,
    Prepare,
    Refused,
    RolesUp,
    Transfer,
)
from kvrmi.roles.contract import Address, Effects, Message, Unreachable

_log = logging.getLogger("kvrmi.server.proposer")


class LeaderLog:
    """The leader that this replica knows of; fed with the steps of its proposer, in order."""

    def __init__(self, me: int, clock: Callable[[], float]) -> None:
        """Nobody is known to lead; `clock` gives seconds."""
        self._me = me
        self._clock = clock
        self._ballot: Ballot = NO_BALLOT
        self._since = 0.0
        self._open = False
        self._campaign: Ballot = NO_BALLOT
        self._unreachable: Ballot = NO_BALLOT

    def starts(self) -> None:
        """Note that the proposer starts: its term is over, and it does not know who leads."""
        if self._ballot.replica == self._me:
            self._ended("our proposer was restarted")
        self._ballot = NO_BALLOT

    def received(self, sender: Address, message: Message | None) -> None:
        """Note what asks this replica to lead, or says that the leader is gone."""
        if type(message) is CampaignNow:
            _log.info(
                "hand-over from=%d ballot=%s: this replica campaigns at once",
                sender.replica, message.ballot,
            )  # fmt: skip
        elif type(message) is Transfer:
            _log.info("transfer to=%d: an operator asked for it", message.successor)
        elif type(message) is Unreachable:
            self._gone(message.peer)

    def sent(self, to: Address, prepare: Prepare) -> None:
        """Note the start of a campaign: our own acceptor is asked first, and once."""
        if to.replica == self._me and prepare.ballot not in (self._campaign, self._ballot):
            self._campaign = prepare.ballot
            _log.info("campaign ballot=%s from slot=%d", prepare.ballot, prepare.slot)

    def leading(
        self, sender: Address, message: Message | None, effects: Effects, news: Leading
    ) -> None:
        """Note what the proposer reported in the step that `message` caused."""
        if news.ballot != self._ballot:
            if self._ballot != NO_BALLOT:
                self._ended(self._reason(sender, message, effects, news))
            if news.ballot != NO_BALLOT:
                self._began(news)
        if news.ready and not self._open:
            self._open = True
            after = self._clock() - self._since
            _log.info("leads replica=%d ballot=%s open after=%.3fs", self._me, news.ballot, after)

    def _began(self, news: Leading) -> None:
        self._ballot, self._since = news.ballot, self._clock()
        self._open = False
        mine = " (this replica)" if news.leader == self._me else ""
        _log.info("leads replica=%d ballot=%s%s", news.leader, news.ballot, mine)

    def _ended(self, reason: str) -> None:
        _log.info(
            "leads no more replica=%d ballot=%s after=%.1fs reason=%s",
            self._ballot.replica, self._ballot, self._clock() - self._since, reason,
        )  # fmt: skip
        self._ballot = NO_BALLOT

    def _reason(
        self, sender: Address, message: Message | None, effects: Effects, news: Leading
    ) -> str:
        if self._ballot.replica != self._me:
            return self._successor(news)
        for envelope in effects.messages:
            to, sent = envelope.to, envelope.message
            if type(sent) is CampaignNow:
                return f"handed over to replica {to.replica}"
        if type(message) is Refused:
            return f"acceptor {sender.replica} promised {message.promised}"
        if type(message) is Followed:
            return f"our acceptor follows {message.ballot}"
        if type(message) is RolesUp:
            return "our learner is down"
        if type(message) is Applied:
            return "the log holds another leader's decision, or new voters"
        return "no quorum in time" if self._open else "no quorum in time, it never opened"

    def _successor(self, news: Leading) -> str:
        if not news.leader:
            return "no heartbeat in time"
        winner = "this replica" if news.leader == self._me else f"replica {news.leader}"
        return f"{winner} won ballot {news.ballot}"

    def _gone(self, peer: int) -> None:
        """Say once a term that the leader's process refuses connections."""
        if peer == self._ballot.replica and self._unreachable != self._ballot:
            self._unreachable = self._ballot
            _log.info(
                "leads replica=%d ballot=%s but a connection to it was refused or reset",
                peer, self._ballot,
            )  # fmt: skip
