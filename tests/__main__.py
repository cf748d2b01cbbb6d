"""`python -m tests`: the whole suite, its parts side by side.

Two parts wait for processes most of the time, one computes: together they take little longer than
the longest of them. What a live part prints comes after the others, in one piece.

The tests start hundreds of Python processes. So that not each of them compiles kvrmi anew, they may
keep what they compiled, whatever the caller's environment says: that is a third of a start.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]


def live_elsewhere() -> list[str]:
    """Files outside tests/live that have the word, and so may have the mark: few are loaded."""
    files = sorted(path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py"))
    return [
        str(path)
        for path in files
        if path.parts[1] != "live" and re.search(r"\blive\b", (ROOT / path).read_text("utf-8"))
    ]


COMPUTING = ("-m", "not live")
LIVE = (
    ("-m", "live", "tests/live"),
    ("-m", "live", *live_elsewhere()),
)


def begin(part: tuple[str, ...], output: IO[str] | None = None) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "pytest", *part, *sys.argv[1:]]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.Popen(
        argv, cwd=ROOT, env=environment, stdout=output, stderr=output, text=True
    )


def main() -> int:
    with ExitStack() as stack:
        outputs = [
            stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in LIVE
        ]
        parts = [begin(COMPUTING), *map(begin, LIVE, outputs)]
        try:
            failed = [part.wait() for part in parts]
        finally:  # Ctrl-C reaches all by themselves
            for part in parts:
                part.terminate()
                part.wait()
            for output in outputs:
                output.seek(0)
                print(output.read(), end="", flush=True)
    return max(failed)


if __name__ == "__main__":
    sys.exit(main())
