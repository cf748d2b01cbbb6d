"""Child processes, followed by a pidfd: started, or adopted from a former coordinator.

Rules: a pidfd names one process for good, so a signal never hits a stranger that got its pid;
children stand in a session of their own and outlive us unless they are asked to stop.
It knows nothing of replicas.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# Installed, the programs are kvrmi.server, kvrmi.nameserver, ...; in a checkout they are not.
_PREFIX = (__package__ or "server.coordinator").removesuffix("server.coordinator")


def command(program: str, *arguments: str) -> list[str]:
    """Argument list that runs one of the three programs as a process of its own."""
    return [sys.executable, "-P", "-m", _PREFIX + program, *arguments]


def environment() -> dict[str, str]:
    """Environment in which a child imports exactly what this process imports."""
    paths = [os.path.abspath(path) for path in sys.path if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


class Process:
    """One operating system process; safe to use from several threads until `close`."""

    def __init__(self, pid: int, pidfd: int, child: subprocess.Popen[bytes] | None = None) -> None:
        """Use `start` or `adopt`."""
        self.pid = pid
        self._pidfd = pidfd
        self._child = child

    @classmethod
    def start(
        cls, argv: Sequence[str], output: Path, *, keep: Sequence[int] = (), own: bool = True
    ) -> Process:
        """Start `argv` with its output appended to a file. Raises OSError.

        keep: file descriptors that the child inherits; own: in a session of its own.
        """
        with output.open("ab") as sink:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env=environment(),
                pass_fds=keep,
                start_new_session=own,
            )
        return cls(child.pid, os.pidfd_open(child.pid), child)

    @classmethod
    def adopt(cls, pid: int) -> Process | None:
        """Follow a running process that somebody else started; None if it is gone."""
        try:
            process = cls(pid, os.pidfd_open(pid))
        except OSError:
            return None
        if process.alive:
            return process
        process.close()
        return None

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet; a stopped or hung one is alive."""
        return not self.wait(0.0)

    @property
    def adopted(self) -> bool:
        """Whether somebody else started it."""
        return self._child is None

    @property
    def status(self) -> int | None:
        """Exit status of an ended child, negative for a signal; None if alive or adopted."""
        return None if self._child is None else self._child.poll()

    def wait(self, seconds: float) -> bool:
        """Whether it ended, at the latest after `seconds`; True once closed. A child is reaped."""
        pidfd = self._pidfd
        if pidfd < 0:
            return True
        poller = select.poll()
        poller.register(pidfd, select.POLLIN)
        if not poller.poll(seconds * 1000):
            return False
        if self._child is not None:
            self._child.wait()
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; harmless when it has ended."""
        try:
            signal.pidfd_send_signal(self._pidfd, number)
        except ProcessLookupError:
            return

    def terminate(self) -> None:
        """Ask it to end; one that was stopped is woken, or it could not react."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)

    def kill(self, seconds: float = 5.0) -> bool:
        """End it at once with SIGKILL; whether it was gone within `seconds`."""
        self.signal(signal.SIGKILL)
        return self.wait(seconds)

    def close(self) -> None:
        """Follow it no longer; it goes on. Harmless twice."""
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1


def stop_all(processes: Sequence[Process], timeout: float) -> list[int]:
    """Ask all to end, kill what has not within `timeout` seconds; the pids that were killed."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + timeout
    late = [one for one in processes if not one.wait(max(0.0, deadline - time.monotonic()))]
    for process in late:
        process.kill()
    return [process.pid for process in late]
