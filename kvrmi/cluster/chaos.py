"""The words of chaos: what may be failed alone, of which engine, and how times of it are given.

Rule: who launches a cluster and who fails it take the same words, and refuse the same with the same
reason. Nothing is failed here.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

__all__ = ["ALL", "FAILED", "GROUPS", "Failed", "Range", "span", "unfit"]

ALL = "all"
GROUPS = ("acceptors", "roles", "processes", "links", ALL)
"""What may be failed alone."""
LONGEST = 3600.0


class Failed(NamedTuple):
    """What of an engine can be failed at random, its promises checked meanwhile.

    `least`: processes that there have to be. `disks`: whether one that is lost is no loss.
    """

    groups: tuple[str, ...]
    least: int
    disks: bool = False


FAILED: Mapping[str, Failed] = {
    "paxos": Failed(GROUPS, 3, disks=True),
    "2pc": Failed(("processes", "links"), 2),
    "single": Failed(("processes",), 1),
}
"""By the name of the engine. A gateway to another store is not there: it promises what that does,
and nothing here fails that store."""

Range: TypeAlias = tuple[float, float]
"""From and to, in seconds."""


def span(text: str) -> Range:
    """Read seconds, "5", or from how many to how many, "3-8"; the type of an argument."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?", text)
    low, high = (float(found[1]), float(found[2] or found[1])) if found else (0.0, 0.0)
    if not 0 < low <= high <= LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, such as 5 or 3-8")
    return low, high


def unfit(engine: str, only: str, *, amnesia: bool) -> str | None:
    """Say why clusters of an engine cannot be failed so; None: they can."""
    failed = FAILED.get(engine)
    if failed is None:
        return f"engine {engine}: it promises what another store does, and that is not failed here"
    if only not in failed.groups:
        return f"engine {engine}: of it only {' or '.join(failed.groups)} can be failed, not {only}"
    if amnesia and not failed.disks:
        return f"engine {engine}: what is on a lost disk is lost there, so none is lost on purpose"
    return None
