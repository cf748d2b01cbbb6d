"""A replica's parts, wired in this process: nothing listens, no thread runs."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.members import members
from kvrmi.cluster.timing import Timing
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.declaration import PAXOS
from kvrmi.paxos.learner import _Source
from kvrmi.paxos.messages import Offer, Offered, PreVoted
from kvrmi.paxos.proposer import Proposer
from kvrmi.paxos.stable import State
from kvrmi.roles.contract import Address
from kvrmi.roles.invariants import DiskLost
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.snapshot import SnapshotSource
from kvrmi.storage.append import AppendStorage
from kvrmi.storage.interface import Put, StorageFailed
from server.admission import Admitted, from_file
from server.folder import IDENTITY, format_folder, open_folder
from server.replica import Replica, clock
from server.rolehost import Fenced
from server.status import describe

from .stubs import Fatal, until

CLUSTER = Cluster(
    "test",
    "c1",
    "paxos",
    "127.0.0.1:1",
    "127.0.0.1:2",
    members(1, "127.0.0.1", 3, PAXOS.daemons),
    Timing(),
    None,
)


@contextmanager
def started(folder: Path) -> Iterator[Replica]:
    """One start of a process, as far as its front: it needs neither a disk nor a network."""
    disks = open_folder(folder, CLUSTER.id, 1, PAXOS)
    replica = Replica(CLUSTER, 1, disks, b"x" * 64, Fatal())
    try:
        replica.hosts["front"].start()
        yield replica
    finally:
        replica.transport.close()
        disks.close()


def ready(replica: Replica) -> bool:
    """Ask its proposer, whom a quorum of one answers, whether it could lead."""
    ballot, peer = Ballot(1, 1), Address(2, "proposer")
    replica.hosts["proposer"].deliver(Address(1, "acceptor"), PreVoted(ballot, False, ballot))
    (answer,) = replica.hosts["proposer"].deliver(peer, Offer(ballot, 0))
    assert isinstance(answer.message, Offered)
    return answer.message.ready


def test_a_replica_whose_acceptor_recovers_is_not_fit_to_lead(tmp_path: Path) -> None:
    for name, recovering in (("well", False), ("lost", True)):
        format_folder(tmp_path / name, PAXOS, CLUSTER.id, 1, recovering=recovering)
        with started(tmp_path / name) as replica:
            for host in replica.roles.values():
                host.daemon = None
                host.start()
            replica.hosts.inform()
            assert ready(replica) is not recovering


@contextmanager
def alone(folder: Path) -> Iterator[Replica]:
    """A cluster of one whose replica leads; its timers go on only while it is asked to."""
    format_folder(folder, PAXOS, CLUSTER.id, 1, recovering=False)
    with started(folder) as replica:
        for host in replica.roles.values():
            host.daemon = None
        replica.hosts["learner"].start()
        replica.hosts["proposer"].start()
        replica.let_vote(Admitted({1: replica.identity.disk}, lost=False))
        replica.hosts.inform()
        until(lambda: turned(replica) and replica.hosts["proposer"].ask(leading))
        yield replica


def turned(replica: Replica) -> bool:
    """Do what the control thread does in one turn."""
    for host in replica.hosts.all.values():
        host.wake_if_due(clock())
    replica.router.run()
    return True


def leading(proposer: Proposer, _: float) -> bool:
    return proposer.leading


def recorded(replica: Replica) -> bool:
    """Record that a rejoin has ended, as is tried again while its role waits for its disk."""
    replica.note_rejoin()
    return not replica.identity.recovering


def test_after_a_rejoin_the_folder_must_have_that_disk(tmp_path: Path) -> None:
    """While it recovers its disk is another than was recorded; that exemption ends."""
    folder = tmp_path / "r"
    disk = format_folder(folder, PAXOS, CLUSTER.id, 1, recovering=True)
    with started(folder) as replica:
        replica._folder.change(members={1: "lost"})
        replica.hosts["acceptor"].daemon = None
        replica.hosts["acceptor"].start()
        replica.note_rejoin()
        assert replica.identity.recovering
        assert from_file(CLUSTER, replica.identity) is not None
    votes = AppendStorage(folder / "acceptor.db", {**PAXOS.tables("acceptor.db"), **IDENTITY})
    votes.write([Put("acceptor", "state", State(epoch=2).pack())])
    votes.close()
    with started(folder) as replica:
        replica.hosts["acceptor"].daemon = None
        replica.hosts["acceptor"].start()
        until(partial(recorded, replica))
    with started(folder) as replica:
        assert (replica.identity.recovering, replica.identity.members) == (False, {1: disk})
        with pytest.raises(DiskLost):
            from_file(CLUSTER, replica.identity._replace(disk="an older one"))


def test_a_replica_that_recovers_is_not_reported_up_while_its_acceptor_is_away(
    tmp_path: Path,
) -> None:
    """Whoever guards lost disks would count it as a voter."""
    format_folder(tmp_path / "r", PAXOS, CLUSTER.id, 1, recovering=True)
    with started(tmp_path / "r") as replica:
        replica.hosts["acceptor"].daemon = None
        replica.hosts["acceptor"].start()
        assert describe(replica)["state"] == "recovering"
        replica.hosts["acceptor"].fail("test")
        assert describe(replica)["state"] == "recovering"


def test_a_rejoin_is_recorded_later_when_the_acceptor_waits_for_its_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks is the supervisor: an error in its thread would end the process."""
    monkeypatch.setattr("server.rolehost.PATIENCE_SECONDS", 0.01)
    folder = tmp_path / "r"
    format_folder(folder, PAXOS, CLUSTER.id, 1, recovering=True)
    votes = AppendStorage(folder / "acceptor.db", {**PAXOS.tables("acceptor.db"), **IDENTITY})
    votes.write([Put("acceptor", "state", State(epoch=2).pack())])
    votes.close()
    with started(folder) as replica:
        replica.hosts["acceptor"].daemon = None
        replica.hosts["acceptor"].start()
        with replica.hosts["acceptor"]._lock:
            replica.note_rejoin()
        assert replica.identity.recovering
        replica.note_rejoin()
        assert not replica.identity.recovering


