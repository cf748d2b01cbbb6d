"""Every message of two-phase commit, on one screen.

Between replicas each is a request to a participant or its one answer. Messages marked *local* pass
between roles of one replica only and have no wire form; the tag of the others is their number
there: it never changes, and no other message ever gets it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from ..operations.answers import is_answer
from ..operations.interface import Answer
from ..roles.contract import Message
from ..storage.interface import Key, Number
from .views import View

__all__ = [
    "ABORT", "COMMIT", "PREPARED", "UNKNOWN", "Decision", "Done", "Doubt", "Enter", "Fetch",
    "Found", "Freed", "Go", "Inquire", "Known", "Page", "Prepare", "Read", "Readings", "Recover",
    "Recovered", "Result", "State", "Tid", "Transaction", "Veto", "Vote", "Votes",
]  # fmt: skip

State = Literal["commit", "abort", "prepared", "unknown"]
COMMIT: State = "commit"
ABORT: State = "abort"
PREPARED: State = "prepared"
"""Voted for, and not decided as far as known here."""
UNKNOWN: State = "unknown"
"""Nothing is known here, and nothing follows from that."""


class Tid(NamedTuple):
    """Which transaction: its manager's replica, and its number there."""

    manager: Number
    number: Number


class Transaction(NamedTuple):
    """A command that is to be carried out everywhere or nowhere."""

    number: Number
    command: bytes


class Vote(NamedTuple):
    """YES, with the highest revision seen here; or NO, and what that means for who asked."""

    number: Number
    yes: bool
    answer: Answer


class Decision(NamedTuple):
    """What was decided; `revision` is that of a commit."""

    number: Number
    commit: bool
    revision: Number


class Result(NamedTuple):
    """Whether a transaction is committed here, and what its command was answered just then."""

    number: Number
    committed: bool
    answer: Answer


class Doubt(NamedTuple):
    """A transaction that the asker has prepared, in that view."""

    tid: Tid
    view: Number


class Found(NamedTuple):
    """What is known of it; `revision` is that of a commit."""

    tid: Tid
    state: State
    revision: Number


# --- manager to participant, and back ---------------------------------------------------------


class Prepare(Message, frozen=True, tag=1):
    """Vote on these, each for itself; all of the sender's numbers below `finished` are over."""

    round: Number
    view: View
    finished: Number
    transactions: tuple[Transaction, ...]


class Votes(Message, frozen=True, tag=2):
    """They are durable. `view` is the voter's."""

    round: Number
    view: View
    votes: tuple[Vote, ...]

    def __post_init__(self) -> None:
        """Check what the declared types of an answer leave open; raises ValueError."""
        _check(vote.answer for vote in self.votes)


class Go(Message, frozen=True, tag=3):
    """Carry out what was decided."""

    decisions: tuple[Decision, ...]


class Done(Message, frozen=True, tag=4):
    """It is carried out, durably: the Go-ACK."""

    results: tuple[Result, ...]

    def __post_init__(self) -> None:
        """Check what the declared types of an answer leave open; raises ValueError."""
        _check(result.answer for result in self.results)


# --- participant to participant -----------------------------------------------------------------


class Inquire(Message, frozen=True, tag=5):
    """What became of these? I have voted for them."""

    doubts: tuple[Doubt, ...]


class Known(Message, frozen=True, tag=6):
    """As far as known here."""

    found: tuple[Found, ...]


class Fetch(Message, frozen=True, tag=7):
    """Give me the rows of your store after `key` of a table, as I am member anew in `view`."""

    view: View
    table: str
    after: Key | None


class Page(Message, frozen=True, tag=8):
    """Rows of `table` in the order of their keys; `ready` False: not now, or not in that view."""

    view: Number
    ready: bool
    table: str
    after: Key | None
    rows: tuple[tuple[Key, bytes], ...]
    last: bool


# --- local ----------------------------------------------------------------------------------------


class Recover(Message, frozen=True):
    """Local, manager to participant: I start anew. Abort what I left undecided."""


class Recovered(Message, frozen=True):
    """Local: numbers from `first` on are unused; of the older ones these are committed."""

    first: int
    view: View
    committed: tuple[tuple[Decision, int], ...]
    """Each with the number of its view."""


class Read(Message, frozen=True):
    """Local, manager to participant: answer these; `stale`: from whatever is committed here."""

    number: int
    questions: tuple[bytes, ...]
    stale: bool


class Readings(Message, frozen=True):
    """Local: the answers in order; None: not certain now, ask again when keys are freed."""

    number: int
    answers: tuple[Answer | None, ...]


class Freed(Message, frozen=True):
    """Local, participant to manager: keys are free again, or another view is in force."""

    view: View


class Enter(Message, frozen=True):
    """Local, host to participant: this is the view from now on."""

    view: View


class Veto(Message, frozen=True):
    """Local, host to participant: vote NO on so many transactions from now on; an experiment."""

    votes: int


def _check(answers: object) -> None:
    if not all(map(is_answer, answers)):  # type: ignore[call-overload]
        raise ValueError("an answer holds what no operation returns")
