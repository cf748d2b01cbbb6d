"""One request, many replicas: who is asked next, and what may be reported when none answered.

Rules: a request is repeated only by its own id, never as a new one; once it may have been sent,
nothing but its own answer says that it was not done. Once time was lost in vain, whoever comes next
is looked at first, all at the same time: so any number of silent replicas costs one look.
It knows no keys and no sessions, and remembers of a replica only whether it failed lately and
whether it was silent.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from typing import Any, cast

from ..cluster.naming import unknown_replica
from ..errors import (
    Aborted,
    ConnectionFailed,
    InvalidRequest,
    KVError,
    NoQuorum,
    UnknownOutcome,
    was_late,
)
from ..operations.interface import Operation
from .connections import Look, Lost, Replica, Unsent, look
from .events import Answered, Failed, Observer, guarded
from .lookup import Directory

__all__ = ["Expired", "Replicas"]

ANSWER = 3.2
"""Seconds it has to answer: servers answer within 3."""
AVOID = 2.0
"""Seconds for which one that failed is asked after all others."""
STATUS = 0.5
"""Seconds replicas have to answer whom they follow."""
_PAUSE_MIN, _PAUSE_MAX = 0.05, 0.3


class Expired(Exception):
    """The session is unknown to the cluster, and this request was certainly not carried out."""


class Replicas:
    """All replicas of a cluster behind one `ask`; safe for any number of threads."""

    def __init__(
        self,
        directory: Directory,
        prefer: int | None = None,
        *,
        client: str | None = None,
        observer: Observer | None = None,
    ) -> None:
        """`prefer` as in the method; `client` is the name that replicas learn.

        `observer` gets an Event at each step of an attempt.
        """
        self.directory = directory
        self.all = tuple(Replica(endpoint, client) for endpoint in directory.endpoints)
        self._observer = None if observer is None else guarded(observer)
        self._leads: Replica | None = self.all[0]
        """Whom to ask first unless one is preferred: whoever leads, if known and not silent."""
        self._preferred: Replica | None = None
        self.prefer(prefer)
        self._met = False
        self._pid = os.getpid()
        self._closed = False

    def close(self) -> None:
        """Close every connection."""
        self._closed = True
        for replica in self.all:
            replica.close()

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of all replicas; without those of which only the address is known yet."""
        return tuple(sorted(each.endpoint.replica for each in self.all if each.endpoint.replica))

    def prefer(self, id: int | None) -> None:
        """Ask this replica first from now on, always; None: follow the leader.

        Raises InvalidRequest for one that is not known; then nothing has changed.
        """
        preferred = self._with_id(id) if id else None
        if preferred is not None:
            preferred.avoid_until, preferred.silent = 0.0, False  # who names it wants it tried
        elif id is not None:
            known = (each.endpoint.replica for each in self.all)
            raise InvalidRequest(unknown_replica(id, known))
        self._preferred = preferred

    def ask(
        self, operation: Operation, request: tuple[str, int] | None, timeout: float
    ) -> dict[str, Any]:
        """Get the answer of call() from whoever can give it, within `timeout` seconds.

        Raises Expired, or the KVError that says what was done.
        """
        if self._closed:
            raise ConnectionFailed("this store is closed")
        if os.getpid() != self._pid:
            raise ConnectionFailed("this store belongs to another process; connect after a fork")
        known = _Known(operation.reads, timeout, self.directory.source)
        arguments = _arguments(operation, request)
        pause = _PAUSE_MIN
        while True:
            answer = self._round(arguments, known)
            if answer is not None:
                return answer
            known.pause(pause)
            pause = min(2 * pause, _PAUSE_MAX)

    def _round(self, arguments: Sequence[object], known: _Known) -> dict[str, Any] | None:
        """Ask each replica once; raises when it is settled that there will be no answer."""
        rest = self._order()
        asked = 0
        while rest:
            if known.left() <= 0:
                raise known.verdict()
            if known.wary or rest[0].silent:
                rest = self._worth_asking(rest, known)
                if not rest or known.left() <= 0:
                    break
            answer = self._attempt(rest.pop(0), arguments, known)
            if answer is not None:
                return answer
            asked += 1
        never_there = not self._met and len(known.unreached) >= len(self.all)
        if never_there or (not asked and known.without_quorum and known.cautious()):
            # Nobody was ever there, or whoever is has waited for a majority in vain.
            raise known.verdict()
        return None

    def _attempt(
        self, replica: Replica, arguments: Sequence[object], known: _Known
    ) -> dict[str, Any] | None:
        try:
            answer = replica.call("call", arguments, min(known.left(), ANSWER), self._observer)
        except Unsent as error:
            known.unsent(replica, error)
            self._failed(replica, error, sent=False)
        except Lost as error:
            known.lost(replica, error)
            self._failed(replica, error)
        except KVError as error:
            self._met = True
            try:
                known.answered(replica, error)
            except (KVError, Expired):
                self._answered(replica, None)
                raise
            self._failed(replica, error, code=error.code)
        else:
            self._met = True
            self._leads = self._with_id(answer["leader"]) or replica
            self._answered(replica, answer["leader"])
            return cast("dict[str, Any]", answer)
        return None

    def _failed(
        self, replica: Replica, error: Exception, *, sent: bool = True, code: str | None = None
    ) -> None:
        replica.avoid_until = time.monotonic() + AVOID
        replica.silent = was_late(error)
        if replica.silent and self._leads is replica:
            self._leads = None  # until an answer names it again
        if self._observer is not None:
            self._observer(Failed(*_where(replica), str(error), sent, code))

    def _answered(self, replica: Replica, leader: int | None) -> None:
        replica.silent = False
        if self._observer is not None:
            self._observer(Answered(*_where(replica), leader))

    def _worth_asking(self, replicas: Sequence[Replica], known: _Known) -> list[Replica]:
        """Look at them all at once; those of them that answer, and might answer the request too."""
        looks = look(replicas, min(known.left(), STATUS))
        awake = []
        for replica, seen in zip(replicas, looks, strict=True):
            if isinstance(seen, (Unsent, Lost)):
                known.missed(replica, seen)
                self._missed(replica, seen)
            else:
                replica.silent = False
                self._met = True
                awake.append((replica, seen))
        return known.choice(awake)

    def _missed(self, replica: Replica, error: Unsent | Lost) -> None:
        """Note that it did not answer a look; it is reported when that is new."""
        if replica.silent and was_late(error):
            replica.avoid_until = time.monotonic() + AVOID
        else:
            self._failed(replica, error, sent=False)

    def _order(self) -> list[Replica]:
        """Whom to ask first, who failed lately later, who was silent last.

        A silent one that is preferred, or leads by somebody's answer, is looked at now and then.
        """
        now = time.monotonic()
        first = self._preferred or self._leads
        if first is not None and first.avoid_until <= now:
            others = (each for each in self.all if each is not first)
            return [first, *sorted(others, key=lambda each: each.silent)]
        return sorted(self.all, key=lambda each: (each.silent, each.avoid_until))

    def _with_id(self, id: object) -> Replica | None:
        return next((each for each in self.all if each.endpoint.replica == id), None)


