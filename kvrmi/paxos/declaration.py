"""Multi-Paxos, declared: which roles there are, and how their messages travel.

Rule: a new message is added to messages.py and here, and nowhere else.
"""

from __future__ import annotations

from ..roles.contract import Message
from ..roles.declaration import BATCH, CONTROL, GRACE, Declaration, Deferred, Lane, Request
from .messages import (
    Accept,
    Accepted,
    CampaignNow,
    Confirm,
    Copied,
    Copy,
    Entries,
    Fetch,
    FetchSnapshot,
    Forward,
    Forwarded,
    Heard,
    Heartbeat,
    Noted,
    Offer,
    Offered,
    Prepare,
    PreVote,
    PreVoted,
    Promise,
    Propose,
    Recall,
    Recalled,
    Refused,
    Release,
    Released,
    SnapshotPage,
)

__all__ = ["PAXOS"]

LEARN_SECONDS = 1.0
"""For a page of entries or of a snapshot: a mebibyte, of a replica that may have much to do."""

# A batch must never wait behind a snapshot page, nor a heartbeat behind a batch.
_ACCEPT = Lane("accept", "acceptor", "acceptor", BATCH)
_FORWARD = Lane("forward", "proposer", "front", BATCH)
_ELECT = Lane("control", "acceptor", "acceptor", CONTROL)
_OFFER = Lane("offer", "proposer", "proposer", CONTROL)
_LEARN = Lane("learn", "learner", "learner", CONTROL)


def _page(_: Message) -> float:
    return LEARN_SECONDS


def _forward(message: Message) -> float:
    # A forwarded request's own patience ends earlier than ours for its answer.
    return message.patience + GRACE if isinstance(message, Forward) else GRACE


PAXOS = Declaration(
    name="paxos",
    format=2,
    roles=("proposer", "front", "learner", "acceptor"),
    doors=("proposer", "acceptor", "learner"),
    messages=(
        PreVote, PreVoted, Prepare, Promise, Accept, Accepted, Refused, Heartbeat, Heard, Release,
        Released, Copy, Copied, Fetch, Entries, FetchSnapshot, SnapshotPage, Offer, Offered,
        CampaignNow, Noted, Forward, Forwarded, Recall, Recalled,
    ),
    requests={
        Accept: Request(_ACCEPT, missed=True),
        Forward: Request(_FORWARD, missed=True, patience=_forward),
        PreVote: Request(_ELECT),
        Prepare: Request(_ELECT),
        Heartbeat: Request(_ELECT),
        Release: Request(_ELECT),
        Copy: Request(_ELECT),
        Offer: Request(_OFFER),
        CampaignNow: Request(_OFFER),
        Recall: Request(_OFFER),
        Fetch: Request(_LEARN, missed=True, patience=_page),
        FetchSnapshot: Request(_LEARN, missed=True, patience=_page),
    },
    deferred=Deferred(Forward, Forwarded),
    returned=frozenset({Propose, Confirm}),
)  # fmt: skip
