"""The table of README that says what each engine has: made of what the engines themselves say.

Rule: each operation that an engine may lack, and each of its orders, is in a row or is no command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple
from unittest.mock import Mock

from kvrmi.cluster.chaos import FAILED, GROUPS
from server.engines.kinds import ENGINES, EngineKind
from server.engines.served import Served
from server.offline.contents import READERS
from server.offline.stopped import KIND as RECOVERED

NO_COMMANDS = {"enter", "moment"}
"""Orders of the coordinator and of the lab."""


class Seen(NamedTuple):
    """An engine as it is declared, and made."""

    name: str
    kind: EngineKind
    made: Served


Cell = Callable[[Seen], str]


def seen() -> list[Seen]:
    return [Seen(name, kind, made(kind)) for name, kind in ENGINES.items()]


def made(kind: EngineKind) -> Served:
    """Make what serves clients, of parts that are never asked."""
    given = {"endpoints": "127.0.0.1:2379"} if kind.configured else {}
    cluster = Mock(settings=kind.founded(given))
    parts = (Mock(), Mock(), 1.0, Mock(), Mock(), kind.vocabulary)
    return kind.serving(cluster)(1, {role: Mock() for role in kind.declared.roles}, *parts)


def yes(has: bool) -> str:
    return "yes" if has else ""


def operation(name: str) -> Cell:
    return lambda engine: yes(name in engine.made.capabilities)


def order(name: str) -> Cell:
    return lambda engine: yes(getattr(engine.made.actions, name) is not None)


def failed(engine: Seen) -> str:
    groups = FAILED[engine.name].groups if engine.name in FAILED else ()
    return yes(True) if groups == GROUPS else ", ".join(groups)


def roles(engine: Seen) -> str:
    return ", ".join(engine.kind.declared.daemons)


OPERATIONS = {"history": "`HISTORY`", "get_at": "`GET --at`", "outcome": "`OUTCOME`"}
ORDERS = {
    "log": "`LOG`",
    "chain": "`CHAIN VERIFY`",
    "why": "`WHY`",
    "tentative": "`printBlockchain`",
    "queue": "`printQueue`",
    "transfer": "`TRANSFER`",
    "restore": "`RESTORE`",
    "veto": "`VETO`",
}
ROWS: dict[str, Cell] = {
    **{shown: operation(name) for name, shown in OPERATIONS.items()},
    **{shown: order(name) for name, shown in ORDERS.items()},
    "`FAIL` and `RESTART` of a role": roles,
    "`CUT`, `HEAL`, `LINKS`, `failLink`, `fixLink`, `server id reconnect`": lambda engine: yes(
        bool(engine.kind.declared.requests)
    ),
    "`--demo`": lambda engine: yes(bool(engine.kind.demo)),
    "`--chaos`, `nemesis --attach`": failed,
    "`inspect` of a stopped replica's folder": lambda engine: yes(engine.name in READERS),
    "`export` of such a folder": lambda engine: yes(
        any(disk.tables for disk in engine.kind.declared.disks.values())
    ),
    "`recover`": lambda engine: yes(engine.kind is RECOVERED),
}


def table() -> Iterator[str]:
    engines = seen()
    yield f"\n| | {' | '.join(f'`{one.name}`' for one in engines)} |"
    yield f"| --- |{' --- |' * len(engines)}"
    for shown, cell in ROWS.items():
        yield f"| {shown} | {' | '.join(map(cell, engines))} |".replace("  ", " ")