class _Known:
    """What is known so far of one request."""

    def __init__(self, reads: bool, timeout: float, source: str) -> None:
        self.unreached: set[Replica] = set()
        self.without_quorum: frozenset[int] = frozenset()
        """Who answered that it reaches no majority."""
        self.wary = False
        """Whether time was lost in vain: whoever comes next is looked at before it is asked."""
        self._reads = reads
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._source = source
        self._sent = False
        self._no_quorum: NoQuorum | None = None
        self._leaderless: list[Replica] = []
        """Who answered the last look, if none of them knew a leader."""
        self._answers = False
        """Whether a replica answered anything, or took the request."""
        self._last = ""

    def left(self) -> float:
        """Seconds left; negative when the time is over."""
        return self._deadline - time.monotonic()

    def pause(self, seconds: float) -> None:
        """Give the cluster time to recover, within the deadline."""
        time.sleep(max(min(seconds, self.left()), 0))

    def cautious(self) -> bool:
        """Whether one more attempt could turn a certain "nothing was done" into a doubt.

        That is: the time left is shorter than a server may take to say so.
        """
        return self.wary and not self._sent and self.left() < ANSWER

    def choice(self, awake: Sequence[tuple[Replica, Look]]) -> list[Replica]:
        """Choose whom of those that answered a look to ask: in caution, who may do better.

        That is who follows a leader that has not answered itself that it lacks a quorum.
        """
        self._answers = self._answers or bool(awake)
        leaders = [seen.get("leader") for _, seen in awake if isinstance(seen, dict)]
        all_without = not any(leaders) and len(leaders) == len(awake)
        self._leaderless = [one for one, _ in awake] if all_without else []
        if not self.cautious():
            return [one for one, _ in awake]
        better = {leader for leader in leaders if leader} - self.without_quorum
        return [
            one for one, seen in awake if isinstance(seen, dict) and seen.get("leader") in better
        ]

    def unsent(self, replica: Replica, error: Unsent) -> None:
        """Note that `replica` could not be reached."""
        self.unreached.add(replica)
        self.wary = self.wary or was_late(error)
        self._last = f"{_named(replica)}: {error}"

    def missed(self, replica: Replica, error: Unsent | Lost) -> None:
        """Note that `replica` did not answer a look."""
        self.unreached.add(replica)
        self._last = self._last or f"{_named(replica)}: {error}"

    def lost(self, replica: Replica, error: Lost) -> None:
        """Note that `replica` may have got the request."""
        self._answers = True
        self._sent = not self._reads
        self.wary = self.wary or was_late(error)
        self._last = f"{_named(replica)}: {error}"

    def answered(self, replica: Replica, error: KVError) -> None:
        """Note an error that a replica answered with; raises when asking others is no use."""
        self._answers = True
        # What it says of this attempt need not be true of all.
        self._last = f"{_named(replica)}: {str(error).partition(';')[0]}"
        if isinstance(error, UnknownOutcome):
            if not self._sent and str(error).startswith("session expired"):
                raise Expired(str(error))
            if self._sent and str(error).startswith("session expired"):
                raise error
            self._sent = not self._reads
        elif isinstance(error, NoQuorum):
            self._no_quorum = error
            self.wary = True
            self.without_quorum |= {replica.endpoint.replica}
        elif isinstance(error, Aborted):
            if not self._sent:
                raise error
        elif not isinstance(error, ConnectionFailed):
            raise error

    def verdict(self) -> KVError:
        """Report what is certain when no answer came."""
        if self._sent:
            return UnknownOutcome(
                f"no answer within {round(self._timeout, 2):g} s ({self._last}); "
                "the write may or may not have taken effect"
            )
        if self._no_quorum is not None:
            return self._no_quorum
        if self._leaderless:
            return NoQuorum(
                f"no replica leads as far as {_listed(self._leaderless)} ({self._last}); "
                "nothing was done. STATUS shows which replicas are up"
            )
        if self._answers:
            return ConnectionFailed(
                f"no answer within {round(self._timeout, 2):g} s ({self._last}); "
                "nothing was done. STATUS shows which replicas are up"
            )
        return ConnectionFailed(
            f"no replica of {self._source} answered ({self._last}); nothing was done. "
            "Check that the cluster runs"
        )


def _arguments(operation: Operation, request: tuple[str, int] | None) -> tuple[object, ...]:
    args: list[object] = list(operation.args)
    if operation.name == "get":
        args.append(operation.consistency)
    return (operation.name, args) if request is None else (operation.name, args, list(request))


def _named(replica: Replica) -> str:
    id, address = _where(replica)
    return f"replica {id} at {address}" if id else address


def _listed(replicas: Iterable[Replica]) -> str:
    *others, last = (str(id) if id else address for id, address in map(_where, replicas))
    return f"replicas {', '.join(others)} and {last} know" if others else f"replica {last} knows"


def _where(replica: Replica) -> tuple[int, str]:
    return replica.endpoint.replica, replica.endpoint.address
