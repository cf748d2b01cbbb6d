"""How fast a cluster is: its times, and the relations between them that safety rests on.

Rule: times that exist have been checked against each other. It reads no clock.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from .checks import ConfigError

__all__ = ["Timing"]

_ANSWER_MAX = 3.0
"""Seconds within which a server has promised its clients an answer."""


@dataclasses.dataclass(frozen=True, slots=True)
class Timing:
    """Times in seconds, and the relations between them that leases and elections rest on."""

    heartbeat: float = 0.1
    """Between two signs of life of the leader."""
    lease: float = 0.5
    """How long a grant binds an acceptor."""
    drift: float = 0.02
    """By how much, as a fraction, two clocks may differ in rate."""
    margin: float = 0.05
    election_min: float = 0.7
    election_max: float = 1.2
    """Silence of the leader that makes a replica a candidate: drawn anew each time."""
    answer: float = 0.25
    """A peer's answer that takes longer closes its connection."""
    connect: float = 0.2
    request: float = 2.5
    """What a client's request may take before its outcome is reported."""
    quiet: float = 3.0
    """Without trouble before leadership goes back to a replica of higher priority."""
    acceptor_grace: float = 2.0
    """What a leader waits for its own failed acceptor before it hands over."""
    backoff_min: float = 0.05
    backoff_max: float = 0.3
    backoff_cap: float = 2.0
    """After a lost election: drawn from min to max, doubled each time, up to the cap."""

    def __post_init__(self) -> None:
        """Refuse times that break a relation. Raises ConfigError."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if type(value) not in (int, float) or not 0 <= value < 1e6:
                raise ConfigError(f"timing: {field.name} is not a number of seconds: {value!r}")
            object.__setattr__(self, field.name, float(value))  # 1 is 1.0, also when compared
        for holds, relation in self._relations():
            if not holds:
                raise ConfigError(f"timing: {relation} does not hold")

    @property
    def usable_lease(self) -> float:
        """Seconds that a leader may rely on a lease, counted from before it asked for it."""
        return self.lease * (1 - self.drift) - self.margin

    @property
    def hold(self) -> float:
        """Seconds that a started acceptor promises nothing: a grant it forgot has then ended."""
        return self.lease * (1 + self.drift)

    @property
    def unusual(self) -> str:
        """Name the times that are not the default ones, for messages: `lease 0.6`."""
        default = Timing()
        names = [field.name for field in dataclasses.fields(self)]
        changed = [name for name in names if getattr(self, name) != getattr(default, name)]
        return ", ".join(f"{name} {getattr(self, name):g}" for name in changed) or "default times"

    def slow(self) -> Timing:
        """Make the profile for a slow machine: heartbeat, lease and elections times three."""
        return dataclasses.replace(
            self,
            heartbeat=3 * self.heartbeat,
            lease=3 * self.lease,
            election_min=3 * self.election_min,
            election_max=3 * self.election_max,
        )

    def _relations(self) -> Iterable[tuple[bool, str]]:
        yield self.heartbeat > 0, "heartbeat > 0"
        yield 5 * self.heartbeat <= self.lease * (1 + 1e-9), "heartbeat <= lease / 5"
        yield 5 * self.heartbeat <= self.election_min, "5 * heartbeat <= election_min"
        yield self.lease <= self.election_min, "lease <= election_min"
        yield self.election_min <= self.election_max, "election_min <= election_max"
        yield self.drift < 1, "drift < 1"
        yield self.usable_lease < self.lease, "drift > 0 or margin > 0"
        yield self.usable_lease > self.heartbeat, "lease * (1 - drift) - margin > heartbeat"
        yield 0 < self.answer < self.election_min / 2, "0 < answer < election_min / 2"
        yield 0 < self.connect < self.election_min / 2, "0 < connect < election_min / 2"
        yield self.answer < self.request < _ANSWER_MAX, f"answer < request < {_ANSWER_MAX:g}"
        yield 0 < self.backoff_min <= self.backoff_max, "0 < backoff_min <= backoff_max"
        yield self.backoff_max <= self.backoff_cap, "backoff_max <= backoff_cap"
