"""Who votes: numbered views, each made by one.

Rules: two views of one number are the same; a member that left and came back is one since the later
number. Whoever makes views keeps their numbers rising; nothing here does. It knows no message.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec.msgpack import Decoder, encode

from ..operations.definition import UNREADABLE
from ..storage.interface import Corrupt, Number

__all__ = ["FOUNDING", "Member", "View", "founding", "joined", "left", "pack", "unpack"]

FOUNDING = 1
"""Number of the view that every cluster begins with."""


class Member(NamedTuple):
    """A replica that is member since a view's number; `disk`: what replaced a lost one, or ""."""

    replica: Number
    since: Number
    disk: str = ""


class View(NamedTuple):
    """Who votes."""

    number: Number
    members: tuple[Member, ...]

    @property
    def ids(self) -> tuple[int, ...]:
        """The members."""
        return tuple(member.replica for member in self.members)

    def member(self, replica: int) -> Member | None:
        """Find a member; None if it is none."""
        return next((member for member in self.members if member.replica == replica), None)

    def since(self, number: int) -> tuple[int, ...]:
        """List who was in view `number` and never left."""
        return tuple(member.replica for member in self.members if member.since <= number)


def founding(ids: Iterable[int]) -> View:
    """Make the first view."""
    return View(FOUNDING, tuple(Member(id, FOUNDING) for id in ids))


def left(view: View, replica: int) -> View:
    """Make the next view, without that member."""
    rest = tuple(member for member in view.members if member.replica != replica)
    return View(view.number + 1, rest)


def joined(view: View, replica: int, disk: str = "") -> View:
    """Make the next view, in which a replica is a member anew, on that disk."""
    number = view.number + 1
    members = (*left(view, replica).members, Member(replica, number, disk))
    return View(number, tuple(sorted(members)))


_DECODER = Decoder(View)


def pack(view: View) -> bytes:
    """Make its bytes on a disk."""
    return encode(view)


def unpack(data: bytes) -> View:
    """Read it back. Raises Corrupt."""
    try:
        return _DECODER.decode(data)
    except UNREADABLE as error:
        raise Corrupt("the stored view is malformed") from error
