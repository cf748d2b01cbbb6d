"""The protocols that ship, by the name under which their runs are made.

Rule: the command line names a protocol, and nothing else here does: run, many and shrink take one.
"""

from __future__ import annotations

from .paxos.histories import PAXOS
from .protocol import Explored
from .twophase.histories import TWOPHASE

__all__ = ["PROTOCOLS"]

PROTOCOLS: dict[str, Explored] = {one.name: one for one in (PAXOS, TWOPHASE)}
