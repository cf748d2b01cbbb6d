"""What an acceptor answers while it must not vote.

Rule: every request gets its one answer, and none of them binds anybody.
"""

from __future__ import annotations

from ..roles.contract import NOTHING, Address, Effects, Envelope, Message
from .ballot import NO_BALLOT, Ballot
from .messages import (
    Accept,
    Copy,
    Followed,
    Heartbeat,
    Learn,
    Prepare,
    PreVote,
    PreVoted,
    Refused,
    Release,
    Released,
)

__all__ = ["followed", "silent"]


def silent(me: int, promised: Ballot, why: str, sender: Address, message: Message) -> Effects:
    """Answer `message` as acceptor `me`, which does not vote; `why` is for whoever asked."""
    match message:
        case PreVote():
            return _answer(sender, PreVoted(message.ballot, False, promised))
        case Prepare():
            return _answer(sender, Refused(message.ballot, promised, why))
        case Accept() | Heartbeat():
            return _listen(me, sender, message, Refused(message.ballot, promised, why))
        case Copy():
            return _answer(sender, Refused(NO_BALLOT, promised, why))
        case Release():
            return _answer(sender, Released(message.ballot))
    return NOTHING


def followed(me: int, m: Accept | Heartbeat) -> tuple[Envelope, ...]:
    """Inform our proposer and front of a leader whose heartbeat acceptor `me` got."""
    news = Followed(m.ballot, m.chosen, m.own if isinstance(m, Heartbeat) else 0)
    return tuple(Envelope(Address(me, role), news) for role in ("proposer", "front"))


def _listen(me: int, sender: Address, m: Accept | Heartbeat, refused: Refused) -> Effects:
    """No vote, but our learner may follow and our front may know the leader."""
    learn = Envelope(Address(me, "learner"), Learn(m.ballot, m.chosen, ()))
    return Effects(messages=(Envelope(sender, refused), *followed(me, m), learn))


def _answer(sender: Address, message: Message) -> Effects:
    return Effects(messages=(Envelope(sender, message),))
