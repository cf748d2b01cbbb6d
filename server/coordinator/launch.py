"""How the processes of a cluster are started, and found again when they already run.

Rules: nothing is started that runs: before a process is started a lock is taken that it inherits,
so whoever looks finds it from its first moment on, also when it was started just before its
coordinator died; what is found is adopted, also when it hangs. Only starts and finds, it neither
watches nor ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .. import pidlock
from ..logfile import rotate
from . import locks
from .processes import Process, command


class Launcher:
    """Starts and finds the processes of the cluster whose file is `config`."""

    def __init__(self, config: Path, *flags: str) -> None:
        """Start nothing yet; each replica is started with these flags too."""
        self._flags = flags
        self._config = config.resolve()
        self.data = self._config.parent

    def output(self, replica: int) -> Path:
        """Name the file with what the replica's process wrote to its standard output and error."""
        return self.data / f"replica{replica}.out"

    def replica(self, replica: int) -> Process:
        """Start a replica. Raises OSError, also when it runs."""
        argv = command("server", str(replica), "--config", str(self._config), *self._flags)
        lock = locks.of_replica(self.data, replica)[0]
        return _start(lock, argv, self.output(replica))

    def nameserver(self) -> Process:
        """Start the name server. Raises OSError, also when it runs."""
        argv = command("nameserver", "--config", str(self._config))
        return _start(self.data / locks.NAMESERVER, argv, self.data / "nameserver.log")

    def other(self, name: str, argv: list[str]) -> Process:
        """Find or start a process of another program, by its name here. Raises OSError."""
        lock, log = self.data / f"{name}.lock", self.data / f"{name}.log"
        return self.find_other(name) or _start(lock, argv, log)

    def find_other(self, name: str) -> Process | None:
        """Find such a process, None if it does not run."""
        return find(self.data / f"{name}.lock")

    def find_nameserver(self) -> Process | None:
        """Find the running name server of this cluster, None if there is none."""
        return find(self.data / locks.NAMESERVER)

    def find_replica(self, replica: int) -> Process | None:
        """Find the running replica, None if there is none; a hanging one is found by its lock."""
        found = (find(lock) for lock in locks.of_replica(self.data, replica))
        return next((process for process in found if process is not None), None)


def _start(path: Path, argv: list[str], output: Path) -> Process:
    """Start a process that holds the lock at `path` for as long as it lives. Raises OSError."""
    lock = pidlock.PidLock.take(path)
    if lock is None:
        raise OSError(f"{path} is locked by a process that cannot be seen from here")
    try:
        rotate(output)
        process = Process.start(argv, output, keep=[lock.descriptor])
        lock.sign(process.pid)
        return process
    finally:
        lock.close()


def find(path: Path) -> Process | None:
    """Follow the process that holds the lock at `path`, None if there is none."""
    pid = pidlock.holder(path)
    process = None if pid is None else Process.adopt(pid)
    if process is None:
        return None
    # Only now does the pid stand for one process for good: it may have ended before.
    if pidlock.holds(process.pid, path):
        return process
    process.close()
    return None


def lacks(data: Path, replicas: Iterable[int], flag: str) -> bool:
    """Whether a replica that runs in `data` was started without this flag."""
    holders = (pidlock.holder(lock) for one in replicas for lock in locks.of_replica(data, one))
    return any(flag not in _words(pid) for pid in holders if pid is not None)


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:  # it has ended
        return []


def last_line(path: Path) -> str:
    """Read the last line of a file, empty if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 2000))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
