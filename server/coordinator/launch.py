"""How the processes of a cluster are started, and found again when they already run.

Rules: nothing is started that runs: a replica holds a lock on its folder, the name server one
beside the folders; what is found is adopted, also when it hangs. Only starts and finds, it
neither watches nor ends.
"""

from __future__ import annotations

import os
from pathlib import Path

from kvrmi.config import Cluster

from .. import pidlock
from .founding import NAMESERVER_LOCK
from .health import Admins
from .processes import Process, command


class Launcher:
    """Starts and finds the processes of the cluster whose file is `config`."""

    def __init__(self, cluster: Cluster, config: Path, admins: Admins) -> None:
        """Start nothing yet."""
        self._cluster = cluster
        self._config = config.resolve()
        self._admins = admins
        self.data = self._config.parent

    def folder(self, replica: int) -> Path:
        """Name the folder of a replica."""
        return self.data / f"replica{replica}"

    def output(self, replica: int) -> Path:
        """Name the file with what the replica's process wrote to its standard output and error."""
        return self.data / f"replica{replica}.out"

    def replica(self, replica: int) -> Process:
        """Start a replica. Raises OSError."""
        argv = command("server", str(replica), "--config", str(self._config))
        return Process.start(argv, self.output(replica))

    def nameserver(self) -> Process:
        """Start the name server. Raises OSError, also when one of this cluster runs."""
        lock = pidlock.PidLock.take(self.data / NAMESERVER_LOCK)
        if lock is None:
            raise OSError("the name server of this cluster already runs")
        try:
            argv = command("nameserver", "--config", str(self._config))
            process = Process.start(argv, self.data / "nameserver.log", keep=[lock.descriptor])
            lock.sign(process.pid)
            return process
        finally:
            lock.close()

    def find_nameserver(self) -> Process | None:
        """Find the running name server of this cluster, None if there is none."""
        pid = pidlock.holder(self.data / NAMESERVER_LOCK)
        return Process.adopt(pid) if pid else None

    def find_replica(self, replica: int) -> Process | None:
        """Find the running replica, None if there is none; a hanging one is found by its lock."""
        pid = pidlock.holder(self.folder(replica) / "lock")
        if not pid:
            entry = self._admins.entry(replica)
            pid = None if entry is None else int(entry["pid"])
        return Process.adopt(pid) if pid else None


def last_line(path: Path) -> str:
    """Read the last line of a file, empty if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 2000))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
