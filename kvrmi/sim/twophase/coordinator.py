"""Who makes views in a run: lets replicas leave, and join again; its messages may be lost.

Rules: it gives each view its own number; who may leave is the rule of whoever makes views, and who
does is drawn. It knows nothing of transactions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...twophase.messages import Enter
from ...twophase.participant import Participant
from ...twophase.viewing import Report, following
from ...twophase.views import founding, joined

if TYPE_CHECKING:
    from ..draws import Draws
    from ..replica import Replica
    from ..world import World

__all__ = ["Coordinator"]

AGAIN = 0.3


class Coordinator:
    """Of one world."""

    def __init__(self, world: World) -> None:
        """Begin with the view of all."""
        self.view = founding(world.ids)
        self._world = world
        self._draws: Draws = world.draws("coordinator")
        self._lossy = True
        self._spread()

    def change(self) -> None:
        """Let somebody leave, or come back."""
        away = [id for id in self._world.ids if id not in self.view.ids]
        if away and self._draws.chance(0.5):
            self._join(self._draws.choice(away))
        else:
            leaver = self._draws.choice(self.view.ids)
            self.view = following(self.view, self._reports(), {leaver})
        self._world.trace("coordinator", f"view {self.view.number} of {self.view.ids}")

    def heal(self) -> None:
        """Have everybody back, and all know that."""
        self._lossy = False
        for id in self._world.ids:
            if id not in self.view.ids:
                self._join(id)

    def knows(self, replica: Replica) -> bool:
        """Whether a replica knows since when it is the member that it is."""
        participant, member = replica.role(Participant), self.view.member(replica.me)
        known = participant.view.member(replica.me) if participant else None
        return member is not None and known == member

    def _reports(self) -> dict[int, Report]:
        """Ask all members."""
        found = ((id, self._world.replicas[id].role(Participant)) for id in self.view.ids)
        return {id: Report.of(it.standing) for id, it in found if it is not None}

    def _join(self, id: int) -> None:
        self.view = joined(self.view, id)

    def _spread(self) -> None:
        for replica in self._world.replicas.values():
            if replica.up and not (self._lossy and self._draws.chance(0.5)):
                replica.deliver("participant", Enter(self.view))
        self._world.after(AGAIN, self._spread)
