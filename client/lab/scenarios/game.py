"""The dare: whoever plays it orders failures in a simulated cluster, and tries to break safety.

Rules: a move is a step of a scenario; time stands still between moves. Safety is broken when the
monitor of the simulator says so, or when a read returns a value that was overwritten before, by a
write that was acknowledged. Without a planted bug it is never broken. It prints nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kvrmi.sim.paxos.monitor import monitor
from kvrmi.sim.paxos.script import LANGUAGE
from kvrmi.sim.protocols import PROTOCOLS
from kvrmi.sim.scenario import Wrong, read
from kvrmi.sim.script import Write
from kvrmi.sim.script_steps import Step
from kvrmi.sim.seen import Onlooker
from kvrmi.sim.vocabulary import STEPS, found

__all__ = ["BEGIN", "HEAL", "QUIT", "Game"]

QUIT = "quit"
"""The last move, in place of a step: all failures are undone."""

BEGIN = "run 1"
"""What is played before the first move: there is a leader then."""
HEAL = (
    "mend", "deliver", "mend disk all", "resume all", "start all",
    "restart proposer all", "restart acceptor all", "restart learner all", "run 30",
)  # fmt: skip
"""What undoes all failures, and the time for all replicas to have the same again."""


class Game:
    """One attempt; `broken` says how safety was broken, once it is."""

    def __init__(
        self, replicas: int, bug: str, write: Write, onlooker: Onlooker | None = None
    ) -> None:
        """Begin with a leader; `bug` is planted, if it names one. `write` takes what happens.

        `onlooker` sees all of it, each move as `script`'s, and what broke safety as `verdict`'s.
        """
        self.moves: list[str] = []
        self.broken = ""
        parts = PROTOCOLS["paxos"].bugs[bug]() if bug else None
        scenario = read([f"replicas {replicas}"])
        self._stage = LANGUAGE.stage(scenario, write, onlooker, parts)
        self._stage.printer.muted = True
        _step(BEGIN)(self._stage)
        self._stage.printer.muted = False

    @property
    def chosen(self) -> int:
        """How many slots are decided."""
        return len(monitor(self._stage.world).chosen)

    def move(self, text: str) -> None:
        """Carry out a step; raises Wrong if there is no such step, or it cannot be done."""
        if self.broken:
            raise Wrong("safety is broken already: there is nothing left to break")
        step = _step(text)
        self.moves.append(text)
        self._stage.world.trace("script", text)
        self._stage.printer.step()
        self._watched(lambda: step(self._stage))

    def heal(self) -> bool:
        """Undo all failures and let time pass; whether all replicas have the same in the end."""
        if self.broken:
            return False
        self._stage.printer.muted = True
        self._stage.world.trace("script", "# All failures are undone.")
        for line in HEAL:
            if not self.broken:
                self._stage.world.trace("script", line)
                self._watched(partial(_step(line), self._stage))
        if self.broken:
            return False
        try:
            _step("expect all level")(self._stage)
        except Wrong:
            return False
        return True

    def ended(self) -> None:
        """Let who looks on see what broke safety, if anything did, and what is still under way."""
        if self.broken:
            self._stage.world.trace("verdict", self.broken)
        self._stage.world.tracing.ended()

    def _watched(self, deed: Callable[[], object]) -> None:
        """Do it; what breaks is safety, as whoever plays it cannot harm the simulator."""
        try:
            deed()
        except Wrong:
            raise
        except Exception as error:  # the monitor's, or an invariant of a role
            self.broken = str(error)


def _step(text: str) -> Step:
    return found(text, STEPS, LANGUAGE.steps)
