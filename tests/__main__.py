"""`python -m tests`: the whole suite, its parts side by side.

Two parts wait for processes most of the time; two compute, and give way to the former. What the
first part prints is seen at once, what each of the others prints comes after it in one piece.
Paths among the arguments are one part, whatever is there.

The tests start hundreds of Python processes. So that not each of them compiles kvrmi anew, they may
keep what they compiled, whatever the caller's environment says: that is a third of a start.

Each part draws free ports from a range of its own, and so do the programs that it starts; also two
suites at once have no range in common. Whoever has bound the first port of a range has the range.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import repeat
from pathlib import Path
from typing import IO, NamedTuple

import pytest

from server.ports import VARIABLE, drawn_from

ROOT = Path(__file__).parents[1]
LIVE = ROOT / "tests" / "live"
HALF = (
    *(f"tests/{name}" for name in ("checker", "client", "fuzz", "remote", "server")),
    "tests/test_cli.py",
)
"""Half of what computes, measured in seconds of CPU; what is not named is the other half."""
ENDS = 60.0
"""Seconds that a part may take to end its clusters when it is interrupted."""
RANGES = 8
"""Of free ports: two suites at once have one for each part. A third one draws from all of them."""


class Part(NamedTuple):
    """What one pytest runs; the higher `nice` is, the more it leaves to the others."""

    name: str
    arguments: tuple[str, ...]
    nice: int = 0


def shares(path: Path, text: str) -> bool:
    """Whether its tests ask for the cluster that tests/live starts once."""
    return path.parent == LIVE and bool(re.search(r"\b(live|shared): LiveCluster\b", text))


def live_apart() -> list[str]:
    """The other files that have the word, and so may have the mark: few are loaded."""
    texts = {path: path.read_text("utf-8") for path in sorted(ROOT.glob("tests/**/test_*.py"))}
    return [
        str(path.relative_to(ROOT))
        for path, text in texts.items()
        if re.search(r"\blive\b", text) and not shares(path, text)
    ]


def ignoring(paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"--ignore={path}" for path in paths)


def parts(arguments: Sequence[str]) -> list[Part]:
    if any((ROOT / each.partition("::")[0]).exists() for each in arguments):
        return [Part("named", ("-m", "live or not live"))]
    apart = live_apart()
    return [
        Part("computing, one half", ("-m", "not live", *HALF), nice=5),
        Part("computing, the other", ("-m", "not live", *ignoring(HALF)), nice=5),
        Part("live, one cluster", ("-m", "live", "tests/live", *ignoring(apart))),
        Part("live, others", ("-m", "live", *apart)),
    ]


def held_ranges(stack: ExitStack) -> Iterator[str]:
    """Take ranges of free ports that no other suite has, until the stack ends."""
    every = drawn_from()
    size = len(every) // RANGES
    for first in every[::size][:RANGES]:
        held = stack.enter_context(socket.socket())
        try:
            held.bind(("127.0.0.1", first))
        except OSError:
            continue
        yield f"{first + 1}-{first + size - 1}"
    yield from repeat(f"{every[0]}-{every[-1]}")


def begin(part: Part, ports: str, output: IO[str] | None) -> subprocess.Popen[str]:
    argv = ["nice", "-n", str(part.nice), sys.executable, "-m", "pytest", *part.arguments]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.Popen(
        [*argv, *sys.argv[1:]],
        cwd=ROOT,
        env=environment | {VARIABLE: ports},
        stdout=output,
        stderr=output,
        text=True,
        process_group=0,
    )


def interrupt(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Let each end what it started. Once: a second Ctrl-C would break that off."""
    for process in processes:
        process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + ENDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))


def run(these: Sequence[Part]) -> list[int]:
    """The exit status of each, when all have ended and all that they printed is printed."""
    with ExitStack() as stack:
        outputs = [
            stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in these[1:]
        ]
        begun = zip(these, held_ranges(stack), [None, *outputs], strict=False)
        processes = [begin(*each) for each in begun]
        try:
            for process in processes:
                process.wait()
        except KeyboardInterrupt:
            interrupt(processes)
        finally:
            for process in processes:
                process.terminate()
                process.wait()
            for output in outputs:
                output.seek(0)
                print(output.read(), end="", flush=True)
    return [process.returncode for process in processes]


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    these = parts(sys.argv[1:])
    statuses = run(these)
    # A part may have none of the tests that -k selects; that all have none is an error.
    empty = pytest.ExitCode.NO_TESTS_COLLECTED
    failed = [status for status in statuses if status != empty]
    for part, status in zip(these, statuses, strict=True):
        if status not in (pytest.ExitCode.OK, empty):
            print(f"failed: {part.name} (exit status {status})")
    return max(map(abs, failed), default=int(empty))


if __name__ == "__main__":
    sys.exit(main())
