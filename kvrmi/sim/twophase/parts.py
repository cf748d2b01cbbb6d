"""What a simulated replica is made of: the production roles, on an honest host.

Rule: a planted bug (bugs.py) replaces one class here, from outside; production code knows nothing
of that.
"""

from __future__ import annotations

from collections.abc import Callable

from ...cluster.timing import Timing
from ...twophase import parts
from ...twophase.declaration import declare
from ..draws import Draws
from ..hosting import Host
from ..seen import Onlooker
from ..world import DRIFT, Simulated, World
from .monitor import Monitor

__all__ = ["Parts", "make_world"]


class Parts(parts.Parts):
    """The roles of a replica, and how its host treats them."""

    timing: Timing = Timing()
    host: Host = Host()
    page_bytes: int = 60
    """So small that these small stores come in several pages."""

    @property
    def simulated(self) -> Simulated:
        """Give the protocol as it is made of these."""
        return Simulated(declare(self), Monitor, self.timing, self.host)


def make_world(
    seed: str,
    replicas: int,
    parts: Parts,
    onlooker: Onlooker | None = None,
    *,
    drift: float = DRIFT,
    draws: Callable[..., Draws] = Draws,
) -> World:
    """Make a world in which this protocol runs; `drift` and `draws` as World has them."""
    return World(seed, replicas, parts.simulated, drift=drift, draws=draws, onlooker=onlooker)
