"""Orders from the page: a command's line, as at the prompt, carried out by the same Admin.

Rules: only what fails, heals or starts something is an order; what would lose the quorum is asked
about first. Each order has a session of its own, so one that waits delays no other.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kvrmi.errors import InvalidRequest, KVError

from ...admin import Admin
from ...grammar.commands import parse
from ...grammar.lexer import split
from ...live.orders import Asks, carry_out
from ...options import Options

__all__ = ["ORDERS", "Asked", "give"]

ORDERS = frozenset(
    {"cut", "fail", "fail_link", "fix_link", "heal", "kill", "restart", "restore", "start", "stop",
     "transfer", "veto"}
)  # fmt: skip


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a page asks for: lines, in order; `agreed`: also if the quorum is lost."""

    lines: list[str]
    agreed: bool = False


def give(options: Options, asked: Asked) -> dict[str, Any]:
    """Carry out orders until one is refused or has to be asked about; what came of them."""
    said: list[str] = []
    try:
        for line in asked.lines:
            if parse(split(line)).name not in ORDERS:
                raise InvalidRequest(f"{line} is no order of this page")
        with options.connect() as store:
            admin = Admin(store, options.config, options.named)
            for line in asked.lines:
                outcome = carry_out(admin, line, asked.agreed)
                if isinstance(outcome, Asks):
                    return {"asks": outcome.lost, "said": said}
                said.append(outcome.text)
    except KVError as error:
        return {"refused": f"{error.code}: {error}", "said": said}
    return {"said": said}
