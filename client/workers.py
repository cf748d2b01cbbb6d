"""Processes that put load on remote objects, and what came of it: for whoever measures.

Rules: a worker is `load`, pinned to one CPU, and ends with whoever started it; a job begins in all
workers at the same moment. What is measured, and beside what, the caller says.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, NamedTuple

from kvrmi.errors import ConnectionFailed

from .load import Job, Tally, Times

__all__ = ["TIMEOUT", "WARM", "Work", "line_of", "measure", "percentile", "process"]

WARM = 0.3
"""Seconds of load before a measurement."""
TIMEOUT = 30.0
"""Seconds beyond a job's end after which its process is given up."""


class Work(NamedTuple):
    """What each client does; `seconds` are those that count."""

    op: str
    seconds: float
    keys: int
    value_bytes: int


@contextlib.contextmanager
def process(module: str, *arguments: int) -> Iterator[subprocess.Popen[str]]:
    """Run a module of this package as a process that ends when its stdin does.

    It is a process group of its own: Ctrl-C at the terminal is for us alone, who end it.
    """
    command = [sys.executable, "-m", f"{__package__}.{module}", *map(str, arguments)]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYRO_")}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        process_group=0,
    ) as process:
        try:
            yield process
        finally:
            _pipe(process.stdin).close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def measure(
    work: Work, clients: int, uris: Sequence[str], workers: Sequence[subprocess.Popen[str]]
) -> Tally:
    """Have `clients` clients, spread over the workers and the objects at `uris`, make calls.

    Raises ConnectionFailed when a worker ends or hangs.
    """
    used = workers[:clients]
    targets = [uris[number % len(uris)] for number in range(clients)]
    for number, worker in enumerate(used):
        mine = targets[number :: len(used)]
        _instruct(worker, Job(mine, work.op, work.value_bytes, work.keys, 1000 * number))
    for worker in used:
        line_of(worker, TIMEOUT)  # it is ready
    begin = time.monotonic()
    for worker in used:
        _instruct(worker, Times(begin, begin + WARM, begin + WARM + work.seconds))
    latencies: Counter[int] = Counter()
    errors: Counter[str] = Counter()
    for worker in used:
        counted, failed = json.loads(line_of(worker, WARM + work.seconds + TIMEOUT))
        latencies.update({int(latency): count for latency, count in counted.items()})
        errors.update(failed)
    return Tally(latencies, errors)


def percentile(latencies: Mapping[int, int], part: float) -> float:
    """Return the smallest latency that at least this part of them does not exceed; 0 of none."""
    passed, calls = 0, sum(latencies.values())
    for latency in sorted(latencies):
        passed += latencies[latency]
        if passed >= part * calls:
            return float(latency)
    return 0.0


def line_of(process: subprocess.Popen[str], timeout: float) -> str:
    """Read a process's next line; raises ConnectionFailed when it has none."""
    output = _pipe(process.stdout)
    ready, _, _ = select.select([output], [], [], timeout)
    line = output.readline() if ready else ""
    if not line:
        raise ConnectionFailed(
            "a process that makes load ended or hangs; nothing was measured, run it again"
        )
    return line


def _instruct(process: subprocess.Popen[str], order: Job | Times) -> None:
    pipe = _pipe(process.stdin)
    pipe.write(json.dumps(order) + "\n")
    pipe.flush()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise RuntimeError("the process was started without this pipe")
    return pipe
