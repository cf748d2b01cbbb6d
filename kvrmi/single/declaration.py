"""The engine of one process, declared: a writer and a store, which no other process can address.

Rule: neither is a role that operators see: nothing of it listens, votes or leads.
"""

from __future__ import annotations

from ..roles.contract import Message
from ..roles.declaration import (
    Declaration,
    Disk,
    Kind,
    Presence,
    Reports,
    Serving,
    Setting,
    Stored,
    Voting,
    there,
)
from ..state.history import History
from ..state.keyvalue import KeyValues
from ..state.machine import StateMachine
from ..state.replicated import Replicated
from ..state.stored import learner_tables
from .messages import WriterUp
from .store import Store
from .writer import TABLES as WRITER_TABLES
from .writer import Writer

__all__ = ["SINGLE", "declare"]


def declare(machine: type[StateMachine]) -> Declaration:
    """Declare a store with such a machine."""

    def store(setting: Setting, storage: Stored | None, now: float) -> Store:
        disk = there(storage)
        history = History(setting.history, disk.snapshot)
        state = Replicated.load(disk, machine, setting.keep, history=history)
        return Store(setting.me, state, disk.snapshot)

    return Declaration(
        name="single",
        format=1,
        machine=machine,
        kinds=(
            Kind(
                "store",
                store,
                Disk("store.db", learner_tables(machine.tables), behind=True),
                vital=True,
                reports=Reports(("applied", "revision", "keys", "digest"), _reported),
                last=Store.flush,
            ),
            Kind("writer", _writer, Disk("writer.db", WRITER_TABLES), vital=True),
        ),
        daemons=(),
        messages=(),
        requests={},
        voter=Voting("writer", lambda _: True, lambda _: False),
        serving=Serving(leader=False),
        informed=_informed,
    )


def _writer(setting: Setting, storage: Stored | None, now: float) -> Writer:
    return Writer(there(storage))


def _informed(now: Presence) -> tuple[tuple[str, Message], ...]:
    return (("store", WriterUp()),) if now.up["writer"] else ()


def _reported(store: Store) -> tuple[object, ...]:
    state = store.state
    return store.applied, state.revision, state.keys, state.digest


SINGLE = declare(KeyValues)
