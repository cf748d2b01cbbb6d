"""The dare: whoever plays it orders failures in a simulated cluster, and tries to break safety.

Rules: a move is a step of a scenario; time stands still between moves. Safety is broken when the
monitor of the simulator says so, or when a read returns a value that was overwritten before, by a
write that was acknowledged. Without a planted bug it is never broken. It prints nothing itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kvrmi.sim.paxos.monitor import monitor
from kvrmi.sim.paxos.script import LANGUAGE
from kvrmi.sim.protocols import PROTOCOLS
from kvrmi.sim.scenario import Wrong, read
from kvrmi.sim.script import Write
from kvrmi.sim.script_steps import Step
from kvrmi.sim.seen import Onlooker
from kvrmi.sim.vocabulary import STEPS, found, operation

__all__ = ["QUIT", "Game"]

QUIT = "quit"
"""The last move, in place of a step: all failures are undone."""

_RECOVERY = 30.0
"""Virtual seconds for all replicas to have the same again."""
_REQUEST = re.compile(r"(ask )?(?:as \w+ \d+ )?((?:put|get|delete|cas) .+) at \d+")


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
        self._stage.run(1.0)
        self._stage.printer.muted = False
        self._possible: dict[str, set[object]] = {}
        """Of each key, the values that a read may return now."""
        self._open: dict[str, set[object]] = {}
        """Of each key, what was written without an answer: it may take effect at any time."""

    @property
    def chosen(self) -> int:
        """How many slots are decided."""
        return len(monitor(self._stage.world).chosen)

    def move(self, text: str) -> None:
        """Carry out a step; raises Wrong if there is no such step, or it cannot be done."""
        if self.broken:
            raise Wrong("safety is broken already: there is nothing left to break")
        step = _step(text)
        asked = _REQUEST.fullmatch(text)
        if asked:
            self._asked(*operation(asked[2]))
        self.moves.append(text)
        self._stage.world.trace("script", text)
        self._stage.printer.step()
        self._watched(lambda: step(self._stage))
        if asked and not asked[1] and not self.broken:
            self._answered(*operation(asked[2]))

    def heal(self) -> bool:
        """Undo all failures and let time pass; whether all replicas have the same in the end."""
        if self.broken:
            return False
        self._stage.printer.muted = True
        self._stage.world.trace("script", "# All failures are undone.")
        self._stage.mend()
        self._stage.deliver()
        for replica in self._stage.world.replicas.values():
            for disk in replica.disks.values():
                disk.well()
            if replica.paused:
                replica.resume()
            if not replica.up:
                replica.start()
            for role in self._stage.world.declared.daemons:
                replica.restart(role)
        self._watched(lambda: self._stage.run(_RECOVERY))
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

    def _asked(self, op: str, args: tuple[str | None, ...]) -> None:
        """Take note that a write may take effect from now on."""
        key = str(args[0])
        if op in ("put", "delete"):
            self._possible.setdefault(key, {None}).add(_written(op, args))
            self._open.setdefault(key, set()).add(_written(op, args))

    def _answered(self, op: str, args: tuple[str | None, ...]) -> None:
        """Compare a read with what was acknowledged."""
        answer, key = self._stage.answer, str(args[0])
        if answer is None or answer.code != "OK" or op == "cas":
            if op == "cas":
                self._possible.pop(key, None)  # anything may be there now
            return
        value = answer.value if op == "get" else _written(op, args)
        possible = self._possible.get(key)
        if op == "get" and possible is not None and value not in possible:
            newer = ", ".join(map(str, possible))
            self.broken = f"a read of {key} returned {value}; acknowledged before it was {newer}"
        if op != "get":
            self._open[key].discard(value)
        if possible is not None:
            self._possible[key] = {value} | self._open.get(key, set())


def _step(text: str) -> Step:
    return found(text, STEPS, LANGUAGE.steps)


def _written(op: str, args: tuple[str | None, ...]) -> str | None:
    return args[1] if op == "put" else None
