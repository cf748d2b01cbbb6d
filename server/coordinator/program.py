"""Which program a command line of kvrmi-cluster means: a sub-command, or running a cluster.

Rule: a sub-command is the first word and has options of its own; its `main` takes the words after
it and returns the exit status. It starts nothing itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from kvrmi import cli

from . import found, recover, stop
from .main import main as run

__all__ = ["main"]

_PROGRAMS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "found": found.main,
    "recover": recover.main,
    "stop": stop.main,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; returns the exit status of the program."""
    words = sys.argv[1:] if argv is None else list(argv)
    program = _PROGRAMS.get(words[0]) if words else None
    return run(words) if program is None else cli.heard(program, words[1:])
