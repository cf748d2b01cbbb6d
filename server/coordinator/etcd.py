"""The members of a local etcd, for trying the engine out: started, watched, and ended last.

Rules: nothing is started that runs; their data stay in the cluster's folder. An etcd that others
operate is never touched: it has no `peers` in the cluster file.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.naming import join_address

from ..engines.etcd.settings import Settings, parsed
from .founding import Refused
from .launch import Launcher, last_line
from .processes import Process, stop_all
from .supervisor import PAUSE_CAP, Ending, Supervisor

__all__ = ["LocalEtcd", "members_of"]

STOP_PATIENCE = 1.0
"""The last one waits for the others to take over, which ended before; its disk has all."""
READY_SECONDS = 20.0
LOOK_SECONDS = 0.1


def members_of(cluster: Cluster) -> list[str]:
    """Name the members that run here; none where the etcd is somebody else's, or there is none."""
    peers = parsed(cluster.settings).peers if cluster.engine == "etcd" else ()
    return [f"etcd{number}" for number, _ in enumerate(peers, start=1)]


class LocalEtcd:
    """All members; none where the cluster's engine is another, or its etcd somebody else's."""

    def __init__(self, cluster: Cluster, launcher: Launcher, report: Callable[[str], None]) -> None:
        """Start nothing yet."""
        settings = parsed(cluster.settings) if cluster.engine == "etcd" else None
        members = len(settings.peers) if settings is not None else 0
        self._data = launcher.data
        self._urls = [_url(one) for one in settings.endpoints[:members]] if settings else []
        charges = [_Member(number, settings, launcher) for number in range(members) if settings]
        self._supervisors = [
            Supervisor(f"etcd {number}", charge, time.monotonic, report)
            for number, charge in enumerate(charges, start=1)
        ]

    def begin(self, stopping: threading.Event) -> None:
        """Start those that do not run, watch all, and wait until they serve. Raises Refused."""
        for supervisor in self._supervisors:
            supervisor.begin()
        deadline = time.monotonic() + READY_SECONDS
        while not all(map(_serves, self._urls)) and not stopping.wait(LOOK_SECONDS):
            if time.monotonic() > deadline:
                why = last_line(self._data / "etcd1.log")
                raise Refused(f"the local etcd does not serve; its log ends with: {why}")

    def stop(self) -> None:
        """End all."""
        processes = [one for each in self._supervisors if (one := each.release()) is not None]
        stop_all(processes, STOP_PATIENCE)
        for process in processes:
            process.close()


class _Member:
    """One member: launched again whenever it ends."""

    def __init__(self, number: int, settings: Settings, launcher: Launcher) -> None:
        self._number = number
        self._settings = settings
        self._launcher = launcher

    def launch(self) -> Process:
        """Start it, unless it runs. Raises OSError."""
        name = f"etcd{self._number + 1}"
        return self._launcher.other(name, self._argv(self._launcher.data / name))

    def probe(self) -> None:
        """Ask nothing: gateways say when etcd does not answer."""

    def ended(self, pid: int, status: int | None) -> Ending:
        """Launch it again."""
        return Ending(f"it ended with status {status}")

    def longest_pause(self) -> float:
        """Wait as for any: the others go on without it."""
        return PAUSE_CAP

    def _argv(self, folder: Path) -> list[str]:
        known, at = self._settings, self._number
        client, peer = (_url(addresses[at]) for addresses in (known.endpoints, known.peers))
        members = ",".join(f"etcd{n + 1}={_url(one)}" for n, one in enumerate(known.peers))
        flags = {
            "name": f"etcd{at + 1}",
            "data-dir": str(folder),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": members,
        }
        return ["etcd", *(f"--{name}={value}" for name, value in flags.items())]


def _serves(url: str) -> bool:
    """Whether a member is up and knows who leads."""
    import urllib.request  # here: no other engine's start waits for it

    try:
        with urllib.request.urlopen(f"{url}/health", timeout=LOOK_SECONDS) as answer:
            return b"true" in answer.read(100)
    except OSError:
        return False


def _url(address: tuple[str, int]) -> str:
    return f"http://{join_address(*address)}"
