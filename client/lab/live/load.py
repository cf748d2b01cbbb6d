"""A process of clients for the page: reads and writes on the cluster, and what came of them.

Rules: the first line of stdin says which cluster, each line after it how many clients there are
to be; a report leaves as a line several times a second. It ends with stdin: whoever started it has
gone. The clients are those of the workload, whose keys are new to the cluster.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from kvrmi.checker.history import FAIL, OK, UNKNOWN, Operation
from kvrmi.operations.table import READS

from ...history import Recorder
from ...options import Options
from ...workload import HASTY, Client, Keys

__all__ = ["Clients", "Pauses", "main"]

REPORT_SECONDS = 0.2
THINK = 0.02
"""Seconds a client thinks between two operations, on average."""
KEYS = 100
GAP = 0.3
"""Seconds between two acknowledged writes that count as a gap, if clients waited meanwhile."""
WAITS = 0.1
"""Seconds from which on an operation waits: a client that reads all the time does not."""
SETTLE = 2.0
"""Clients that begin or end delay the others: a shorter gap may be that alone."""
STOPPED = 1.5
"""Seconds without a write from which on writes have stopped: each client tries many in it."""
RECENT = 2.0
"""Seconds of writes of which p99 is made."""
ONCE = 1000
"""Keys written once that are remembered."""


class Try(NamedTuple):
    """An operation: when it was asked, when its client knew what came of it, and what did."""

    call: float
    returned: float
    written: bool = True
    """Whether it was a write, and acknowledged."""


class Pauses:
    """Gaps between acknowledged writes while clients waited, and how long the recent ones took."""

    def __init__(self) -> None:
        """Nothing was acknowledged yet."""
        self.gaps: deque[tuple[float, float]] = deque(maxlen=20)
        self._last: float | None = None
        self._recent: deque[Try] = deque(maxlen=5000)
        self._waits: deque[Try] = deque(maxlen=1000)
        self._changed = float("-inf")

    def changed(self, now: float) -> None:
        """Note that clients begin or end."""
        self._changed = now

    def add(self, tries: Sequence[Try]) -> None:
        """Take operations, all kinds of them."""
        for one in sorted(tries, key=lambda one: one.returned):
            if one.returned - one.call >= WAITS:
                self._waits.append(one)
            if not one.written:
                continue
            if self._last is not None and self._stopped(self._last, one.returned):
                self.gaps.append((self._last, one.returned))
            self._last = max(one.returned, self._last or 0.0)
            self._recent.append(one)

    def _stopped(self, begin: float, end: float) -> bool:
        """Whether writes stopped then though clients asked, rather than that nobody wrote."""
        least = SETTLE if begin <= self._changed <= end else GAP
        if end - begin < least:
            return False
        waited, to = 0.0, begin
        for one in sorted(self._waits):
            waited += max(min(one.returned, end) - max(one.call, to), 0.0)
            to = max(to, one.returned)
        return waited >= (end - begin) / 2

    def stopped(self, now: float) -> float | None:
        """Give since when no write was acknowledged, where writes have stopped and still do."""
        since = self._last
        if since is None or now - since < STOPPED or self._changed > max(since, now - SETTLE):
            return None
        return since

    def p99(self, now: float) -> float | None:
        """Give what 99 of 100 recent writes did not exceed, in seconds; None without any."""
        took = sorted(
            one.returned - one.call for one in self._recent if one.returned > now - RECENT
        )
        return took[len(took) * 99 // 100] if took else None


class Clients:
    """As many clients as are wanted, each in a thread of its own."""

    def __init__(self, options: Options) -> None:
        """Begin with none."""
        self._options = options
        self._recorder = Recorder(None, self._tried)
        self._tries: list[Try] = []
        self._keys = Keys(KEYS, secrets.token_hex(4))
        self._pauses = Pauses()
        self._stops: list[threading.Event] = []
        self._made = 0

    def want(self, count: int) -> None:
        """Start or end clients until there are so many."""
        self._pauses.changed(time.monotonic())
        while len(self._stops) > count:
            self._stops.pop().set()
        while len(self._stops) < count:
            stop = threading.Event()
            self._stops.append(stop)
            self._made += 1
            threading.Thread(target=self._work, args=(self._made, stop), daemon=True).start()

    def _work(self, number: int, stop: threading.Event) -> None:
        with self._options.opened(None, HASTY if number % 3 == 2 else None) as store:
            name = f"lab{number}"
            Client(name, store, self._keys, self._recorder, name).run(stop, THINK)

    def _tried(self, one: Operation) -> None:
        written = one.op not in READS and one.outcome == OK
        self._tries.append(Try(one.call, min(one.returned, time.monotonic()), written))

    def report(self, now: float) -> dict[str, object]:
        """Say what came of all operations so far, and of the recent writes."""
        tries, self._tries = self._tries, []
        self._recorder.moments.clear()
        del self._recorder.once[:-ONCE]
        self._pauses.add(tries)
        came = self._recorder.outcomes
        return {
            "at": now,
            "clients": len(self._stops),
            "acknowledged": came[OK],
            "refused": came[FAIL],
            "unknown": came[UNKNOWN],
            "p99": self._pauses.p99(now),
            "gaps": list(self._pauses.gaps),
            "stopped": self._pauses.stopped(now) if self._stops else None,
            "surprises": self._recorder.surprises[-3:],
        }


def _reports(clients: Clients) -> None:
    try:
        while True:
            print(json.dumps(clients.report(time.monotonic())), flush=True)
            time.sleep(REPORT_SECONDS)
    finally:
        os._exit(1)  # whoever started us has gone


def main() -> None:
    """Take orders from stdin until it ends."""
    clients = Clients(Options(*json.loads(sys.stdin.readline())))
    threading.Thread(target=_reports, args=(clients,), daemon=True).start()
    for line in sys.stdin:
        clients.want(int(line))
    os._exit(0)  # whatever is under way


if __name__ == "__main__":
    main()
