"""Multi-Paxos, declared: which roles there are, what they need, how their messages travel.

Rule: a new message is added to messages.py and here, and nowhere else. It is data, and knows
neither process nor network: whoever runs roles asks it.
"""

from __future__ import annotations

from functools import partial

from ..roles.contract import Message
from ..roles.declaration import (
    BATCH,
    CONTROL,
    GRACE,
    Declaration,
    Disk,
    Kind,
    Lane,
    Presence,
    Reports,
    RequestKind,
    Voting,
)
from ..state.stored import learner_tables
from .acceptor import Acceptor
from .ballot import NO_BALLOT
from .events import Observer
from .learner import Learner
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
    Leading,
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
    RolesUp,
    SnapshotPage,
)
from .parts import Parts
from .proposer import Proposer
from .stable import TABLES as ACCEPTOR_TABLES

__all__ = ["PAXOS", "declare"]

LEARN_SECONDS = 1.0
"""For a page of entries or of a snapshot: a mebibyte, of a replica that may have much to do."""

# A batch must never wait behind a snapshot page, nor a heartbeat behind a batch.
_ACCEPT = Lane("accept", "acceptor", BATCH)
_FORWARD = Lane("forward", "front", BATCH, through="proposer")
_ELECT = Lane("control", "acceptor", CONTROL)
_OFFER = Lane("offer", "proposer", CONTROL)
_LEARN = Lane("learn", "learner", CONTROL)


def _page(_: Message) -> float:
    return LEARN_SECONDS


def _forward(message: Message) -> float:
    # A forwarded request's own patience ends earlier than ours for its answer.
    return message.timeout + GRACE if isinstance(message, Forward) else GRACE


_MESSAGES = (
    PreVote, PreVoted, Prepare, Promise, Accept, Accepted, Refused, Heartbeat, Heard, Release,
    Released, Copy, Copied, Fetch, Entries, FetchSnapshot, SnapshotPage, Offer, Offered,
    CampaignNow, Noted, Forward, Forwarded, Recall, Recalled,
)  # fmt: skip
_REQUESTS: dict[type[Message], RequestKind] = {
    Accept: RequestKind(_ACCEPT, missed=True),
    Forward: RequestKind(_FORWARD, missed=True, timeout=_forward, later=Forwarded),
    PreVote: RequestKind(_ELECT),
    Prepare: RequestKind(_ELECT),
    Heartbeat: RequestKind(_ELECT),
    Release: RequestKind(_ELECT),
    Copy: RequestKind(_ELECT),
    Offer: RequestKind(_OFFER),
    CampaignNow: RequestKind(_OFFER),
    Recall: RequestKind(_OFFER),
    Fetch: RequestKind(_LEARN, missed=True, timeout=_page),
    FetchSnapshot: RequestKind(_LEARN, missed=True, timeout=_page),
}


def declare(parts: Parts) -> Declaration:
    """Declare the protocol with roles made of these parts."""
    acceptor = Disk("acceptor.db", ACCEPTOR_TABLES)
    learner = Disk("learner.db", learner_tables(parts.machines.tables), behind=True, relearned=True)
    return Declaration(
        name="paxos",
        format=3,
        machine=parts.machines,
        kinds=(
            Kind("proposer", parts.proposer, reports=Reports(("role", "ballot"), _proposer)),
            Kind("front", parts.front, vital=True),
            Kind(
                "learner",
                parts.learner,
                learner,
                about=_about_learner,
                reports=Reports(_LEARNED, _learner),
                let_go=Learner.close,
                last=Learner.flush,
            ),
            Kind("acceptor", parts.acceptor, acceptor, vital=True, about=_about_acceptor),
        ),
        daemons=("proposer", "acceptor", "learner"),
        messages=_MESSAGES,
        requests=_REQUESTS,
        voter=Voting("acceptor", lambda it: it.voting, lambda it: it.recovering),
        returned=frozenset({Propose, Confirm}),
        unreachable="proposer",
        observing=partial(Observer, vocabulary=parts.machines.vocabulary),
        informed=_informed,
        before_restart={"learner": _before_learner},
    )


def _informed(now: Presence) -> tuple[tuple[str, Message], ...]:
    """Inform the roles of each other's absence: one that is down sends nothing."""
    up = RolesUp(now.up["acceptor"], now.up["learner"], now.votes)
    nobody: tuple[tuple[str, Message], ...] = (("front", Leading(0, NO_BALLOT, False)),)
    return (*(() if now.up["proposer"] else nobody), ("proposer", up))


def _before_learner(now: Presence) -> tuple[str, Message]:
    """End our term: the learner may have lost what it had answered, since it is written behind.

    A read under the term's lease could show an old state.
    """
    return "proposer", RolesUp(now.up["acceptor"], learner=False)


def _proposer(proposer: Proposer) -> tuple[object, ...]:
    ballot = list(proposer.ballot) if proposer.ballot.round else None
    return "leader" if proposer.leading else "follower", ballot


_LEARNED = ("applied", "chosen", "revision", "keys", "digest", "restored", "restoring")


def _learner(learner: Learner) -> tuple[object, ...]:
    state, restored, progress = learner.state, learner.restored, learner.progress
    return (
        learner.applied,
        learner.target,
        state.revision,
        state.keys,
        state.digest,
        None if restored is None else restored._asdict(),
        None if progress is None else progress._asdict(),
    )


def _about_learner(learner: Learner) -> str:
    return f"applied={learner.applied} keys={learner.state.keys}"


def _about_acceptor(acceptor: Acceptor) -> str:
    about = f"promised={acceptor.state.promised} accepted={len(acceptor.accepted)}"
    return f"{about} recovering" if acceptor.recovering else about


PAXOS = declare(Parts())
