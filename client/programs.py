"""kvrmi's other programs: how to start one, and how users type its name.

Rule: they are run, never imported. It starts nothing itself.
"""

from __future__ import annotations

import os
import sys

from kvrmi import cli

__all__ = ["command", "environment", "typed"]

# Installed, the programs are kvrmi.client and kvrmi.server; in a checkout they are not.
_PREFIX = __name__.removesuffix("client.programs")
_HERE = "client"


def command(module: str, *words: str) -> list[str]:
    """Make the command line that runs a module such as server.coordinator with this Python."""
    return [sys.executable, "-P", "-m", f"{_PREFIX}{module}", *words]


def environment() -> dict[str, str]:
    """Make an environment in which a child imports what this process imports."""
    paths = [os.path.abspath(path) for path in sys.path if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def typed(program: str) -> str:
    """Name a program ("client", "server", "cluster") as whoever started us would type it."""
    mine = cli.started_as()
    if mine.endswith((f".{_HERE}", f" {_HERE}")):
        module = mine.removesuffix(_HERE)
        return f"{module}{program}" if program != "cluster" else f"{module}server.coordinator"
    return f"kvrmi-{program}"
