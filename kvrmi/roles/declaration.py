"""What a package of roles declares once, and codec, server process and simulator read.

Rule: a declaration is data; whoever runs roles asks it and names no message of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from .contract import Message

__all__ = ["BATCH", "CONTROL", "GRACE", "Declaration", "Deferred", "Lane", "Request"]

BATCH = "batch"
CONTROL = "control"
"""Groups of lanes: each is collected by a thread of its own, so no timer waits for a batch."""

GRACE = 0.3
"""Seconds that the asker of a deferred request waits longer than the request itself may take."""


class Lane(NamedTuple):
    """A connection to each peer, whose messages wait for those of no other lane.

    `door` is the role whose daemon takes it, `role` the one that handles what comes.
    """

    name: str
    door: str
    role: str
    group: str


class Request(NamedTuple):
    """What one replica may ask of another; an answer is any other message with a wire form.

    `missed`: its asker acts on NotSent and NoAnswer, else they are of no use to it. `patience`:
    seconds that an answer may take; None: as long as any.
    """

    lane: Lane
    missed: bool = False
    patience: Callable[[Message], float] | None = None


class Deferred(NamedTuple):
    """A request that is answered in a later step, perhaps by another role than the one asked.

    Both have a `number`, unique at the asker; the request has `patience`, in seconds.
    """

    request: type[Message]
    answer: type[Message]


class Declaration(NamedTuple):
    """One package of roles.

    `messages`: all that have a wire form; a message's place is its number there, so append only.
    `format`: of those; replicas that disagree do not connect. `roles`: in the order in which their
    inboxes are emptied, those that write to a disk after those that compute; `doors`: those with a
    daemon of their own. `returned`: local messages that come back as NotSent if the role is down.
    """

    name: str
    format: int
    roles: tuple[str, ...]
    doors: tuple[str, ...]
    messages: tuple[type[Message], ...]
    requests: Mapping[type[Message], Request]
    deferred: Deferred
    returned: frozenset[type[Message]]

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Every lane that a request takes, once."""
        return tuple(dict.fromkeys(request.lane for request in self.requests.values()))

    def patience(self, message: Message, usual: float) -> float:
        """Seconds that the answer of a request may take; `usual` where it says nothing."""
        patience = self.requests[type(message)].patience
        return usual if patience is None else patience(message)
