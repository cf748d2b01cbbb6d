"""A program that an engine needs beside its replicas, as the coordinator keeps it running.

Rule: an engine says which by its entry in kinds.py; who starts and ends them knows no engine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

__all__ = ["Program"]


class Program(NamedTuple):
    """One of them.

    `name` ends with its number from 1, and is that of its folder, its log and its lock in the
    cluster's data. `argv` starts it, with that folder. `serves`: whether it does what it is for.
    """

    name: str
    argv: Callable[[Path], list[str]]
    serves: Callable[[], bool]
