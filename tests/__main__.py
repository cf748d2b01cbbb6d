"""`python -m tests`: the whole suite, its two halves side by side.

The live half waits for processes most of the time, the other half computes: together they take
little longer than one of them. What the live half prints comes after the other's, in one piece.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]


def begin(half: str, output: IO[str] | None = None) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "pytest", "-m", half, *sys.argv[1:]]
    return subprocess.Popen(argv, cwd=ROOT, stdout=output, stderr=output, text=True)


def main() -> int:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        halves = [begin("live", output), begin("not live")]
        try:
            failed = [half.wait() for half in reversed(halves)]
        finally:  # Ctrl-C reaches both by themselves
            for half in halves:
                half.terminate()
                half.wait()
            output.seek(0)
            print(output.read(), end="", flush=True)
    return max(failed)


if __name__ == "__main__":
    sys.exit(main())
