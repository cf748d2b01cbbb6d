"""Keeps one process running, or down on purpose: launch, watch, back off, launch again.

Rules: whoever holds a keeper may command it from any thread; its own thread only waits, probes
and relaunches. Letting go of a keeper leaves its process running.
It must not know what the process does: launching, probing and the reading of an exit status are
given to it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from .processes import Process

log = logging.getLogger("kvrmi.server.keeper")

TICK = 0.1
"""Seconds between two looks at a running process."""
PAUSE_FIRST = 0.1
PAUSE_CAP = 5.0
"""Seconds before a relaunch: the first pause, doubled each time up to the cap."""
STEADY = 10.0
"""Seconds of running after which a process counts as healthy and the pause starts anew."""


class Charge(Protocol):
    """What a keeper learns about the process it keeps; called from the keeper's thread."""

    def launch(self) -> Process:
        """Start the process. Raises OSError."""
        ...

    def probe(self) -> None:
        """Look at the running process; called after every tick, must end within seconds."""
        ...

    def ended(self, status: int | None) -> str | None:
        """Decide after an unexpected end: None to launch it again, else the reason not to."""
        ...


class Keeper:
    """One process and whether it shall run."""

    def __init__(self, name: str, charge: Charge, clock: Callable[[], float]) -> None:
        """Keep nothing yet; `begin` starts the watching."""
        self.name = name
        self.reason: str | None = None
        self._charge = charge
        self._clock = clock
        self._lock = threading.Condition()
        self._process: Process | None = None
        self._wanted = False
        self._closing = False
        self._pause = PAUSE_FIRST
        self._launch_at = 0.0
        self._launched_at = 0.0
        self._thread = threading.Thread(target=self._run, name=f"keeper {name}", daemon=True)

    @property
    def pid(self) -> int | None:
        """Process id, None while it is down."""
        process = self._process
        return process.pid if process is not None and process.alive else None

    @property
    def held(self) -> bool:
        """Whether it is left down on purpose."""
        return not self._wanted

    def begin(self, adopted: Process | None, *, held: bool = False) -> None:
        """Launch the process, or go on with a running one, or leave it down; then watch.

        Raises OSError if it cannot be launched.
        """
        with self._lock:
            self._wanted = not held
            if adopted is not None:
                self._process, self._launched_at = adopted, self._clock()
            elif self._wanted:
                self._launch()
        self._thread.start()

    def kill(self) -> None:
        """End it with SIGKILL and leave it down."""
        with self._lock:
            process = self._leave_down("killed on purpose")
            if process is not None:
                process.kill()

    def stop(self, patience: float) -> None:
        """Ask it to end, kill it after `patience` seconds, and leave it down."""
        with self._lock:
            process = self._leave_down("stopped on purpose")
            if process is not None:
                process.terminate()
                if not process.wait(patience):
                    process.kill()

    def start(self) -> None:
        """Launch it unless it runs, and keep it running. Raises OSError."""
        with self._lock:
            self._wanted, self.reason, self._pause = True, None, PAUSE_FIRST
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
            self._thread.join()
        process, self._process = self._process, None
        return process

    def _leave_down(self, reason: str) -> Process | None:
        self._wanted, self.reason = False, reason
        return self._process

    def _forget(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None

    def _launch(self) -> None:
        self._process = self._charge.launch()
        self._launched_at = self._clock()
        log.info("%s launched pid=%d", self.name, self._process.pid)

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
        with self._lock:
            left = self._launch_at - self._clock() if self._wanted else TICK
            if left > 0:
                self._lock.wait(left)
            elif self._process is None and not self._closing:
                try:
                    self._launch()
                except OSError as error:
                    log.error("%s cannot be launched: %s", self.name, error)
                    self._back_off()

    def _reap(self, process: Process) -> None:
        with self._lock:
            if process is not self._process:
                return  # a command was faster and has launched another one
            status = process.status
            self._forget()
            if not self._wanted:
                log.info("%s down (%s)", self.name, self.reason)
                return
        log.warning("%s ended unexpectedly, exit status %s", self.name, status)
        reason = self._charge.ended(status)
        with self._lock:
            if reason is not None:
                log.error("%s is left down: %s", self.name, reason)
                self._wanted, self.reason = False, reason
            self._back_off()

    def _back_off(self) -> None:
        if self._clock() - self._launched_at > STEADY:
            self._pause = PAUSE_FIRST
        self._launch_at = self._clock() + self._pause
        self._pause = min(PAUSE_CAP, self._pause * 2)
