"""Orders from the page: lines as at the prompt, and what the prompt has no word for.

Rules: only what fails, heals or starts something is an order; all lines are understood before the
first is carried out, and what they would lose together is asked about first. What takes something
away waits until what did so before is done, whichever page asked: else two orders that each leave
a majority could lose it unasked. Nothing else waits: each call has a session of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import msgspec

from kvrmi.access.links import Pair, described, named
from kvrmi.access.losing import RISKY, losing_all
from kvrmi.errors import InvalidRequest, KVError

from ...admin import Admin
from ...grammar.commands import parse
from ...grammar.lexer import split
from ...options import Options
from .deeds import DEEDS, Deed, Deeds

__all__ = ["ORDERS", "Asked", "give"]

ORDERS = frozenset(
    {"cut", "fail", "fail_link", "fix_link", "heal", "kill", "restart", "restore", "start", "stop",
     "transfer", "veto"}
)  # fmt: skip
LINES = 100


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a page asks for: lines, in order; `agreed`: also if the quorum is lost."""

    lines: list[str]
    agreed: bool = False


class _Order(NamedTuple):
    """One line, understood: what it does, and what it risks as an order of the prompt would."""

    act: Callable[[], str]
    risk: tuple[str, Sequence[Any]] | None
    cuts: Sequence[Pair] = ()
    """Links that it cuts, if that is what it does."""
    heals: Sequence[Pair] = ()


def give(options: Options, taking: AbstractContextManager[object], asked: Asked) -> dict[str, Any]:
    """Carry out orders until one is refused, or ask about all; what came of them.

    `taking`, one for all pages, is held from the look at what would be lost until it is gone.
    """
    said: list[str] = []
    try:
        if len(asked.lines) > LINES:
            raise InvalidRequest(f"at most {LINES} orders at a time")
        with options.connect() as store:
            admin = Admin(store, options.config, options.named)
            deeds = Deeds(options, admin, store)
            orders = [_understood(admin, deeds, line) for line in asked.lines]
            risks = [order.risk for order in orders if order.risk is not None]
            with taking if risks else nullcontext():
                lost = losing_all(admin.status(), risks) if risks and not asked.agreed else None
                if lost is not None:
                    return {"asks": lost, "said": said}
                said += [order.act() for order in orders]
            said = _together(orders, said, admin)
    except KVError as error:
        return {"refused": f"{error.code}: {error}", "said": said}
    return {"said": said}


def _understood(admin: Admin, deeds: Deeds, line: str) -> _Order:
    """Make an order of a line. Raises InvalidRequest."""
    word, *rest = line.split()[:3] or [""]
    if word in DEEDS:
        return _deed(deeds, DEEDS[word], line, rest)
    command = parse(split(line))
    name, args = command.name, command.args
    if name not in ORDERS:
        raise InvalidRequest(f"{line} is no order of this page")
    risk = (name, args) if name in RISKY else None
    if args and args[-1] is False:
        args = (*args[:-1], True)  # it was asked about before
    return _Order(lambda: admin.order(name, args).text, risk, *_ways(name, args))


def _ways(name: str, args: Sequence[Any]) -> tuple[Sequence[Pair], Sequence[Pair]]:
    """List the links that an order cuts, and those that it heals."""
    if name not in ("cut", "fail_link", "heal") or len(args) < 2:
        return (), ()
    one, other = int(args[0]), int(args[1])
    both = [(one, other), (other, one)]
    if name == "heal":
        return (), both
    return (both if name == "cut" or args[2] else both[:1]), ()


def _together(orders: Sequence[_Order], said: list[str], admin: Admin) -> list[str]:
    """Say in one sentence what several orders did to links."""
    if len(orders) > 1 and all(order.heals for order in orders):
        return [f"healed: {named(pair for order in orders for pair in order.heals)}"]
    if len(orders) < 2 or not all(order.cuts for order in orders):
        return said
    ids = [one["id"] for one in admin.status()["replicas"]]
    return [described((pair for order in orders for pair in order.cuts), ids)]


def _deed(deeds: Deeds, deed: Deed, line: str, numbers: Sequence[str]) -> _Order:
    if len(numbers) != deed.numbers or not all(one.isascii() and one.isdigit() for one in numbers):
        raise InvalidRequest(f"{line} is no order of this page")
    ids = [int(one) for one in numbers]
    return _Order(lambda: deed.act(deeds, *ids), ("kill", ids) if deed.takes_away else None)
