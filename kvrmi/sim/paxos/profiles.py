"""What goes wrong in which mix; a run with seed N has profile N modulo their number.

Rule: a profile names faults and is nothing else; what a name does is in faults.py, here and above.
"""

from __future__ import annotations

from ..profile import Profile

__all__ = ["PROFILES"]

PROFILES = (
    Profile(
        "calm",
        "leadership is handed around; a leader is stopped for a moment, or dies with all links",
        ("transfer", "lag", "stall", "strand"),
    ),
    Profile(
        "crash",
        "processes are killed, one, several or all at once",
        ("crash", "crash", "crash_leader", "crash_all", "relapse", "relapse", "laggard", "lag"),
    ),
    Profile(
        "roles",
        "single roles fail, or raise, and are taken up again from their disks",
        (
            "fail_role", "fail_role", "fail_leaders_role", "break_role", "transfer", "laggard",
            "lag",
        ),
    ),
    Profile(
        "network",
        "messages are lost, late, repeated and out of order",
        ("weather", "weather", "provoke", "cut", "crash", "laggard", "renew", "renew"),
    ),
    Profile(
        "partition",
        "links are cut one way, both ways, around one, into a star or a chain",
        (
            "cut", "isolate", "isolate_leader", "split", "star", "chain", "mend", "provoke",
            "laggard", "overhear",
        ),
        least=3,
    ),
    Profile(
        "lease",
        "a leader is cut off or stopped, others try to lead, some restart with other times",
        (
            "covet", "covet", "bridge", "bridge_after_transfer", "bridge_after_transfer", "depose",
            "depose", "pause", "pause_leader", "provoke", "fail_role", "crash", "clock_drifts",
            "outlast", "hasten",
        ),
        least=3,
    ),
    Profile(
        "disk",
        "disks are full, slow, hang, fail to sync, or flip bits",
        (
            "disk_full", "sync_fails", "disk_slow", "hang_leaders_disk", "flip_votes",
            "flip_state", "crash", "lag",
        ),
    ),
    Profile(
        "amnesia",
        "disks are lost and replaced, while leaders come and go",
        (
            "lose_disk", "lose_disk", "crash", "cut", "provoke", "depose", "weather", "relearn",
        ),
        least=3,
    ),
    Profile(
        "snapshot",
        "logs are short, learners restart, and snapshots go around, page after page",
        (
            "restore", "restore", "fail_learner", "crash", "isolate", "lose_disk", "flip_state",
            "weather", "laggard",
        ),
        keeps=(2, 3, 5),
    ),
    Profile(
        "mixed",
        "everything at once",
        (
            "crash", "crash_leader", "fail_role", "break_role", "weather", "cut",
            "isolate_leader", "star", "mend", "depose", "pause", "pause_leader", "provoke",
            "transfer", "restore", "disk_full", "sync_fails", "disk_slow", "flip_votes",
            "flip_state", "lose_disk", "clock_drifts", "laggard",
        ),
    ),
)  # fmt: skip
"""In the order of seeds."""
