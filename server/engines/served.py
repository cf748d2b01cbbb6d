"""What a replica, and the objects that operators call, may ask of its engine, whichever that is.

Rule: no protocol is named here: an engine fulfils it, and kinds.py says which engines there are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from kvrmi.operations.interface import Engine

__all__ = ["Actions", "CatchUpFailed", "Served", "Turns"]


class CatchUpFailed(Exception):
    """An order was not carried out, or not yet; the text says which."""


Found = dict[str, object]


class Actions(NamedTuple):
    """What operators can have an engine do or show; None: this engine has no such thing.

    All raise Fenced where a role that is needed is down, and CatchUpFailed.
    `restore` catches up with a peer and returns what came of it. `transfer` hands leadership to a
    replica; False if that took too long. `log` lists blocks from a slot on, None: the last ones, so
    many at most. `why` finds the decision that gave a key its value. `chain` computes the log's
    hash chain anew from the disk. `tentative` lists what is accepted here and not known to be
    chosen, `queue` the requests that are not answered yet, by what they wait for. `enter` takes
    over who votes: the view's number, and of each member the replica, since which number, and its
    disk; ValueError where that is no view. `veto` votes against so many transactions from now on.
    `moment` shows what binds the roles just now, for who draws it many times a second.
    """

    restore: Callable[[int], Found] | None = None
    transfer: Callable[[int], bool] | None = None
    log: Callable[[int | None, int], Found] | None = None
    why: Callable[[str], Found] | None = None
    chain: Callable[[], Found] | None = None
    tentative: Callable[[], Found] | None = None
    queue: Callable[[], Found] | None = None
    enter: Callable[[object], None] | None = None
    veto: Callable[[int], None] | None = None
    moment: Callable[[], Found] | None = None


class Served(Engine, Protocol):
    """An engine as its replica uses it."""

    @property
    def leader(self) -> int:
        """The replica that leads as far as known here, or 0."""
        ...

    @property
    def actions(self) -> Actions:
        """What operators can have it do."""
        ...


class Turns(Protocol):
    """A reactor as an engine uses it: what is left there runs in its thread, the router after."""

    def soon(self, job: Callable[[], None]) -> None:
        """Have `job` run in its thread."""
        ...

    def add_timer(self, left: Callable[[], float], act: Callable[[], None]) -> None:
        """Have `act` called whenever `left` says that no second is left."""
        ...
