"""What the replicas of one run were configured with, each for itself: times, pages, length of log.

Rules: all of it is drawn from the run's seed, a stream a replica; what replicas must agree on in
production (times) differs in few runs, since the handshake that refuses that is not played here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...cluster.timing import Timing
from ..draws import Draws
from ..hosting import Configured
from .parts import Pages

__all__ = ["LONG", "SHORT", "configured", "pages"]

SHORT = Timing(heartbeat=0.02, lease=0.12, election_min=0.6)
LONG = Timing().slow()
"""Times of replicas whose files somebody edited."""

ODD = 0.1
"""Chance that in a run replicas have times of their own from the start."""
TIMES = (None, None, SHORT, LONG)

ACCEPTED_PAGES = (1, 1, 300)
LEARNED_PAGES = (1, 100, 200, 400)
"""Bytes of a page, to draw from; with 1, each accepted value, entry or row is one."""


def configured(name: str, ids: Sequence[int], keeps: Sequence[int]) -> Mapping[int, Configured]:
    """Draw the files of a run: `keeps` are lengths of logs to draw from."""
    odd = Draws(name, "times").chance(ODD)

    def drawn(draws: Draws) -> Configured:
        return Configured(draws.choice(keeps), draws.choice(TIMES) if odd else None)

    return {me: drawn(Draws(name, "configured", me)) for me in ids}


def pages(name: str, ids: Sequence[int]) -> Mapping[int, Pages]:
    """Draw how large the pages are that each replica makes."""

    def drawn(draws: Draws) -> Pages:
        return Pages(draws.choice(ACCEPTED_PAGES), draws.choice(LEARNED_PAGES))

    return {me: drawn(Draws(name, "pages", me)) for me in ids}
