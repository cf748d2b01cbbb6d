"""Another state machine in server processes, and a newer version of one that follows an older."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, ClassVar

import Pyro5.api
import pytest

import kvrmi
from kvrmi.access.store import Store
from kvrmi.cluster import naming
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.members import members
from kvrmi.cluster.timing import Timing
from kvrmi.operations.definition import define
from kvrmi.operations.vocabulary import Vocabulary
from kvrmi.paxos.declaration import declare
from kvrmi.paxos.parts import Parts
from kvrmi.state.machine import StateMachine
from server.engines.kinds import ENGINES, EngineKind
from server.engines.paxos import PaxosEngine
from server.folder import FolderRefused, format_folder, open_folder
from server.ports import free_block
from server.replica import Replica
from server.status import describe
from tests.server.stubs import Fatal, until
from tests.state.counter import AMOUNT, NUMBER, NUMBERS, Counters

pytestmark = pytest.mark.live

SECRET = b"x" * 64
IDS = (1, 2, 3)
TIMES = AMOUNT._replace(name="times", default=1, added=2)


class NewerCounters(Counters):
    """Can also add many times at once, and begin anew."""

    vocabulary: ClassVar[Vocabulary] = Vocabulary(
        "counting",
        (
            define("add", 100, (NUMBER, AMOUNT, TIMES), "what it counts then"),
            define("total", 101, (NUMBERS,), "the sum of these counters", reads=True),
            define("reset", 102, (NUMBER,), "what it counted", since=2),
        ),
    )

    def apply(self, opcode: int, args: bytes, revision: int) -> object:
        known = self.vocabulary.by_opcode[opcode]
        number, *rest = known.decode(args)
        before = self.counted(number)
        if known.name == "reset":
            self.count(revision, number, -before)
            return before
        amount, times = rest
        return self.count(revision, number, amount * times)


def kind_of(machine: type[Counters]) -> EngineKind:
    class CountingParts(Parts):
        machines: type[StateMachine] = machine

    return EngineKind(declare(CountingParts()), PaxosEngine)


OLD, NEW = kind_of(Counters), kind_of(NewerCounters)


class Running:
    """A cluster of three, each replica of an engine of its own."""

    def __init__(self, data: Path, undo: ExitStack) -> None:
        self._data = data
        self._undo = undo
        base = free_block("127.0.0.1", 15, random.Random())
        roles = OLD.declared.daemons
        disks = {
            i: format_folder(data / f"replica{i}", OLD.declared, "c", i, recovering=False)
            for i in IDS
        }
        listed = tuple(
            dataclasses.replace(member, disk=disks[member.id])
            for member in members(3, "127.0.0.1", base, roles)
        )
        self._cluster = Cluster(
            "t", "c", "paxos", "127.0.0.1:9", "127.0.0.1:8", listed, Timing(), None
        )
        self.replicas: dict[int, Replica] = {}
        undo.callback(self.stop, *IDS)

    def start(self, kind: EngineKind, *ids: int) -> None:
        for me in ids:
            with ExitStack() as undo:
                folder = open_folder(self._data / f"replica{me}", "c", me, kind.declared)
                undo.callback(folder.close)
                replica = Replica(self._cluster, me, folder, SECRET, Fatal(), kind)
                undo.pop_all()
            replica.start()
            self.replicas[me] = replica

    def stop(self, *ids: int) -> None:
        for me in ids:
            if me in self.replicas:
                self.replicas.pop(me).stop()

    def restart(self, kind: EngineKind, *ids: int) -> None:
        self.stop(*ids)
        self.start(kind, *ids)

    def ask(self, replica: int, method: str, *args: object) -> Any:
        """Call the remote object as any client does; None while that replica does not serve."""
        member = self._cluster.member(replica)
        proxy = Pyro5.api.Proxy(f"PYRO:{naming.kvstore(replica)}@{member.host}:{member.client}")
        proxy._pyroTimeout = 5
        with proxy, suppress(RuntimeError, TimeoutError):
            return getattr(proxy, method)(*args)

    def connect(self, kind: EngineKind) -> Store:
        addresses = [f"{member.host}:{member.client}" for member in self._cluster.members]
        return kvrmi.connect(addresses=addresses, vocabulary=kind.vocabulary)

    def digests(self) -> list[object]:
        return [describe(self.replicas[me])["digest"] for me in sorted(self.replicas)]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with ExitStack() as undo:
        yield Running(tmp_path, undo)


def test_a_newer_version_takes_over_once_it_has_the_majority(running: Running) -> None:
    running.start(OLD, *IDS)
    until(lambda: running.ask(1, "add", 7, 5, ["c", 1]) == 5, 15)
    until(lambda: running.ask(2, "total", [7, 8]) == 5, 10)
    with pytest.raises(ValueError, match="INVALID: there is no operation 'put', only add, "):
        running.ask(2, "call", "put", ["k", "v"])
    log = running.replicas[1].engine.actions.log
    assert log is not None
    until(lambda: "'op': 'add', 'args': [7, 5]" in str(log(None, 9)), 10)

    running.restart(NEW, 3)  # waits: the others are of the older version, and serve
    until(lambda: "another version" in str(running.replicas[3].transport.notes), 15)
    until(lambda: running.ask(1, "add", 7, 5, ["c", 2]) == 10, 15)
    assert running.ask(3, "total", [7]) is None

    running.restart(NEW, 2)
    until(lambda: running.ask(3, "total", [7]) == 10, 20)
    until(lambda: running.ask(2, "add", 7, 5, ["c", 2]) == 10, 10)  # its first answer
    until(lambda: running.ask(2, "add", 8, 2, ["c", 3], 3) == 6, 10)
    until(lambda: running.ask(3, "reset", 7, ["c", 4]) == 10, 10)
    assert running.ask(1, "add", 9, 1) is None, "the older one has no majority"

    running.restart(NEW, 1)
    until(lambda: running.ask(1, "total", [7, 8]) == 6, 20)
    until(lambda: len(set(running.digests())) == 1, 10)
    with running.connect(OLD) as older, running.connect(NEW) as newer:
        assert older.call("add", 1, 1)["value"] == 1
        assert newer.call("add", 1, 1, 5)["value"] == 6

    running.stop(1)
    with pytest.raises(FolderRefused, match="knows version 2 of the counting operations, and"):
        running.start(OLD, 1)
    with pytest.raises(FolderRefused, match="knows version 1 of the key-value operations"):
        running.start(ENGINES["paxos"], 1)
    running.start(NEW, 1)
