"""What must not change while strangers knock: who leads, how fast writes are, what processes hold.

Rule: only what any operator could see is looked at.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from kvrmi.access.store import connect
from tests.live.cluster import LiveCluster, wait_for

ACKNOWLEDGED_IN = CONNECTS_IN = 1.9
"""Seconds; a stranger whose handshake is waited for costs two."""
BUSY = 0.25
"""Seconds that a thread of ours is late: then a leader may lose its lease without any stranger."""
PROCESSES = 5
"""Those that a write waits for; each may be as late as we are."""
PACE = 0.05
"""Seconds between two writes."""
GROWTH_MIB = 50
STATUS_PATIENCE = 5.0
"""Seconds; what is busy on a small machine is not down."""
_TICK = os.sysconf("SC_CLK_TCK")


class Vitals(NamedTuple):
    """One process: descriptors, threads, the most resident MiB it had, seconds of CPU."""

    files: int
    threads: int
    memory: float
    cpu: float


def vitals(pid: int) -> Vitals:
    """Read what /proc tells of a process."""
    proc = Path(f"/proc/{pid}")
    fields = (proc / "stat").read_text().rpartition(")")[2].split()
    peak = re.search(r"VmHWM:\s*(\d+) kB", (proc / "status").read_text())
    resident = int(peak[1]) / 1024 if peak else 0.0
    cpu = (int(fields[11]) + int(fields[12])) / _TICK
    return Vitals(len(os.listdir(proc / "fd")), int(fields[17]), resident, cpu)


class Calm:
    """Holds that the cluster served others as if nothing was, and that it all came back."""

    def __init__(self, live: LiveCluster, growth: float = GROWTH_MIB) -> None:
        self._live = live
        self._growth = growth
        self._pids = self._processes()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self.waits: list[float] = []
        self.errors: list[Exception] = []
        self._late = 0.0
        """Seconds that our own thread was late at the most: so busy do others keep the machine."""

    def __enter__(self) -> Calm:
        for pid in self._pids.values():
            with contextlib.suppress(OSError):  # then growth is counted from an older peak
                Path(f"/proc/{pid}/clear_refs").write_text("5")
        self._reported = tracebacks(self._live.data)
        self._before = {name: vitals(pid) for name, pid in self._pids.items()}
        wait_for(self._agreed, "all replicas follow one leader")
        self._thread.start()
        wait_for(lambda: self.waits or self.errors, "the first write")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if kind is None:
            self.check_newcomer()
        self._stop.set()
        self._thread.join()
        if kind is None:
            self._check()

    def check_newcomer(self) -> None:
        """A client that comes now is served at once, by every replica."""
        for replica in self._live.cluster.ids:
            member = self._live.cluster.member(replica)
            began = time.monotonic()
            with connect(addresses=[f"{member.host}:{member.client}"]) as store:
                store.put(f"newcomer{replica}", "served")
            assert time.monotonic() - began < CONNECTS_IN + PROCESSES * self._late

    def _write(self) -> None:
        with connect(config=str(self._live.config)) as store:
            while not self._stop.is_set():
                began = time.monotonic()
                try:
                    store.put("pulse", str(began))
                except Exception as error:
                    self.errors.append(error)
                self.waits.append(time.monotonic() - began)
                paused = time.monotonic()
                self._stop.wait(PACE)
                self._late = max(self._late, time.monotonic() - paused - PACE)

    def _check(self) -> None:
        assert self.errors == []
        assert max(self.waits) < ACKNOWLEDGED_IN + PROCESSES * self._late
        assert self._ballots() == self._reign or self._late > BUSY, "the leader was deposed"
        assert self._processes() == self._pids, "a process ended"
        for name, pid in self._pids.items():
            grown = vitals(pid).memory - self._before[name].memory
            assert grown <= self._growth, f"{name} grew by {grown:.0f} MiB"
            self._check_quiet(name, pid)
        reported = "\n".join(set(tracebacks(self._live.data)) - set(self._reported))
        assert not reported, reported

    def _check_quiet(self, name: str, pid: int) -> None:
        """Descriptors and threads are back where they were."""
        before = self._before[name]

        def back() -> bool:
            now = vitals(pid)
            return now.files <= before.files + 4 and now.threads <= before.threads + 4

        wait_for(back, f"{name} has let go of what strangers took")

    def _agreed(self) -> bool:
        self._reign = self._ballots()
        return len(set(map(str, self._reign.values()))) == 1

    def _ballots(self) -> dict[int, object]:
        entries = self._live.entries(STATUS_PATIENCE)
        return {i: entry and entry["ballot"] for i, entry in entries.items()}

    def _processes(self) -> dict[str, int]:
        """Pids of the replicas, the name server and the coordinator."""
        assert self._live.coordinator is not None
        found = {"coordinator": self._live.coordinator.pid}
        for replica, entry in self._live.entries().items():
            assert entry is not None
            found[f"replica{replica}"] = int(entry["pid"])
        others = set(self._live.pids()) - set(found.values())
        return found | {f"other{n}": pid for n, pid in enumerate(sorted(others))}


def spins(pid: int) -> bool:
    """Whether a process uses most of a CPU all the time, and not for a moment's work alone."""
    return all(_share(pid, 0.5) >= 0.6 for _ in range(3))


def _share(pid: int, seconds: float) -> float:
    before = vitals(pid).cpu
    time.sleep(seconds)
    return (vitals(pid).cpu - before) / seconds


def tracebacks(data: Path) -> list[str]:
    """Every accident that a log tells of, with its first lines."""
    found = []
    for file in [*data.glob("*.log"), *data.glob("*.out"), *data.glob("*/replica.log*")]:
        text = file.read_text(errors="replace")
        for each in re.finditer("Traceback", text):
            found.append(f"{file.name}: {text[max(0, each.start() - 200) : each.start() + 2000]}")
    return found
