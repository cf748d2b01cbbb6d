"""Where clients come in: what a replica opens when it serves, and cuts when it stops.

Rule: this is a shape and nothing else; whatever has it can stand in a replica's list of endpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kvrmi.remote.listener import Client


class Endpoint(Protocol):
    """One way in, on a port of its own."""

    @property
    def alive(self) -> bool:
        """False once it serves nobody any more, though nobody cut it."""
        ...

    @property
    def connections(self) -> int:
        """How many are open."""
        ...

    @property
    def clients(self) -> Sequence[Client]:
        """The connections whose clients have a name, the oldest first."""
        ...

    def open(self) -> None:
        """Listen and serve. Raises OSError."""
        ...

    def cut(self) -> None:
        """Close the listener and every connection, at once."""
        ...
