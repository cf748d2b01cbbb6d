"""When to try to lead, and when to let somebody better lead. Liveness only.

Rules: nothing here touches what acceptors hold; priority (lowest id first) and lag lengthen our own
wait and never speak against another's candidacy. It sends nothing; the proposer acts.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from ..roles.contract import Envelope
from .ballot import NO_BALLOT, Ballot
from .messages import PreVote
from .unanswered import Unanswered

if TYPE_CHECKING:
    import random

    from ..cluster.timing import Timing
    from .electorate import Electorate

__all__ = ["BY_ORDER", "Election", "Fitness", "HandOver"]

STAGGER = 0.03
"""Seconds by which each lower priority waits longer, so that candidates seldom collide."""

AFTER_LEASE = 0.01
"""Seconds by which the lease of a leader that died is over everywhere: others heard it later."""

LAG_WAIT = 0.2
"""Seconds that a replica far behind waits longer: it would have to catch up before serving."""

FAR_BEHIND = 64
"""Slots from which a replica counts as far behind."""

FIT_LAG = FAR_BEHIND
"""Slots that a successor may be behind: it learns in bulk, and has the rest when it campaigns."""

LEARN = 2
"""Leases in which a learner that lags a little has applied something: it asks after one."""

REACH = 1.2
"""Seconds for which an acceptor that answered us counts as within reach, a refusal as news."""

TRANSFER = 3.0
"""Seconds for which a transfer that an operator asked for stays wanted."""

BY_ORDER = "leadership goes to the lowest number that can lead"
"""Why it is handed over where nothing is wrong."""

QUICK_TRIES = 5
"""Attempts at short distance before backing off exponentially: a lease is usually just ending."""


class Election:
    """The failure detector and back-off of one replica."""

    def __init__(
        self,
        me: int,
        peers: tuple[int, ...],
        now: float,
        rng: random.Random,
        timing: Timing,
    ) -> None:
        """Nobody leads yet; the first in priority tries first."""
        self.leader: Ballot = NO_BALLOT
        self.ended = ""
        """Why we lead no more, or follow nobody."""
        self._me = me
        self._before = tuple(i for i in peers if i < me)
        self._refused: dict[int, float] = {}
        """Peers whose process was gone, and when that was seen last."""
        self._rng = rng
        self._timing = timing
        self._tries = 0
        self._lag = 0
        self._deaf = False
        self._heard = now
        self.due = now + len(self._before) * (timing.election_min / 4 + STAGGER)

    def followed(self, now: float, ballot: Ballot, lag: int) -> bool:
        """Take note of a heartbeat of who leads, `lag` slots ahead of us; True if that is news."""
        new = ballot != self.leader
        self.leader = ballot
        self.ended = ""
        self._deaf = False
        self._heard = now
        self._tries = 0
        self._lag = lag
        self._wait(now)
        return new

    def unreachable(self, now: float, peer: int) -> None:
        """Try as soon as its lease is over, if the peer whose process is gone led."""
        self._refused[peer] = now
        if peer == self.leader.replica:
            earliest = self._heard + self._timing.lease + AFTER_LEASE + self._handicap(now)
            self.due = max(now, min(self.due, earliest))

    def lost(self, now: float) -> None:
        """Wait after a failed attempt: a little, then longer each time."""
        if self._deaf:  # it was no attempt: we asked whom the others follow
            self._wait(now)
            return
        self._tries += 1
        timing = self._timing
        if self._tries <= QUICK_TRIES:
            self.due = now + timing.backoff_min * (0.5 + self._rng.random())
            return
        draw = self._rng.uniform(timing.backoff_min, timing.backoff_max)
        self.due = now + min(timing.backoff_cap, draw * 2 ** (self._tries - QUICK_TRIES))

    def at_once(self, now: float) -> None:
        """Somebody gave leadership up for us."""
        self._tries = 0
        self.due = now

    def unfit(self, now: float) -> None:
        """Try later: one of our roles is down, or cannot vote."""
        self._wait(now)

    def stand_back(self, now: float, why: str, *, opened: bool) -> None:
        """We gave up or lost leadership: leave it to others first.

        A term that never `opened` is a sign that we are behind: others are given longer.
        """
        self.leader = NO_BALLOT
        self.ended = why
        self._deaf = False
        self._lag = 0 if opened else FAR_BEHIND + 1
        self._wait(now)

    def deaf(self, leader: Ballot) -> None:
        """Take for the leader whom others follow: our own acceptor brings us no heartbeat."""
        lost = self.leader != NO_BALLOT
        self.leader = leader if leader.replica != self._me else NO_BALLOT
        if lost and self.leader == NO_BALLOT:
            self.ended = "nobody who answers follows a leader"
        self._deaf = True

    def asked(self, followed: Ballot, *, hears: bool) -> None:
        """Take note of whom others follow; one that `hears` need not believe them."""
        if hears:
            self._deaf = False
        else:
            self.deaf(followed)

    def silence(self, now: float) -> bool:
        """Return whether the leader is silent for an election time, and forget it then."""
        if self._deaf or self.leader == NO_BALLOT or now - self._heard < self._timing.election_min:
            return False
        self.leader = NO_BALLOT
        self.ended = "no heartbeat in time"
        return True

    def _wait(self, now: float) -> None:
        timing = self._timing
        wait = self._rng.uniform(timing.election_min, timing.election_max)
        self.due = now + wait + self._handicap(now)

    def _handicap(self, now: float) -> float:
        """Seconds by which priority and lag lengthen every wait of ours; the dead have none."""
        dead = {peer for peer, at in self._refused.items() if now - at <= REACH}
        rank = sum(i not in dead for i in self._before)
        return rank * STAGGER + (LAG_WAIT if self._lag > FAR_BEHIND else 0.0)


class Fitness:
    """Whether we could lead, or hear who does: what acceptors answer to our questions."""

    def __init__(self, me: int, electorate: Electorate, lease: float) -> None:
        """Begin without an answer; our own acceptor's is needed too, for its disk may hang.

        One that has not answered for `lease` seconds is silent.
        """
        self._me = me
        self._electorate = electorate
        self.acceptor = Unanswered(lease)
        """What our own acceptor, which would bring us heartbeats, was asked while we follow."""
        self.learner = Unanswered(LEARN * lease)
        """What our learner has to apply meanwhile."""
        self._answered: dict[int, float] = {}

    def ask(self, now: float, ballot: Ballot) -> tuple[Envelope, ...]:
        """Ask every acceptor whether it would promise `ballot`."""
        self.acceptor.asked(now)
        return tuple(
            Envelope(acceptor, PreVote(ballot)) for acceptor in self._electorate.acceptors.values()
        )

    def answered(self, now: float, replica: int) -> None:
        """Take note that an acceptor answered us."""
        self._answered[replica] = now
        if replica == self._me:
            self.acceptor.answered()

    def heard(self, now: float, lag: int) -> None:
        """Take note that our own acceptor brought a heartbeat; by that our learner has a `lag`."""
        self.acceptor.answered()
        if lag > 0:
            self.learner.asked(now)

    def holds(self, now: float, lag: int) -> bool:
        """Return whether enough acceptors are within reach, and our learner, `lag` behind, too.

        The leader cannot know whom we reach: it may be the only one that hears a quorum.
        """
        if self.learner.silent(now):
            return False
        near = {replica for replica, at in self._answered.items() if now - at <= REACH}
        return self._me in near and len(near) >= self._electorate.quorum and lag <= FIT_LAG


class HandOver:
    """To whom a leader should pass leadership: a fit replica of higher priority, in time.

    Each hand-over to a replica doubles the quiet time it must show before the next one, so a
    replica that flaps does not drag leadership back and forth.
    """

    def __init__(self, quiet: float, grace: float) -> None:
        """`quiet`: seconds before the first hand-over to a replica; `grace`: see `urgent`."""
        self._quiet = quiet
        self._grace = grace
        self._acceptor_down_since = inf
        self._handed: dict[int, int] = {}
        self._fit_since: dict[int, float] = {}
        self._wish = (0, 0.0)

    def forget(self) -> None:
        """Begin a new term: fitness has to be shown again."""
        self._fit_since.clear()

    def want(self, now: float, replica: int) -> None:
        """Take note that an operator asked for `replica` to lead, as soon as it is fit."""
        self._wish = (replica, now + TRANSFER)

    def wanted(self, now: float) -> int:
        """Give the replica that an operator asked for, or 0."""
        replica, until = self._wish
        return replica if now < until else 0

    def acceptor(self, now: float, *, up: bool) -> None:
        """Take note of whether our own acceptor is up."""
        self._acceptor_down_since = inf if up else min(self._acceptor_down_since, now)

    def urgent(self, now: float, *, silent: str) -> str:
        """Return why anybody fit should lead in our place, at once; empty if nothing is wrong.

        An operator asked for it, or our own acceptor is down for longer than the grace, or a role
        of ours is up and `silent`: its disk hangs, but nobody else would take over.
        """
        if self.wanted(now):
            return "an operator asked for it"
        if silent:
            return f"the disk of its own {silent} hangs"
        return "its own acceptor is down" if now - self._acceptor_down_since >= self._grace else ""

    def offered(self, now: float, replica: int, fit: bool) -> None:
        """Take note of what a replica answered to an offer."""
        if fit:
            self._fit_since.setdefault(replica, now)
        else:
            self._fit_since.pop(replica, None)

    def successor(self, now: float, candidates: tuple[int, ...], *, urgent: bool) -> int:
        """Choose the lowest of `candidates` that is fit long enough (`urgent`: at all), or 0."""
        for replica in sorted(candidates):
            since = self._fit_since.get(replica)
            quiet = 0.0 if urgent else self._quiet * 2 ** self._handed.get(replica, 0)
            if since is not None and now - since >= quiet:
                return replica
        return 0

    def handed(self, replica: int) -> None:
        """Leadership was passed to `replica`."""
        self._wish = (0, 0.0)
        self._handed[replica] = min(6, self._handed.get(replica, 0) + 1)
        self._fit_since.clear()
