"""One run from a seed: faults while clients work, then peace, recovery, and the reckoning.

Rule: everything follows from the arguments, so that a run can be had again; whatever a role raises
is a violation like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from ..cluster.timing import Timing
from ..state.clienttable import SESSION_LIMIT
from .draws import Draws
from .faults import Faults
from .paxos.audit import audit, judge, recover
from .paxos.callers import BESIDE, Callers
from .paxos.callers_audit import audit_callers
from .paxos.faults import FAULTS
from .paxos.monitor import monitor
from .paxos.parts import Pages, Parts, make_world
from .paxos.profiles import PROFILES, Profile, find
from .paxos.workload import KINDS, Workload
from .world import Violation

__all__ = ["STEPS", "Verdict", "command", "run", "with_callers"]

STEPS = 3000
"""Events until the faults end; recovery comes on top."""

ACCEPTED_PAGES = (1, 1, 300)
LEARNED_PAGES = (1, 100, 200, 400)
"""Bytes of a page, to draw from; with 1, each accepted value, entry or row is one."""

SESSION_LIMITS = (SESSION_LIMIT, SESSION_LIMIT, 3, 2)
"""Sessions remembered: of the few here some are forgotten in half of the runs.

With two, two of the three clients with sessions can be known at a time."""

CALLERS_EVERY = 7
"""Of so many runs of a profile one has callers of stores; the others are as without them.

There few sessions are always remembered: a session expires while a write of it is sent again."""

REQUESTS = (Timing().request, 0.3)
"""Seconds that replicas have for a caller's request: runs are short, and NO_QUORUM comes late."""

FOREVER = 1e6
"""Virtual seconds within which any number of events happens."""


class Verdict(NamedTuple):
    """What came of a run; `violation` is empty when all is well."""

    seed: int
    profile: str
    replicas: int
    steps: int
    only: tuple[int, ...] | None
    violation: str
    events: int
    seconds: float
    """Virtual ones."""
    faults: tuple[int, ...]
    """Numbers of the faults that struck."""
    slots: int
    operations: int


class _Run:
    """The world of one run, and who acts in it."""

    def __init__(
        self,
        seed: int,
        profile: Profile,
        parts: Parts | None,
        only: Collection[int] | None,
        write: Callable[[str], None] | None,
    ) -> None:
        name = f"{seed} {profile.name}"
        keep = Draws(name, "keep").choice(profile.keeps)
        sizes = Draws(name, "pages")
        pages = Pages(sizes.choice(ACCEPTED_PAGES), sizes.choice(LEARNED_PAGES))
        called = with_callers(seed)
        limits = SESSION_LIMITS[-2:] if called else SESSION_LIMITS
        self._parts = (parts or Parts()).with_sizes(pages, sizes.choice(limits))
        if called:
            seconds = Draws(name, "request time").choice(REQUESTS)
            self._parts = self._parts.with_request_time(seconds)
        size = profile.size(seed)
        self.world = make_world(name, size, parts=self._parts, keep=keep, write=write)
        self.workload = Workload(self.world, BESIDE if called else KINDS)
        if called:
            self.workload.callers = Callers(self.world, self.workload, self._parts.attempts)
        self.faults = Faults(self.world, FAULTS, profile.faults, profile.pauses, only)

    def go(self, steps: int) -> None:
        """Run to the end; raises what is wrong."""
        self.world.run(FOREVER, events=steps)
        self.faults.heal()
        recover(self.world, self.workload)
        audit(self.world, self.workload, self._parts)
        if self.workload.callers is not None:
            audit_callers(self.world, self.workload.callers, self._parts)
        judge(self.world, self.workload)


def with_callers(seed: int) -> bool:
    """Return whether callers of stores are among the clients of this run."""
    return seed // len(PROFILES) % CALLERS_EVERY == CALLERS_EVERY - 1


def run(
    seed: int,
    *,
    profile: str = "",
    steps: int = STEPS,
    parts: Parts | None = None,
    only: Collection[int] | None = None,
    write: Callable[[str], None] | None = None,
) -> Verdict:
    """Run one history and judge it.

    profile: a name of profiles.py, else the seed decides. steps: events until the faults end.
    parts: what replicas are made of, if not the production roles. only: numbers of the faults to
    keep. write: takes the lines of the trace.
    """
    chosen = find(profile) if profile else PROFILES[seed % len(PROFILES)]
    history = _Run(seed, chosen, parts, only, write)
    violation = ""
    try:
        history.go(steps)
    except Violation as error:
        violation = str(error)
    except Exception as error:  # an invariant of a role, or its failure
        violation = f"at {history.world.now:.4f}: {type(error).__name__}: {error}"
    if violation:
        history.world.trace("verdict", violation)
    return Verdict(
        seed,
        chosen.name,
        len(history.world.ids),
        steps,
        None if only is None else tuple(sorted(only)),
        violation,
        history.world.events,
        history.world.now,
        tuple(history.faults.struck),
        len(monitor(history.world).chosen),
        len(history.workload.history),
    )


def command(verdict: Verdict) -> str:
    """Give the command that runs this history again."""
    words = ["python -m kvrmi.sim", f"--seed {verdict.seed}", f"--profile {verdict.profile}"]
    words.append(f"--steps {verdict.steps}")
    if verdict.only is not None:
        words.append("--only " + (",".join(map(str, verdict.only)) or "0"))
    return " ".join(words)
