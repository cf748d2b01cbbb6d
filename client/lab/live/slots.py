"""Why a slot has its value, as far as the log of the cluster says.

Rules: the leader is asked first, since who accepted is known where it was counted; then the others,
until one has the slot. It changes nothing.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from kvrmi.access.admins import Admins
from kvrmi.errors import ConnectionFailed, KVError

from ...admins import admins_of
from ...options import Options

__all__ = ["Slot", "explain"]


class Slot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which slot is asked about, and who leads as far as the page knows."""

    slot: Annotated[int, msgspec.Meta(ge=1)]
    leader: int | None = None


def explain(options: Options, asked: Slot) -> dict[str, Any]:
    """Find the block of a slot: ballot, acceptors, commands; or why it is not known."""
    try:
        with options.connect() as store:
            return _found(admins_of(store, options.config, options.named), asked)
    except KVError as error:
        return {"refused": f"{error.code}: {error}"}


def _found(admins: Admins, asked: Slot) -> dict[str, Any]:
    first = [asked.leader] if asked.leader in admins.ids else []
    block: dict[str, Any] = {}
    for replica in (*first, *(one for one in admins.ids if one not in first)):
        try:
            blocks = admins.replica(replica, "log", asked.slot, 1)["blocks"]
        except ConnectionFailed:
            continue
        if blocks and blocks[0]["slot"] == asked.slot:
            block = block or blocks[0]
            if blocks[0]["acceptors"]:
                return {"block": blocks[0]}
    if not block:
        return {"refused": f"slot {asked.slot} is not decided yet, or no log keeps it any more"}
    return {"block": block}
