"""A gateway to etcd, declared: a process with a folder that says whose it is, and nothing in it.

Rule: it has no state, so there is nothing to lose and nothing to restore; one gateway serves. The
machine that it declares is never made: etcd does what that would.
"""

from __future__ import annotations

from typing import Any

from kvrmi.roles.contract import NOTHING, Address, Effects
from kvrmi.roles.declaration import Declaration, Disk, Kind, Serving, Setting, Stored, Voting
from kvrmi.state.keyvalue import KeyValues

__all__ = ["GATEWAY"]


class Gateway:
    """A role that has nothing to do: etcd does it."""

    def receive(self, now: float, sender: Address, message: Any) -> Effects:
        """Nobody sends anything."""
        return NOTHING

    def wake(self, now: float) -> Effects:
        """Nothing is ever due."""
        return NOTHING


def _gateway(setting: Setting, storage: Stored | None, now: float) -> Gateway:
    return Gateway()


GATEWAY = Declaration(
    name="etcd",
    format=1,
    machine=KeyValues,
    kinds=(Kind("gateway", _gateway, Disk("gateway.db", {})),),
    daemons=(),
    messages=(),
    requests={},
    voter=Voting("gateway", lambda _: True, lambda _: False),
    serving=Serving(votes=lambda replicas: 1, leader=False),
)
