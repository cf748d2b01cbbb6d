"""What goes wrong in which mix; a run with seed N has profile N modulo their number.

Rule: a profile names faults and is nothing else; what a name does is in faults.py, here and above,
but `view`, which is an order to the run's coordinator (histories.py).
"""

from __future__ import annotations

from ..faults import FAULTS
from ..profile import Profile
from .faults import ADVERSARIES

__all__ = ["PROFILES"]

_USUAL = ("crash", "pause", "weather", "cut", "lag", "disk_slow")

PROFILES = (
    Profile("calm", "nothing but a slow network", ("lag",), least=2),
    Profile(
        "crash",
        "processes are killed, one or all at once, or with a decision on their lips",
        ("crash", "crash", "crash_all", "behead", "behead"),
        least=2,
    ),
    Profile(
        "network",
        "messages are lost, late and repeated",
        ("weather", "weather", "crash", "cut"),
        least=2,
    ),
    Profile(
        "partition",
        "links are cut",
        ("cut", "isolate", "split", "star", "chain", "mend", "behead"),
        least=3,
    ),
    Profile(
        "disk",
        "disks are full, slow, or fail",
        ("disk_full", "sync_fails", "disk_slow", "crash"),
        least=2,
    ),
    Profile(
        "roles",
        "participants fail alone, roles raise",
        ("fail_role", "break_role", "pause", "lag"),
        least=2,
    ),
    Profile(
        "doubt",
        "managers stop or die between the phases",
        ("withhold", "withhold", "behead", "crash", "lag"),
        least=3,
    ),
    Profile("views", "replicas leave the view and come back", ("view", "view", *_USUAL), least=3),
    Profile(
        "away",
        "the same, with cut links and managers that die",
        ("view", "view", "isolate", "crash", "behead", "fail_role"),
        least=3,
    ),
    Profile("all", "whatever can strike", (*FAULTS, *ADVERSARIES), least=2),
)
