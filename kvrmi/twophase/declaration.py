"""Two-phase commit, declared: its roles, what they need, how their messages travel.

Rule: a new message is added to messages.py and here, and nowhere else. It is data, and knows
neither process nor network: whoever runs roles asks it.
"""

from __future__ import annotations

from functools import partial

from msgspec import to_builtins

from ..roles.contract import Message
from ..roles.declaration import (
    BATCH,
    CONTROL,
    Declaration,
    Disk,
    Kind,
    Lane,
    Reports,
    RequestKind,
    Serving,
    Voting,
)
from ..state.stored import snapshot_tables
from . import book, standing
from .events import Observer
from .manager import VOTE_SECONDS
from .messages import (
    Done,
    Fetch,
    Go,
    Inquire,
    Known,
    Page,
    Prepare,
    Read,
    Recover,
    Votes,
)
from .participant import Participant
from .parts import Parts
from .viewing import ACTIVE, Report

__all__ = ["TWOPHASE", "declare"]

_VOTE = Lane("vote", "participant", BATCH)
_GO = Lane("go", "participant", BATCH)
_ASK = Lane("ask", "participant", CONTROL)


def _long(_: Message) -> float:
    return VOTE_SECONDS


_REQUESTS: dict[type[Message], RequestKind] = {
    Prepare: RequestKind(_VOTE, missed=True, timeout=_long),
    Go: RequestKind(_GO, missed=True, timeout=_long),
    Inquire: RequestKind(_ASK, missed=True),
    Fetch: RequestKind(_ASK, missed=True, timeout=_long),
}


def declare(parts: Parts) -> Declaration:
    """Declare the protocol with roles made of these parts."""
    tables = {**snapshot_tables(parts.machines.tables), **book.TABLES, **standing.TABLE}
    return Declaration(
        name="2pc",
        format=1,
        machine=parts.machines,
        kinds=(
            Kind("manager", parts.manager, vital=True),
            Kind(
                "participant",
                parts.participant,
                Disk("participant.db", tables),
                vital=True,
                about=_about,
                reports=Reports(_REPORTED, _reported),
            ),
        ),
        daemons=("participant",),
        messages=(Prepare, Votes, Go, Done, Inquire, Known, Fetch, Page),
        requests=_REQUESTS,
        voter=Voting("participant", lambda it: it.standing.votes, lambda it: it.recovering),
        serving=Serving(
            votes=lambda replicas: replicas,
            leader=False,
            among=lambda it: len(it.view.members),
            least=lambda settings: 1 if settings.get("votes") == ACTIVE else None,
        ),
        observing=partial(Observer, vocabulary=parts.machines.vocabulary),
        returned=frozenset({Prepare, Go, Recover, Read}),
    )


_REPORTED = ("applied", "revision", "keys", "digest", "view", "prepared")


def _reported(it: Participant) -> tuple[object, ...]:
    state = it.state
    return (
        state.applied,
        state.revision,
        state.machine.keys,
        state.machine.digest,
        to_builtins(Report.of(it.durable)),
        len(it.book.prepared),
    )


def _about(it: Participant) -> str:
    return f"applied={it.state.applied} prepared={len(it.book.prepared)} view={it.view.number}"


TWOPHASE = declare(Parts())
