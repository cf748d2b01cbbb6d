"""Blocks of the log for operators: the same whether memory or the disk has their values."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kvrmi.operations.commands import encode_command
from kvrmi.operations.table import KEY_VALUE
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.log import Entry, pack_batch
from kvrmi.state.replicated import Replicated
from kvrmi.state.stored import learner_tables
from kvrmi.storage.interface import Clear
from kvrmi.storage.memory import MemoryStorage
from server.engines.blocks import blocks, why
from server.engines.served import CatchUpFailed


class Host:
    """A learner of nine entries, all of them on its disk."""

    def __init__(self) -> None:
        self.disk = MemoryStorage(learner_tables(KeyValues.tables))
        self.state = Replicated(KeyValues)
        for slot in range(1, 10):
            command = encode_command("put", (f"key {slot}", "v"), ("client", slot))
            self.state.append(Entry(slot, (3, 2), (1, 2, 3), pack_batch([command])))
        self.disk.write(self.state.take_records())

    def ask(self, question: Any) -> Any:
        it = SimpleNamespace(
            log=self.state.log, applied=9, state=self.state, snapshot=self.disk.snapshot
        )
        return question(it, 10.0)


@pytest.mark.parametrize(("first", "most"), [(1, 500), (4, 3), (None, 5), (9, 9), (12, 1)])
def test_at_rest_the_same_blocks_are_listed(first: int | None, most: int) -> None:
    host: Any = Host()
    before = blocks(host, KEY_VALUE, first, most)
    host.state.log.rest(0)
    assert host.state.log.first == 9
    assert blocks(host, KEY_VALUE, first, most) == before


def test_at_rest_the_same_decision_is_found() -> None:
    host: Any = Host()
    before: Any = why(host, "key 4")
    host.state.log.rest(0)
    assert why(host, "key 4") == before
    assert len(before["decision"]["hash"]) == 64


def test_a_disk_that_lacks_blocks_is_reported() -> None:
    host: Any = Host()
    host.state.log.rest(0)
    host.disk.write((Clear("log"),))
    with pytest.raises(CatchUpFailed, match="lacks slot 3"):
        blocks(host, KEY_VALUE, 3, 2)
