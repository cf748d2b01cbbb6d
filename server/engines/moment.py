"""What binds a replica's roles at this moment: promise, grant, lease, what waits.

Rules: it is asked for many times a second while somebody watches, so it copies little and never
reads a log; null where a role that is down would know. It changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from kvrmi.paxos.acceptor import Acceptor
from kvrmi.paxos.front import Front
from kvrmi.paxos.learner import Learner
from kvrmi.paxos.proposer import Proposer

from ..hosts import Hosts
from ..rolehost import Fenced
from .blocks import ballot_shown

__all__ = ["moment"]

SLOTS = 40
"""Accepted slots that are named, the last ones."""


def moment(hosts: Hosts) -> dict[str, object]:
    """Ask each role; times are seconds from now on.

    `grant` and `hold`: for how long the acceptor promises only to the owner of `promised`;
    `accepted`: its last slots, each with the ballot; the proposer's `ballot`: the one that it leads
    or follows; `reads`: whether the lease lets this replica
    read without asking anybody.
    """
    return {role: _asked(hosts, role, question) for role, question in _QUESTIONS.items()}


def _asked(hosts: Hosts, role: str, question: Any) -> object:
    try:
        return hosts[role].ask(question)
    except Fenced:
        return None


def _acceptor(acceptor: Acceptor, now: float) -> dict[str, object]:
    grant, hold = acceptor.bound(now)
    last = islice(reversed(acceptor.accepted.items()), SLOTS)
    accepted = [[slot, ballot_shown(ballot)] for slot, (ballot, _) in last]
    promised = ballot_shown(acceptor.state.promised)
    return {"promised": promised, "grant": grant, "hold": hold, "accepted": accepted}


def _proposer(proposer: Proposer, now: float) -> dict[str, object]:
    ballot = ballot_shown(proposer.ballot)
    return {"leads": proposer.leading, "ballot": ballot, "reads": proposer.may_read(now)}


def _front(front: Front, now: float) -> dict[str, object]:
    held = front.held
    return {"waiting": len(held.waiting), "sent": len(held.sent), "forwarded": len(held.forwarded)}


def _learner(learner: Learner, now: float) -> dict[str, object]:
    return {"chosen": learner.target, "applied": learner.applied}


_QUESTIONS: Mapping[str, Callable[[Any, float], dict[str, object]]] = {
    "acceptor": _acceptor,
    "proposer": _proposer,
    "learner": _learner,
    "front": _front,
}
