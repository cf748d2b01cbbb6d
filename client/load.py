"""A process that puts load on remote objects: closed-loop clients, one thread and proxy each.

Rules: plain Pyro5 proxies, as anybody would use them; the same code for every kind of server.
Jobs come as lines of JSON on stdin; each is answered by "ready", then comes when to begin, and the
result leaves as a line. It ends with stdin, also in the middle of a job: whoever gave it has gone.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeAlias

import Pyro5.api

__all__ = ["BATCH", "Job", "Tally", "Times", "main", "run"]

BATCH = 100
"""Pairs in one put_many."""
_TIMEOUT = 20.0
"""Seconds for preparing, and for the last answer."""
_Call: TypeAlias = tuple[str, tuple[Any, ...]]


class Job(NamedTuple):
    """What to do, by one client for each target."""

    targets: list[str]
    op: str
    value_bytes: int
    keys: int
    seed: int


class Times(NamedTuple):
    """When to begin, to measure and to end, in seconds of the machine's monotonic clock."""

    begin: float
    measure: float
    end: float


class Tally(NamedTuple):
    """What came of it: latencies in whole microseconds, each with its count; errors by text."""

    latencies: dict[int, int]
    errors: dict[str, int]


class _Start:
    """Lets the clients begin together once all are prepared."""

    def __init__(self, clients: int) -> None:
        self._barrier = threading.Barrier(clients + 1)
        self._times = Times(0, 0, 0)

    def await_all(self) -> None:
        """Wait until every client is prepared."""
        self._barrier.wait(_TIMEOUT)

    def go(self, times: Times) -> None:
        """Let them go."""
        self._times = times
        self._barrier.wait(_TIMEOUT)

    def await_go(self) -> Times:
        """Report that this client is prepared, and wait for the others."""
        self._barrier.wait(_TIMEOUT)
        self._barrier.wait(_TIMEOUT)
        return self._times


def run(job: Job, when: Callable[[], Times]) -> Tally:
    """Prepare all clients, ask `when` to begin, and run them to the end."""
    start = _Start(len(job.targets))
    tallies: list[Tally] = []
    threads = [
        threading.Thread(target=_client, args=(job, number, start, tallies.append), daemon=True)
        for number in range(len(job.targets))
    ]
    for thread in threads:
        thread.start()
    start.await_all()
    times = when()
    start.go(times)
    for thread in threads:
        thread.join(max(times.end - time.monotonic(), 0) + _TIMEOUT)
    latencies: Counter[int] = Counter()
    errors: Counter[str] = Counter({"no answer": len(threads) - len(tallies)})
    for tally in tuple(tallies):
        latencies.update(tally.latencies)
        errors.update(tally.errors)
    return Tally(latencies, +errors)


def _client(job: Job, number: int, start: _Start, done: Callable[[Tally], None]) -> None:
    calls = cycle(_calls(job, random.Random(job.seed + number)))
    with Pyro5.api.Proxy(job.targets[number]) as proxy:
        try:
            proxy._pyroBind()
        except Exception as error:
            start.await_go()
            done(Tally({}, {_name(error): 1}))
            return
        methods = {name: getattr(proxy, name) for name in ("get", "put", "put_many")}
        done(_loop(methods, calls, start.await_go()))


def _loop(methods: dict[str, Callable[..., Any]], calls: Iterator[_Call], times: Times) -> Tally:
    """Call, wait for the answer, call again."""
    latencies: list[float] = []
    errors: Counter[str] = Counter()
    clock = time.monotonic
    time.sleep(max(times.begin - clock(), 0))
    while (began := clock()) < times.end:
        name, arguments = next(calls)
        try:
            methods[name](*arguments)
        except Exception as error:
            errors[_name(error)] += 1
        else:
            if began >= times.measure:
                latencies.append(clock() - began)
    return Tally(Counter(round(latency * 1e6) for latency in latencies), errors)


def _calls(job: Job, draw: random.Random) -> list[_Call]:
    """Draw the calls beforehand: what is measured is the server, not the draws."""
    value = "v" * job.value_bytes
    names = ("get", "put") if job.op == "mixed" else (job.op,)
    calls: list[_Call] = []
    for name in names * (20 if job.op == "put_many" else 500):
        key = f"bench{draw.randrange(job.keys)}"
        if name == "put_many":
            first = draw.randrange(job.keys)
            pairs = [[f"bench{(first + i) % job.keys}", value] for i in range(BATCH)]
            calls.append((name, (pairs,)))
        else:
            calls.append((name, (key,) if name == "get" else (key, value)))
    return calls


def _name(error: Exception) -> str:
    """Name an error by its code, or by its type."""
    code = str(error).partition(":")[0]
    return code if code.isupper() else type(error).__name__


def _work(lines: SimpleQueue[str]) -> None:
    """Do the jobs in `lines`; ends the process when one cannot be done."""

    def when() -> Times:
        print("ready", flush=True)
        return Times(*json.loads(lines.get()))

    try:
        while True:
            print(json.dumps(run(Job(*json.loads(lines.get())), when)), flush=True)
    finally:
        os._exit(1)  # whoever gave the job reports it, unless it has gone and so nobody reads


def main(cpu: int) -> None:
    """Take jobs from stdin, pinned to one CPU, until stdin ends."""
    os.sched_setaffinity(0, {cpu})
    Pyro5.config.SOCK_NODELAY = True
    lines: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_work, args=(lines,), daemon=True).start()
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)  # whatever is under way


if __name__ == "__main__":
    main(int(sys.argv[1]))
