"""The load of the demo: clients that write keys of their own and read each other's newest.

Rules: a write counts only once it was acknowledged, and then it must be found at the end; a client
is what anybody would write, `kvrmi.connect()` and a loop. It knows nothing of failures.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from kvrmi.access.store import Store, connect
from kvrmi.errors import KVError, UnknownOutcome

PACE = 0.01
"""Seconds between two operations of a client."""
READ_EVERY = 5
"""After so many writes a client reads another one's newest."""


class Client:
    """One client on its own thread, attached to one replica."""

    def __init__(self, name: str, replica: int, config: Path) -> None:
        """Connect to nothing yet."""
        self.name = name
        self.replica = replica
        self.store: Store = connect(replica, config=str(config))
        self.acknowledged: dict[str, str] = {}
        self.moments: list[float] = []
        self.newest: tuple[str, str] | None = None
        self.unknown = 0
        self.reads = 0
        self.stale: list[str] = []

    def run(self, others: Sequence[Client], stopping: threading.Event) -> None:
        """Write, and now and then read what another one wrote last, until asked to stop."""
        for number in itertools.count(1):
            if stopping.wait(PACE):
                return
            try:
                self._write(number)
                if number % READ_EVERY == 0:
                    self._read(others[number // READ_EVERY % len(others)])
            except UnknownOutcome:
                self.unknown += 1
            except KVError:
                stopping.wait(0.1)  # nothing was done; the next round tries again

    def _write(self, number: int) -> None:
        key, value = f"demo/{self.name}/{number:06}", f"{self.name} wrote this as number {number}"
        self.store.put(key, value)
        self.moments.append(time.monotonic())
        self.acknowledged[key] = value
        self.newest = key, value

    def _read(self, other: Client) -> None:
        written = other.newest
        if written is None:
            return
        key, value = written
        found = self.store.get(key)
        self.reads += 1
        if found != value:
            self.stale.append(f"{self.name} read {key}: {found!r}, acknowledged was {value!r}")


class Load:
    """All clients at once."""

    def __init__(self, config: Path, places: Mapping[str, int]) -> None:
        """places: name of each client and the replica that it talks to."""
        self.clients = [Client(name, replica, config) for name, replica in places.items()]
        self.began = 0.0
        self.ended = 0.0
        self._stopping = threading.Event()
        self._threads = [self._thread(client) for client in self.clients]

    def start(self) -> None:
        """Begin to write."""
        self.began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop writing; every operation under way is waited for. Harmless twice."""
        if not self._stopping.is_set():
            self.ended = self.elapsed
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def close(self) -> None:
        """Stop, and close the connections."""
        self.stop()
        for client in self.clients:
            client.store.close()

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    @property
    def count(self) -> int:
        """Writes acknowledged up to now."""
        return sum(len(client.moments) for client in self.clients)

    def moments(self) -> list[float]:
        """When each write was acknowledged, in seconds since it began, ascending."""
        return sorted(at - self.began for one in self.clients for at in tuple(one.moments))

    def acknowledged(self) -> dict[str, str]:
        """Every acknowledged write; ask once it is stopped."""
        return {key: value for one in self.clients for key, value in one.acknowledged.items()}

    def _thread(self, client: Client) -> threading.Thread:
        others = [one for one in self.clients if one is not client]
        return threading.Thread(
            target=client.run, args=(others, self._stopping), name=client.name, daemon=True
        )


def longest_pause(moments: Sequence[float], begin: float, end: float) -> tuple[float, float]:
    """Length and end of the longest stretch without an acknowledged write between two moments."""
    inside = [at for at in moments if begin < at < end]
    points = [begin, *inside, end]
    return max((later - earlier, later) for earlier, later in itertools.pairwise(points))


def strip(moments: Sequence[float], begin: float, end: float, columns: int) -> list[int]:
    """How many writes were acknowledged in each of so many equal parts of a stretch of time."""
    counts = [0] * columns
    for at in moments:
        if begin <= at < end:
            counts[int((at - begin) / (end - begin) * columns)] += 1
    return counts
