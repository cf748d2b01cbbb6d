"""What can be seen of a run: records, in the order in which things happen.

Rules: traces and transcripts are made of these alone. Each message has an id and its cause, the
message whose handling sent it (0: a timer, a client, the host); it is seen when it leaves, and
again with its fate, each time it has one. Whoever looks takes records and touches nothing, and
making them draws nothing: a run that is seen is the same run. No record knows a protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ..roles.contract import Address, Message
from ..roles.events import Event

__all__ = [
    "Acted", "Began", "Fate", "Happened", "Left", "Life", "Links", "Mail", "Onlooker", "Seen",
    "State", "both",
]  # fmt: skip


class Began(NamedTuple):
    """The world begins, with these replicas, each with these roles."""

    at: float
    replicas: tuple[int, ...]
    roles: tuple[str, ...]


class Mail(NamedTuple):
    """One message that leaves."""

    id: int
    to: Address
    message: Message


class Left(NamedTuple):
    """Messages that leave a role together, the records of its step being durable.

    `who` is the role, or r2.host for what a process says to its own roles; a NotSent or NoAnswer
    comes from the role that was asked, and `cause` is the question.
    """

    at: float
    who: Address
    cause: int
    mail: tuple[Mail, ...]


class Fate(NamedTuple):
    """What became of a message; `why` in words where the fate does not say it.

    arrived: its role handles it. repeated: so it does, once more. late: nobody waits for it any
    more. lost, cut: on its way, by the network, by a cut link. refused: nobody listens there, and
    the sender learns it. held: taken out of the network by a fault; it may have another fate
    later. open: at the end it is under way, or went with a process that was stopped.
    """

    at: float
    id: int
    fate: str
    why: str = ""


class Acted(NamedTuple):
    """An event of a replica's role, as its log has it; `cause` as for messages."""

    at: float
    replica: int
    cause: int
    event: Event


class Life(NamedTuple):
    """A role came up, as this incarnation of it, or went down."""

    at: float
    who: Address
    up: bool
    incarnation: int


class State(NamedTuple):
    """What a role reports of itself after a step, where it differs from before."""

    at: float
    who: Address
    fields: dict[str, object]


class Links(NamedTuple):
    """All cuts, one way each: nothing passes from the first replica to the second."""

    at: float
    cut: tuple[tuple[int, int], ...]


class Happened(NamedTuple):
    """What befell a process (`what` is process) or a role of it, or what somebody else did.

    `who` is a replica's number, or a name: fault, a client's, script, verdict; then `what` is "".
    """

    at: float
    who: int | str
    what: str
    text: str


Seen: TypeAlias = Began | Left | Fate | Acted | Life | State | Links | Happened

Onlooker: TypeAlias = Callable[[Seen], None]
"""Takes each record as it is made."""


def both(first: Onlooker | None, second: Onlooker | None) -> Onlooker | None:
    """Make one onlooker of two; None: there is none."""
    if first is None or second is None:
        return first or second

    def look(seen: Seen) -> None:
        first(seen)
        second(seen)

    return look
