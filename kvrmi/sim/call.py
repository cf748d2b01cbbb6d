"""One request between simulated replicas, as the network carries it and a process serves it.

Rule: it says who asked whom, and as which incarnation; what becomes of it is its carriers' affair.
"""

from __future__ import annotations

from ..roles.contract import Address, Message

__all__ = ["Call"]


class Call:
    """One request on its way, and back."""

    def __init__(
        self, id: int, asker: Address, incarnation: int, to: Address, target: int, message: Message
    ) -> None:
        """`incarnation` is the asker's, `target` that of the role it is connected to."""
        self.id = id
        self.asker = asker
        self.incarnation = incarnation
        self.to = to
        self.target = target
        self.message = message
        self.arrived = False
        self.over = False
