"""The yardstick: an unreplicated dictionary behind the fastest plain Pyro5 server.

Rule: stock Pyro5 with its default settings and nothing of kvrmi, except that Nagle's algorithm
is off, as in every server that cares for latency. Run as a process of its own; ends with stdin.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import Pyro5.api

__all__ = ["Plain", "main"]


@Pyro5.api.expose
class Plain:
    """The remote object: the store's methods that the benchmark calls."""

    def __init__(self) -> None:
        """Begin empty."""
        self._rows: dict[str, Any] = {}
        self._revision = 0

    def put(self, key: str, value: Any) -> int:
        """Store `value`; returns a revision, as the store does."""
        self._rows[key] = value
        self._revision += 1
        return self._revision

    def get(self, key: str) -> Any:
        """Return the value or None."""
        return self._rows.get(key)

    def put_many(self, pairs: Any) -> int:
        """Store all pairs."""
        self._rows.update(pairs)
        self._revision += 1
        return self._revision


def main(cpu: int, keys: int, value_bytes: int) -> None:
    """Serve, pinned to one CPU, until stdin ends; prints the object's URI first."""
    os.sched_setaffinity(0, {cpu})
    Pyro5.config.SOCK_NODELAY = True
    daemon = Pyro5.api.Daemon(host="127.0.0.1")
    plain = Plain()
    plain.put_many([[f"bench{number}", "v" * value_bytes] for number in range(keys)])
    print(daemon.register(plain, "kvrmi.baseline"), flush=True)
    threading.Thread(target=daemon.requestLoop, daemon=True).start()
    sys.stdin.read()
    os._exit(0)  # worker threads of open connections would keep the process


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
