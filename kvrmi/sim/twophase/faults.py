"""Faults in a row, at the moment when one rule stands between transactions and two outcomes.

Rule: as those of any protocol (kvrmi/sim/faults.py): drawn beforehand, each with draws of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ...roles.contract import Address, Message
from ...twophase.messages import Go, Prepare
from ..faults import Fault, Strike

if TYPE_CHECKING:
    from ..replica import Replica

__all__ = ["ADVERSARIES"]

_DOUBT_SECONDS = 2.5
"""Until participants that have voted are in doubt and have asked each other."""


def _withhold(strike: Strike) -> None:
    """Stop a manager when it has asked; one is asked when the others are in doubt."""
    network, world = strike.world.network, strike.world
    late = strike.any().me

    def catch(sender: Address, to: Address, message: Message, arrive: Callable[[], None]) -> str:
        if not isinstance(message, Prepare) or to.replica != late or sender.replica == late:
            return ""
        network.catch = lambda *_: ""
        manager = world.replicas[sender.replica]
        manager.pause()
        world.after(_DOUBT_SECONDS, arrive)
        world.after(_DOUBT_SECONDS + 0.2, manager.resume)
        return "held"

    network.catch = catch


def _behead(strike: Strike) -> None:
    """Kill a manager when its participant has recorded a commit, and one other heard of it."""
    network, world = strike.world.network, strike.world

    def catch(sender: Address, to: Address, message: Message, arrive: Callable[[], None]) -> str:
        if not isinstance(message, Go) or sender.role != "manager":
            return ""
        network.catch = lambda *_: ""
        world.after(0.0, partial(_kill, strike, world.replicas[sender.replica]))
        return ""

    network.catch = catch


def _kill(strike: Strike, replica: Replica) -> None:
    if not strike.over():  # else nobody would start it again
        strike.kill(replica)


ADVERSARIES: dict[str, Fault] = {"behead": _behead, "withhold": _withhold}
"""By the names that profiles use."""
