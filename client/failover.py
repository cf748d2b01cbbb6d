"""`bench --failover N`: how long no write is acknowledged after the leader was killed.

Rules: a leader is killed with SIGKILL only while every replica is up, and the next only once all
are up again; what counts is the first write that began after the kill. It starts nothing again:
the cluster's coordinator does. It must run where the replicas do.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Any

from kvrmi.access.store import Store
from kvrmi.cluster.status import SERVING, in_charge
from kvrmi.errors import ConnectionFailed, KVError

from . import signals

__all__ = ["failover", "percentile"]

_KEY = "bench-failover"
_WHOLE = 30.0
"""Seconds until all replicas are up again after a kill."""
_WRITTEN = 20.0
"""Seconds until a write is acknowledged again; a cluster that takes longer has failed."""
_LOOK = 0.05
_CALM = 0.5
"""Seconds of writes before the next kill."""


def failover(store: Store, kills: int, show: Callable[[str], None]) -> list[float]:
    """Kill the leader so many times; the seconds without a write after each.

    Raises ConnectionFailed when the leader cannot be killed from here, does not come back, or no
    write is acknowledged in time.
    """
    seconds = []
    with _Writer(store) as writer:
        for number in range(kills):
            show(f"failover {number + 1} of {kills}")
            _whole(store)
            writer.after(time.monotonic(), _WRITTEN)
            time.sleep(_CALM)
            leader = _whole(store)  # again: leadership may just have gone back to who came up
            at = time.monotonic()
            _kill(leader)
            seconds.append(writer.after(at, _WRITTEN) - at)
    return seconds


def percentile(seconds: Sequence[float], part: float) -> float:
    """Return the smallest of `seconds` that at least this part of them does not exceed."""
    ordered = sorted(seconds)
    return ordered[max(0, min(len(ordered), round(part * len(ordered) + 0.5)) - 1)]


def _whole(store: Store) -> dict[str, Any]:
    """Wait until all replicas are up; the leader's entry."""
    deadline = time.monotonic() + _WHOLE
    while True:
        status = store.status()
        leader = in_charge(status)
        leading = [entry for entry in status["replicas"] if entry["id"] == leader]
        up = all(entry["state"] == "up" for entry in status["replicas"])
        if leading and up and status["health"] == SERVING:
            return dict(leading[0])
        if time.monotonic() > deadline:
            raise ConnectionFailed(
                f"not all replicas came up within {_WHOLE:.0f} s; a cluster without a coordinator "
                "does not start a killed replica again. STATUS shows which are down"
            )
        time.sleep(_LOOK)


def _kill(leader: dict[str, Any]) -> None:
    if not signals.send(int(leader["pid"]), signal.SIGKILL, "server"):
        raise ConnectionFailed(
            f"replica {leader['id']} leads and is no process of this machine that may be killed "
            f"from here (pid {leader['pid']}); nothing was killed this time"
        )


class _Writer:
    """One client that writes without a pause, and when its writes were acknowledged."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last = (0.0, 0.0)
        """When the newest acknowledged write began, and when its answer came."""
        self._news = Event()
        self._ended = False
        self._thread = Thread(target=self._write, name="failover-writer", daemon=True)

    def __enter__(self) -> _Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._thread.join()

    def after(self, moment: float, within: float) -> float:
        """Wait for a write that began after `moment`; when its answer came. Raises as above."""
        deadline = time.monotonic() + within
        while self._last[0] < moment:
            self._news.clear()
            if self._last[0] < moment and not self._news.wait(deadline - time.monotonic()):
                raise ConnectionFailed(f"no write was acknowledged within {within:.0f} s")
        return self._last[1]

    def _write(self) -> None:
        number = 0
        while not self._ended:
            began = time.monotonic()
            try:
                self._store.put(_KEY, str(number))
            except KVError:
                continue  # what counts is the next that succeeds
            number += 1
            self._last = (began, time.monotonic())
            self._news.set()
