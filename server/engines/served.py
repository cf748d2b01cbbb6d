"""What a replica, and who gives it orders, may ask of its engine, whichever that is.

Rule: no protocol is named here: an engine fulfils it, and kinds.py says which engines there are.
"""

from __future__ import annotations

from typing import Protocol

from kvrmi.operations.interface import Engine

__all__ = ["CatchUpFailed", "Served"]


class CatchUpFailed(Exception):
    """An order was not carried out, or not yet; the text says which."""


class Served(Engine, Protocol):
    """An engine as its replica uses it."""

    @property
    def leader(self) -> int:
        """The replica that leads as far as known here, or 0."""
        ...

    def restore(self, peer: int) -> dict[str, object]:
        """Have this replica catch up with a peer; what came of it. Raises Fenced, CatchUpFailed."""
        ...

    def transfer(self, to: int) -> bool:
        """Hand leadership over; False if that took too long. Raises Fenced, CatchUpFailed."""
        ...

    def log(self, first: int | None, most: int) -> dict[str, object]:
        """List blocks of the log from slot `first` on, None: the last ones. Raises Fenced."""
        ...

    def why(self, key: str) -> dict[str, object]:
        """Find the decision that gave a key its value. Raises Fenced, CatchUpFailed."""
        ...

    def chain(self) -> dict[str, object]:
        """Compute the log's hash chain anew from the disk. Raises Fenced."""
        ...

    def tentative(self) -> dict[str, object]:
        """List what is accepted here and not known to be chosen. Raises Fenced."""
        ...

    def queue(self) -> dict[str, object]:
        """List the requests that are not answered yet, by what they wait for. Raises Fenced."""
        ...
