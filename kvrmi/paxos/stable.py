"""What an acceptor keeps in stable storage: one row of state, and one for each accepted value.

Rule: every row begins with a format version. It decides nothing, and knows no disk.
"""

from __future__ import annotations

import struct

from msgspec import Struct

from ..roles.invariants import require
from ..storage.interface import Corrupt, Put
from .ballot import NO_BALLOT, Ballot

__all__ = ["TABLES", "State", "accepted_row", "read_accepted"]

TABLES: dict[str, type[int | str]] = {"accepted": int, "acceptor": str}

_STATE = struct.Struct(">BQIQQIBQIQd")
_BALLOT = struct.Struct(">BQI")
_VERSION = 1


class State(Struct, frozen=True):
    """The one row an acceptor keeps beside its accepted values.

    `promised` never falls; `writes` counts durable writes and never falls; slots up to `truncated`
    are chosen and forgotten; `stage` is where a lost acceptor stands in its rejoin (see rejoin.py);
    `chosen` was announced by the owner of `chosen_at`; `hold` is how many seconds after a start a
    grant of an earlier run may still bind, under the times of that run.
    """

    promised: Ballot = NO_BALLOT
    writes: int = 0
    truncated: int = 0
    epoch: int = 1
    stage: int = 0
    chosen_at: Ballot = NO_BALLOT
    chosen: int = 0
    hold: float = 0.0

    def pack(self) -> bytes:
        """One row's bytes."""
        return _STATE.pack(
            _VERSION,
            *self.promised,
            self.writes,
            self.truncated,
            self.epoch,
            self.stage,
            *self.chosen_at,
            self.chosen,
            self.hold,
        )

    @classmethod
    def unpack(cls, data: bytes) -> State:
        """Read it back. Raises Corrupt."""
        if len(data) != _STATE.size:
            raise Corrupt(f"the acceptor's state has {len(data)} bytes")
        version, round_, owner, writes, truncated, epoch, stage, *rest = _STATE.unpack(data)
        require(
            version == _VERSION,
            f"acceptor state has format {version}, expected {_VERSION}",
        )
        chosen_at = Ballot(rest[0], rest[1])
        return cls(Ballot(round_, owner), writes, truncated, epoch, stage, chosen_at, *rest[2:])


def accepted_row(slot: int, ballot: Ballot, value: bytes) -> Put:
    """Make the row of a value accepted in `slot` at `ballot`."""
    return Put("accepted", slot, _BALLOT.pack(_VERSION, *ballot) + value)


def read_accepted(data: bytes) -> tuple[Ballot, bytes]:
    """Read an accepted value's row: its ballot, and the value."""
    version, round_, owner = _BALLOT.unpack_from(data)
    require(version == _VERSION, f"accepted value has format {version}")
    return Ballot(round_, owner), data[_BALLOT.size :]
