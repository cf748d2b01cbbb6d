"""Whose votes count in two-phase commit, as the table [2pc] of a cluster file says it.

Rule: what is wrong is one line that names the key. It makes no view.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kvrmi.cluster.checks import ConfigError
from kvrmi.twophase.viewing import ACTIVE, ALL

__all__ = ["ACTIVE", "ALL", "check", "founded"]


def check(table: Mapping[str, str]) -> None:
    """Refuse a table that says something else. Raises ConfigError."""
    unknown = [name for name in table if name != "votes"]
    if unknown:
        raise ConfigError(f"2pc: unknown key {unknown[0]!r}; there is votes")
    votes = table.get("votes", ALL)
    if votes not in (ALL, ACTIVE):
        raise ConfigError(f"2pc: votes is {votes!r}: use {ALL} or {ACTIVE}")


def founded(given: Mapping[str, str], ports: Callable[[int], int] | None) -> Mapping[str, str]:
    """Return the table of a new cluster, of what was given for it. Raises ConfigError.

    `ports` is None where not all of it runs on this machine, and so without a coordinator.
    """
    table = {"votes": ALL, **given}
    check(table)
    if table["votes"] == ACTIVE and ports is None:
        raise ConfigError(
            "votes active needs a coordinator, which says who votes; replicas on hosts of their "
            "own have none: leave it out"
        )
    return table
