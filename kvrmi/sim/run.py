"""One run from a seed: faults while clients work, then peace, recovery, and the reckoning.

Rule: everything follows from the arguments, so that a run can be had again; whatever a role raises
is a violation like any other. It knows no protocol: whose run it is, is an argument.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from .acts import Act, arrange
from .protocol import Explored
from .seen import Onlooker
from .world import Violation

__all__ = ["DEFAULT", "STEPS", "Ended", "command", "run"]

DEFAULT = "paxos"
"""The protocol whose runs are made where none is named."""

STEPS = 3000
"""Events until the faults end; recovery comes on top."""

FOREVER = 1e6
"""Virtual seconds within which any number of events happens."""


class Ended(NamedTuple):
    """What came of a run; `violation` is empty when all is well."""

    protocol: str
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


def run(
    protocol: Explored,
    seed: int,
    *,
    profile: str = "",
    steps: int = STEPS,
    parts: Any | None = None,
    only: Collection[int] | None = None,
    onlooker: Onlooker | None = None,
    acts: Sequence[Act] = (),
) -> Ended:
    """Run one history and judge it.

    profile: a name among the protocol's, else the seed decides. steps: events until the faults end.
    parts: what replicas are made of, if not the production roles. only: numbers of the faults to
    keep. onlooker: sees all that happens. acts: what somebody does to it besides; raises ValueError
    for one that names what is not there.
    """
    chosen = protocol.profile(profile, seed)
    history = protocol.begin(seed, chosen, parts, only, onlooker)
    arrange(history.world, acts, lambda: history.faults.over)
    violation = ""
    try:
        history.world.run(FOREVER, events=steps)
        history.faults.heal()
        history.judge()
    except Violation as error:
        violation = str(error)
    except Exception as error:  # an invariant of a role, or its failure
        violation = f"at {history.world.now:.4f}: {type(error).__name__}: {error}"
    if violation:
        history.world.trace("verdict", violation)
    history.world.tracing.ended()
    return Ended(
        protocol.name,
        seed,
        chosen.name,
        len(history.world.ids),
        steps,
        None if only is None else tuple(sorted(only)),
        violation,
        history.world.events,
        history.world.now,
        tuple(history.faults.struck),
        history.decided,
        history.operations,
    )


def command(ended: Ended) -> str:
    """Give the command that runs this history again."""
    words = ["python -m kvrmi.sim"]
    words += [f"--protocol {ended.protocol}"] if ended.protocol != DEFAULT else []
    words += [f"--seed {ended.seed}", f"--profile {ended.profile}", f"--steps {ended.steps}"]
    if ended.only is not None:
        words.append("--only " + (",".join(map(str, ended.only)) or "0"))
    return " ".join(words)
