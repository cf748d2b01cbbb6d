"""Moves of the dare that win against a planted bug, and harm nobody without it.

Rule: tests/client/lab/test_dare.py plays them both ways.
"""

from __future__ import annotations

__all__ = ["WON"]

_SILENT = ("cut 1 -> 3, 1 -> 4, 1 -> 5, 2 -> 1", "ask put k v1 at 1", "run 0.1", "kill 1", "mend")

WON = {
    "quorum-of-two": (
        "put k v0 at 1",
        "cut 1 - 3, 1 - 4, 1 - 5, 2 - 3, 2 - 4, 2 - 5",
        "ask put k here at 1",
        "run 0.2",
        "run 4",
        "ask put k there at 3",
        "run 3",
    ),
    "adoption-skipped": ("put k v0 at 1", *_SILENT, "run 3", "get k at 2"),
    "follower-read-called-linearizable": (
        "put k old at 1",
        "run 1",
        "cut 3",
        "put k new at 1",
        "get k at 3",
    ),
    "wiped-disk-taken-as-fresh": (
        "kill 4, 5",
        "put k v1 at 1",
        "cut 2 -> 1",
        "put k v2 at 1",
        "lose disk 3",
        "kill 1, 2",
        "start 3, 4, 5",
        "mend",
        "run 5",
        "put k mine at 4",
    ),
}
"""By the bug."""