def test_a_learner_taken_down_leaves_neither_its_state_nor_a_snapshot(tmp_path: Path) -> None:
    """No collector ever looks at what was there at the start of the process."""
    format_folder(tmp_path / "r", PAXOS, CLUSTER.id, 1, recovering=False)
    with started(tmp_path / "r") as replica:
        replica.hosts["learner"].daemon = None
        replica.hosts["learner"].start()
        state = replica.hosts["learner"].ask(lambda learner, _: weakref.ref(learner.state))
        snapshot = replica._folder.storages["learner.db"].snapshot()
        source = SnapshotSource(snapshot, KeyValues)
        replica.hosts["learner"].ask(
            lambda learner, now: learner._sources.update({2: _Source("1-1", source, now)})
        )
        gc.disable()
        try:
            replica.hosts["learner"].fail("test")
            assert state() is None
        finally:
            gc.enable()
        with pytest.raises(StorageFailed):
            snapshot.read("anchor", "last")


def test_no_two_starts_of_a_process_give_a_command_the_same_id(tmp_path: Path) -> None:
    """The counter begins anew at each: a command of today must not pass for one of yesterday."""
    format_folder(tmp_path / "r", PAXOS, CLUSTER.id, 1, recovering=False)
    ids = []
    for _ in range(3):
        with started(tmp_path / "r") as replica:
            ids += [
                replica.hosts["front"].peek(lambda front: front.next_id(), None) for _ in range(2)
            ]
    assert None not in ids
    assert len(set(ids)) == len(ids)


def test_our_term_ends_before_our_learner_comes_back(tmp_path: Path) -> None:
    """It may know less than what was answered: a read under the old lease would show that."""
    with alone(tmp_path / "r") as replica:
        replica.hosts["learner"].fail("test")
        assert replica.hosts["proposer"].ask(leading)
        replica.hosts["learner"].start()
        assert not replica.hosts["proposer"].ask(leading)


def test_a_learner_stays_down_while_our_term_cannot_be_ended(tmp_path: Path) -> None:
    with alone(tmp_path / "r") as replica:
        replica.hosts["learner"].fail("test")
        held, release = threading.Event(), threading.Event()

        def hold(proposer: Proposer, _: float) -> None:
            held.set()
            release.wait(10)

        holder = threading.Thread(target=replica.hosts["proposer"].ask, args=(hold,))
        holder.start()
        assert held.wait(60)
        with pytest.raises(Fenced):
            replica.hosts["learner"].start()
        assert replica.hosts["learner"].state == "down"
        release.set()
        holder.join(60)


def test_a_peer_that_refuses_connections_is_handled_at_once(tmp_path: Path) -> None:
    """Nobody else may come by for seconds: with its leader gone nothing reaches a replica."""
    format_folder(tmp_path / "r", PAXOS, CLUSTER.id, 1, recovering=False)
    with started(tmp_path / "r") as replica:
        host = replica.hosts["proposer"]
        host.daemon = None
        host.start()
        replica.router.run()
        replica.hosts.unreachable(2)
        assert not host.inbox


def test_that_a_role_failed_and_came_back_is_an_event(tmp_path: Path) -> None:
    format_folder(tmp_path, PAXOS, CLUSTER.id, 1, recovering=False)
    with started(tmp_path) as replica:
        learner = replica.hosts["learner"]
        learner.daemon = None
        learner.start()
        replica.hosts.inform()
        assert replica.fail_role("learner", "for the test", None)
        replica.hosts.inform()
        learner.start()
        replica.hosts.inform()
        _, _, found = replica.journal.recent.since(0, 10)
        assert [(one.role, one.event, one.text) for one in found] == [
            ("learner", "failed", "FAILED incarnation=1"),
            ("learner", "restarted", "RESTARTED incarnation=2"),
        ], "a first start is none"
