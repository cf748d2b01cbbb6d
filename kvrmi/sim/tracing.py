"""Makes the records of a run (seen.py) out of what its world, replicas and network do.

Rules: while nobody looks on it does nothing, and every id is 0; it draws and changes nothing.
What causes a message is known by the step that it came from, however long its records take to be
durable. It knows no role by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from functools import partial

from ..cluster.quorum import majority
from ..roles.contract import Address, Effects, Message, Role
from ..roles.declaration import Kind
from ..roles.events import Event, Observer
from .interface import Process, Surroundings
from .seen import Acted, Began, Fate, Happened, Left, Life, Links, Mail, Onlooker, Seen, State

__all__ = ["Tracing"]

NO_IDS: tuple[int, ...] = ()


class Tracing:
    """What one world shows to who looks on."""

    def __init__(
        self,
        world: Surroundings,
        onlooker: Onlooker | None,
        closed: Callable[[], Set[tuple[int, int]]],
    ) -> None:
        """`onlooker` None: nobody looks; `closed` gives the links on which nothing passes."""
        self._world = world
        self._onlooker = onlooker
        self._closed = closed
        self._last = 0
        self._handling = 0
        """The message that a role handles at this moment."""
        self._causes: dict[int, tuple[Effects, int]] = {}
        """Of steps whose messages have not left: by identity, which the reference keeps theirs."""
        self._open: dict[int, None] = {}
        self._states: dict[Address, dict[str, object]] = {}
        self._cuts: tuple[tuple[int, int], ...] = ()
        self._observers: dict[tuple[int, int], Observer] = {}
        self._kinds = {kind.name: kind for kind in world.declared.kinds}

    def began(self) -> None:
        """Show who is there."""
        if self._onlooker is not None:
            world = self._world
            self._show(Began(world.now, world.ids, tuple(world.declared.roles)))

    def ended(self) -> None:
        """Show what has no fate at the end."""
        for id in tuple(self._open):
            self.fate(id, "open")

    def happened(self, who: int | str, what: str, text: str) -> None:
        """Show what befell somebody."""
        if self._onlooker is not None:
            self._show(Happened(self._world.now, who, what, text))

    # --- messages -----------------------------------------------------------------------------

    def left(self, replica: Process, role: str, effects: Effects) -> Sequence[int]:
        """Show the messages of a step as they leave; an id for each."""
        if self._onlooker is None:
            return [0] * len(effects.messages)
        _, cause = self._causes.pop(id(effects), (effects, 0))
        mail = [self._mail(envelope.to, envelope.message) for envelope in effects.messages]
        if mail:
            self._show(Left(self._world.now, replica.address(role), cause, tuple(mail)))
        return [one.id for one in mail]

    def sent(self, sender: Address, to: Address, message: Message, cause: int = 0) -> int:
        """Show a message of no step: a host's; its id."""
        if self._onlooker is None:
            return 0
        mail = self._mail(to, message)
        self._show(Left(self._world.now, sender, cause, (mail,)))
        return mail.id

    def fate(self, id: int, fate: str, why: str = "") -> None:
        """Show what became of a message."""
        if id:
            if fate != "held":
                self._open.pop(id, None)
            self._show(Fate(self._world.now, id, fate, why))

    def handles(self, id: int, *, again: bool = False) -> None:
        """Show that a message reaches its role, whose next step it causes; 0: a wake call."""
        self._handling = id
        self.fate(id, "repeated" if again else "arrived")

    def _mail(self, to: Address, message: Message) -> Mail:
        self._last += 1
        self._open[self._last] = None
        return Mail(self._last, to, message)

    # --- roles --------------------------------------------------------------------------------

    def stepped(
        self, replica: Process, role: str, sender: Address, message: Message | None, step: Effects
    ) -> None:
        """Show the events that a step makes, and what its role is afterwards."""
        if self._onlooker is None:
            return
        if step.messages:
            self._causes[id(step)] = (step, self._handling)
        self._observer(replica).step(role)(sender, message, step)
        self._look_at(replica, role)

    def up(self, replica: Process, role: str) -> None:
        """Show that a role comes up."""
        if self._onlooker is not None:
            who = replica.address(role)
            self._show(Life(self._world.now, who, True, replica.incarnation[role]))
            self._states.pop(who, None)
            self._observer(replica).starts(role)
            self._look_at(replica, role)

    def down(self, replica: Process, role: str) -> None:
        """Show that a role goes down."""
        if self._onlooker is not None:
            who = replica.address(role)
            self._show(Life(self._world.now, who, False, replica.incarnation[role]))

    def _look_at(self, replica: Process, role: str) -> None:
        if role not in replica.roles:
            return
        who, fields = replica.address(role), reported(self._kinds[role], replica.roles[role])
        before = self._states.get(who, {})
        changed = {name: it for name, it in fields.items() if before.get(name, who) != it}
        if changed:
            self._states[who] = fields
            self._show(State(self._world.now, who, changed))

    def _observer(self, replica: Process) -> Observer:
        """Give what makes the events of this start of a process."""
        key = (replica.me, replica.starts)
        if key not in self._observers:
            world, happened = self._world, partial(self._acted, replica.me)
            quorum = majority(len(world.ids))
            made = world.declared.observing(replica.me, quorum, replica.clock, happened)
            self._observers[key] = made
        return self._observers[key]

    def _acted(self, me: int, event: Event) -> None:
        self._show(Acted(self._world.now, me, self._handling, event))

    def _show(self, seen: Seen) -> None:
        """Show something, and before it which links are cut, if that changed."""
        if self._onlooker is None:
            return
        cuts = tuple(sorted(self._closed()))
        if cuts != self._cuts:
            self._cuts = cuts
            self._onlooker(Links(self._world.now, cuts))
        self._onlooker(seen)


def reported(kind: Kind, role: Role) -> dict[str, object]:
    """Return what a role's status has, and as `about` what the log says of it when it starts."""
    fields: dict[str, object] = {}
    if kind.reports is not None:
        fields = dict(zip(kind.reports.names, kind.reports.values(role), strict=True))
    about = kind.about(role)
    return fields | {"about": about} if about else fields
