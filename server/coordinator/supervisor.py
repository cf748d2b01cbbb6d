"""Keeps one process running, or down on purpose: launch, watch, back off, launch again.

Rules: whoever holds a supervisor may command it from any thread; its own thread only waits, probes
and relaunches. Letting go of a supervisor leaves its process running. While the process is down,
`reason` says why.
It must not know what the process does: launching, probing, the reading of an exit status and how
long a pause may be are given to it.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol

from .processes import Process

log = logging.getLogger("kvrmi.server.supervisor")

TICK = 0.1
"""Seconds between two looks at a running process."""
PAUSE_FIRST = 0.05
PAUSE_CAP = 5.0
"""Seconds before a relaunch: the first pause, doubled each time up to the cap."""
STEADY = 10.0
"""Seconds of running after which a process counts as healthy and the pause starts anew."""
LASTING = 3.0
"""Seconds after which what keeps a process from being launched is reported, once."""


class Ending(NamedTuple):
    """What the end of a process means: why it ended, and whether it shall be launched again."""

    reason: str
    again: bool = True


class Charge(Protocol):
    """What a supervisor learns about the process it keeps; called from the supervisor's thread."""

    def launch(self) -> Process:
        """Start the process, or find the one that runs. Raises OSError: it is tried again."""
        ...

    def probe(self) -> None:
        """Look at the running process; called after every tick, must end within seconds."""
        ...

    def ended(self, pid: int, status: int | None) -> Ending:
        """Decide after an unexpected end, with this exit status (None: unknown)."""
        ...

    def longest_pause(self) -> float:
        """Seconds that it may stay down at most before it is launched again; answers at once."""
        ...


class Supervisor:
    """One process and whether it shall run."""

    def __init__(
        self,
        name: str,
        charge: Charge,
        clock: Callable[[], float],
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Keep nothing yet; `begin` starts the watching. report: hears what keeps it down."""
        self.name = name
        self.reason: str | None = None
        self.held = True
        """Whether it is left down on purpose."""
        self._charge = charge
        self._clock = clock
        self._report = report
        self._lock = threading.Condition()
        self._process: Process | None = None
        self._wanted = False
        self._closing = False
        self._pause = PAUSE_FIRST
        self._down_at = 0.0
        self._launched_at = 0.0
        self._refused_at = 0.0
        self._reported = False
        self._thread = threading.Thread(target=self._run, name=f"supervisor {name}", daemon=True)

    @property
    def pid(self) -> int | None:
        """Process id, None while it is down."""
        process = self._process
        return process.pid if process is not None and process.alive else None

    def adopt(self, process: Process) -> None:
        """Take a running process over, before `begin`."""
        self._process, self._launched_at = process, self._clock()

    def begin(self, *, held: bool = False) -> None:
        """Watch the process that was adopted; launch one if there is none, unless it is held."""
        with self._lock:
            self._wanted = self._process is not None or not held
            self.held = not self._wanted
            if self._wanted and self._process is None:
                self._try_launch()
        self._thread.start()

    def kill(self) -> None:
        """End it with SIGKILL and leave it down."""
        with self._lock:
            process = self._leave_down("killed on purpose")
            if process is not None:
                process.kill()

    def stop(self, timeout: float) -> None:
        """Ask it to end, kill it after `timeout` seconds, and leave it down."""
        with self._lock:
            process = self._leave_down("stopped on purpose")
            if process is not None:
                process.terminate()
                if not process.wait(timeout):
                    process.kill()

    def start(self) -> None:
        """Launch it unless it runs, and keep it running.

        Raises OSError if it cannot be launched now; that is tried again all the same, save after
        `release`: whoever ends all processes must not find one more.
        """
        with self._lock:
            if self._closing:
                raise OSError("its coordinator ends")
            self._wanted, self.held, self.reason, self._pause = True, False, None, PAUSE_FIRST
            if self.pid is None:
                self._forget()
                self._launch()
            self._lock.notify_all()

    def release(self) -> Process | None:
        """Stop watching; returns the process, if it runs, for the caller to end or to leave."""
        with self._lock:
            self._closing, self._wanted = True, False
            self._lock.notify_all()
        if self._thread.is_alive():
            self._thread.join(TICK)  # longer if it probes, but it launches nothing any more
        with self._lock:  # what is being reaped right now is nobody's to end any more
            process, self._process = self._process, None
        return process

    def _leave_down(self, reason: str) -> Process | None:
        self._wanted, self.held, self.reason = False, True, reason
        return self._process

    def _forget(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None

    def _launch(self) -> None:
        try:
            self._process = self._charge.launch()
        except OSError as error:
            self._refused(str(error))
            raise
        self._launched_at = self._clock()
        self._reported = False
        how = "adopted" if self._process.adopted else "launched"
        log.info("%s %s pid=%d", self.name, how, self._process.pid)

    def _run(self) -> None:
        while not self._closing:
            process = self._process
            if process is None:
                self._await_launch()
            elif process.wait(TICK):
                self._reap(process)
            else:
                self._charge.probe()

    def _await_launch(self) -> None:
        # Asked anew at each look: a replica that was not needed may be by now.
        pause = min(self._pause, self._charge.longest_pause())
        with self._lock:
            left = self._down_at + pause - self._clock() if self._wanted else TICK
            if left > 0:
                self._lock.wait(min(left, TICK))
            elif self._process is None and not self._closing:
                self._pause = min(PAUSE_CAP, self._pause * 2)
                self._try_launch()

    def _try_launch(self) -> None:
        with contextlib.suppress(OSError):  # it is tried again
            self._launch()

    def _refused(self, reason: str) -> None:
        now = self._clock()
        if reason != self.reason:
            log.warning("%s is not launched now: %s", self.name, reason)
            self.reason, self._refused_at = reason, now
        elif now - self._refused_at > LASTING and not self._reported:
            self._reported = True
            self._report(f"{self.name} is down: {reason}")
        self._down_at = now

    def _reap(self, process: Process) -> None:
        with self._lock:
            if process is not self._process:
                return  # a command was faster and has launched another one
            status = process.status
            self._forget()
            if not self._wanted:
                log.info("%s down (%s)", self.name, self.reason)
                return
        ending = self._charge.ended(process.pid, status)
        log.warning("%s %s", self.name, ending.reason)
        with self._lock:
            if not self._wanted or self._process is not None:
                return  # a command was faster
            if self._clock() - self._launched_at > STEADY:
                self._pause = PAUSE_FIRST
            self._down_at, self.reason = self._clock(), ending.reason
            if not ending.again:
                self._wanted = False
                self._report(f"{self.name} is left down: {ending.reason}")
