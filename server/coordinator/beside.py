"""The programs that the cluster's engine needs beside its replicas: started, watched, ended last.

Rule: nothing is started that runs; their data stay in the cluster's folder. Which they are, the
engine says (engines/kinds.py).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from ..engines.beside import Program
from .founding import Refused
from .launch import Launcher, last_line
from .processes import Process, stop_all
from .supervisor import PAUSE_CAP, Ending, Supervisor

__all__ = ["Beside"]

STOP_PATIENCE = 1.0
"""The last one waits for the others to take over, which ended before; its disk has all."""
READY_SECONDS = 20.0
LOOK_SECONDS = 0.1


class Beside:
    """All of them; most engines need none."""

    def __init__(
        self, programs: Sequence[Program], launcher: Launcher, report: Callable[[str], None]
    ) -> None:
        """Start nothing yet."""
        self._programs = programs
        self._data = launcher.data
        self._supervisors = [
            Supervisor(program.name, _Charge(program, launcher), time.monotonic, report)
            for program in programs
        ]

    def begin(self, stopping: threading.Event) -> None:
        """Start those that do not run, watch all, and wait until they serve. Raises Refused."""
        for supervisor in self._supervisors:
            supervisor.begin()
        deadline = time.monotonic() + READY_SECONDS
        while (away := self._away()) is not None and not stopping.wait(LOOK_SECONDS):
            if time.monotonic() > deadline:
                why = last_line(self._data / f"{away}.log")
                raise Refused(f"{away} does not serve; its log ends with: {why}")

    def _away(self) -> str | None:
        """Name one that does not serve."""
        return next((program.name for program in self._programs if not program.serves()), None)

    def stop(self) -> None:
        """End all."""
        processes = [one for each in self._supervisors if (one := each.release()) is not None]
        stop_all(processes, STOP_PATIENCE)
        for process in processes:
            process.close()


class _Charge:
    """One program: launched again whenever it ends."""

    def __init__(self, program: Program, launcher: Launcher) -> None:
        self._program = program
        self._launcher = launcher

    def launch(self) -> Process:
        """Start it, unless it runs. Raises OSError."""
        name = self._program.name
        return self._launcher.other(name, self._program.argv(self._launcher.data / name))

    def probe(self) -> None:
        """Ask nothing: replicas report when it does not answer."""

    def ended(self, pid: int, status: int | None) -> Ending:
        """Launch it again."""
        return Ending(f"it ended with status {status}")

    def longest_pause(self) -> float:
        """Wait as for any: the others go on without it."""
        return PAUSE_CAP
