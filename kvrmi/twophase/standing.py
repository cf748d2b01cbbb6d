"""What a participant keeps of itself: its view, whether its store is whole, and its numbers.

Rules: views only go up; a store is whole in a view if it was in an older one and its replica has
been a member ever since, or if it was fetched. It knows no message.
"""

from __future__ import annotations

from typing import NamedTuple, Self

from msgspec.msgpack import Decoder, encode

from ..operations.definition import UNREADABLE
from ..storage.interface import Corrupt, Put, Tables
from .views import View

__all__ = ["ROW", "TABLE", "Standing"]

TABLE: Tables = {"participant": str}
ROW = ("participant", "standing")
"""Where it stands on the disk."""
_FORMAT = 1
_PER_VIEW = 1 << 12
"""Starts of a manager between two of its memberships; more may be, only a lost disk minds."""
_COUNTER_BITS = 32


class _Stored(NamedTuple):
    format: int
    view: View
    whole: int
    epoch: int
    origin: int


_DECODER = Decoder(_Stored)


class Standing(NamedTuple):
    """`whole`: the latest view in which its store lacks nothing, -1 on a new disk after a loss.

    `epoch`: starts of its manager. `origin`: the first number that a manager on this disk gave.
    `disk` is the one that it has, if that took the place of a lost one.
    """

    me: int
    view: View
    whole: int
    epoch: int = 0
    origin: int = 0
    disk: str = ""

    @property
    def member_since(self) -> int | None:
        """Since which view it is a member; None: it is none, or on a disk that is gone."""
        member = self.view.member(self.me)
        if member is None or (self.whole < 0 and member.disk != self.disk):
            return None
        return member.since

    @property
    def votes(self) -> bool:
        """It is a member, and has the whole store."""
        since = self.member_since
        return since is not None and since <= self.whole

    @property
    def returning(self) -> bool:
        """It is a member, and must fetch the store first."""
        return self.member_since is not None and not self.votes

    def adopt(self, view: View) -> Self:
        """Take a newer view over."""
        newer = self._replace(view=view)
        since = newer.member_since
        whole = since is not None and since <= self.whole
        return newer._replace(whole=view.number) if whole else newer

    def fetched(self) -> Self:
        """Take note that the store of this view is here."""
        first = self.origin if self.whole >= 0 else self._floor << _COUNTER_BITS
        return self._replace(whole=self.view.number, origin=first)

    def next_epoch(self) -> Self:
        """Begin a manager's numbers: above all that it gave, also on a disk that was lost."""
        return self._replace(epoch=max(self.epoch + 1, self._floor))

    @property
    def _floor(self) -> int:
        return _PER_VIEW * (self.member_since or 0)

    @property
    def first(self) -> int:
        """The first number of the manager that runs."""
        return self.epoch << _COUNTER_BITS

    def record(self) -> Put:
        """Make its record."""
        stored = _Stored(_FORMAT, self.view, self.whole, self.epoch, self.origin)
        return Put(*ROW, encode(stored))

    @classmethod
    def load(cls, me: int, row: bytes | None, founding: View, disk: str, lost: bool) -> Self:
        """Read it back; without a row it is that of a new disk. Raises Corrupt."""
        if row is None:
            return cls(me, founding, -1 if lost else founding.number, disk=disk)
        try:
            stored = _DECODER.decode(row)
            if stored.format != _FORMAT:
                raise ValueError(f"format {stored.format}")
        except UNREADABLE as error:
            raise Corrupt("the participant's own record is malformed") from error
        return cls(me, *stored[1:], disk=disk)
