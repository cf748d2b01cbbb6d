"""The words of chaos: what may be failed alone, and how times of it are given.

Rule: who launches a cluster and who fails it take the same words. Nothing is failed here.
"""

from __future__ import annotations

import argparse
import re
from typing import TypeAlias

__all__ = ["ALL", "GROUPS", "Range", "span"]

ALL = "all"
GROUPS = ("acceptors", "roles", "processes", "links", ALL)
"""What may be failed alone."""
LONGEST = 3600.0

Range: TypeAlias = tuple[float, float]
"""From and to, in seconds."""


def span(text: str) -> Range:
    """Read seconds, "5", or from how many to how many, "3-8"; the type of an argument."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?", text)
    low, high = (float(found[1]), float(found[2] or found[1])) if found else (0.0, 0.0)
    if not 0 < low <= high <= LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, such as 5 or 3-8")
    return low, high
