"""What keys mean: a replica is chosen, an order is put together, what is dangerous is agreed to.

Rules: an order is a command's line as it would be typed at the prompt, and is shown as such; what
it is for was chosen before and is seen. It knows no terminal, gives no order and asks nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

__all__ = ["HELP", "Agreed", "Keys", "Leave", "Order"]


class Order(NamedTuple):
    """A command's line is to be carried out."""

    line: str


class Agreed(NamedTuple):
    """What was asked is agreed to, or not."""

    yes: bool


class Leave(NamedTuple):
    """The user wants to leave."""


Meant: TypeAlias = Order | Agreed | Leave | None

_AT_ONCE = {"k": "KILL", "s": "STOP", "t": "START", "x": "TRANSFER"}
"""Orders that need a replica, and nothing besides."""

HELP = (
    "1-9, arrows   choose the replica that the next keys are for",
    "f p|a|l       fail its proposer, acceptor, learner; with 2pc f p its participant",
    "r p|a|l|r     restart that role; r r: the whole process",
    "k  s  t       kill its process, stop it cleanly, start it",
    "c N  h N      cut the link to replica N, heal it; h h: heal all links",
    "x             hand leadership to it",
    "Esc           none of these             ?  this list, and back       q  leave",
    "",
    "roles   P A L and how often each was started; A- is not up    lead  its leader",
    "lag     slots that others know to be chosen, and it has not applied",
    "cuts    3: both ways, >3: only to replica 3, <3: only from it",
    "ops/s   of its own clients, as p50 and p99; memory of its process",
    "strip   solid: the slowest quarter of each second, so a fail-over is a hole",
)
KEYS = "f fail  k kill  s stop  t start  r restart  c cut  h heal  ? more  q quit"
_NOBODY = "choose a replica first: its number, or an arrow"


class Keys:
    """Makes orders of keys; `say` is what the last key came to, for the foot of the picture."""

    def __init__(
        self, ids: Callable[[], Sequence[int]], roles: Callable[[], Sequence[str]]
    ) -> None:
        """`ids` and `roles` give those that there are now."""
        self.selected: int | None = None
        self.help = False
        self.say = ""
        self._ids = ids
        self._roles = roles
        self._next: Callable[[str], Meant] | None = None
        """What takes the next key, when one alone says too little."""

    @property
    def asking(self) -> bool:
        """Whether the next key is an answer."""
        return self._next is not None

    def ask(self, question: str) -> None:
        """Ask whether to go on; only y agrees."""
        self._wait(question, self._answer)

    def press(self, key: str) -> Meant:
        """Take a key: a character, "up", "down" or "escape"."""
        then, self._next = self._next, None
        if then is not None:
            self.say = ""
            return then(key)
        self.say = ""
        if key == "q":
            return Leave()
        if key == "?" or self.help:
            self.help = not self.help
            return None
        return self._first(key)

    def _first(self, key: str) -> Meant:
        if key in ("up", "down"):
            self._move(1 if key == "down" else -1)
        elif key.isdecimal():
            self._choose(int(key))
        elif key == "h":
            return self._begin_heal()
        elif key in (*_AT_ONCE, "f", "r", "c"):
            return self._of_chosen(key)
        elif key == "escape":
            self.selected = None
        elif key.isprintable():
            self.say = f"{key!r} means nothing here; ? lists the keys"
        return None

    def _of_chosen(self, key: str) -> Meant:
        if self.selected not in self._ids():
            self.say = _NOBODY
            return None
        one = self.selected
        if key in _AT_ONCE:
            return Order(f"{_AT_ONCE[key]} {one}")
        roles = ", ".join(f"{role[0]} {role}" for role in self._roles())
        if key == "f":
            self._wait(f"fail which role of replica {one}? {roles}", self._role("FAIL"))
        elif key == "r":
            question = f"restart what of replica {one}? {roles}, r the process"
            self._wait(question, self._role("RESTART"))
        else:
            self._wait(f"cut the link of replica {one} to which? its number", self._peer("CUT"))
        return None

    def _begin_heal(self) -> Meant:
        if self.selected in self._ids():
            question = f"heal the link of replica {self.selected} to which? its number; h all links"
            self._wait(question, self._peer("HEAL"))
            return None
        return Order("HEAL")

    def _role(self, verb: str) -> Callable[[str], Meant]:
        def take(key: str) -> Meant:
            if verb == "RESTART" and key == "r":
                return Order(f"RESTART {self.selected}")
            role = next((role for role in self._roles() if role[0] == key), None)
            return self._unless(role is None, f"{verb} {self.selected} {role}")

        return take

    def _peer(self, verb: str) -> Callable[[str], Meant]:
        def take(key: str) -> Meant:
            if verb == "HEAL" and key == "h":
                return Order("HEAL")
            known = key.isdecimal() and int(key) in self._ids()
            return self._unless(not known, f"{verb} {self.selected} {key}")

        return take

    def _answer(self, key: str) -> Meant:
        return Agreed(key in ("y", "Y"))

    def _unless(self, wrong: bool, line: str) -> Meant:
        if wrong:
            self.say = "nothing was done"
            return None
        return Order(line)

    def _wait(self, question: str, then: Callable[[str], Meant]) -> None:
        self.say, self._next = question, then

    def _choose(self, id: int) -> None:
        if id in self._ids():
            self.selected = id
        else:
            self.say = f"there is no replica {id}"

    def _move(self, by: int) -> None:
        ids = list(self._ids())
        if ids:
            at = ids.index(self.selected) + by if self.selected in ids else min(by, 0)
            self.selected = ids[at % len(ids)]
