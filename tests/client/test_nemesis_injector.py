"""The nemesis' injector: rules of lost disks, undoing, what counts as a kill of the leader."""

from __future__ import annotations

import signal
import time
from collections.abc import Collection
from typing import Any, cast

import pytest

from client.nemesis.faults import Aim, Fault, Kind
from client.nemesis.injector import Injector
from client.nemesis.subject import Subject

ORDER = (3, 1, 5, 4, 2)


class Patient:
    """Stands for the cluster: takes every order, and tells what it is set to tell."""

    def __init__(self) -> None:
        self.did: list[tuple[Any, ...]] = []
        self.recovering: set[int] = set()
        self.refuses = False
        self.deaf = 0
        self.leader: int | None = 1

    def status(self) -> dict[str, Any]:
        roles = {"acceptor": {"state": "up"}}
        return {
            "leader": self.leader,
            "replicas": [
                {
                    "id": replica,
                    "pid": 100 + replica,
                    "state": "recovering" if replica in self.recovering else "up",
                    "roles": roles,
                }
                for replica in range(1, 6)
            ],
        }

    def signal(self, replica: int, number: signal.Signals) -> bool:
        self.did.append((number.name, replica))
        return True

    def kill(self, replica: int, *, force: bool = False) -> bool:
        self.did.append(("order kill", replica))
        return not self.refuses

    def wipe(self, replica: int, files: str) -> None:
        self.did.append(("wipe", replica, files))
        self.recovering.add(replica)

    def damage(self, replica: int, database: str) -> None:
        self.did.append(("damage", replica, database))
        self.recovering.add(replica)

    def fail_role(self, replica: int, role: str, back_after: float) -> bool:
        self.did.append(("fail", replica, role))
        return True

    def restart_role(self, replica: int, role: str) -> bool:
        self.did.append(("restart", replica, role))
        return True

    def bring_back(self, replica: int) -> bool:
        self.did.append(("start", replica))
        return True

    def cut(self, links: Collection[tuple[int, int]], side: str) -> None:
        self.did.append(("cut", frozenset(links), side))

    def heal(self, links: Collection[tuple[int, int]]) -> bool:
        self.did.append(("heal", frozenset(links)))
        self.deaf -= 1
        return self.deaf < 0


@pytest.fixture
def patient() -> Patient:
    return Patient()


@pytest.fixture
def injector(patient: Patient) -> Injector:
    return Injector(cast("Subject", patient), lambda text: None)


def wipe(hits: int) -> Fault:
    return Fault(Kind.WIPE, Aim.ANY, hits, ORDER, 0.0, "all")


def test_a_wiped_disk_forbids_the_next_until_it_is_back(
    patient: Patient, injector: Injector
) -> None:
    injector.carry_out(wipe(2))
    assert [did for did in patient.did if did[0] == "wipe"] == [
        ("wipe", 3, "all"),
        ("wipe", 1, "all"),
    ]
    for rejoined in (set[int](), {3}):
        patient.recovering -= rejoined
        _tend(injector)
        injector.carry_out(wipe(1))
        assert injector.skipped == {"wipe": len(rejoined) + 1}
    patient.recovering.clear()
    _tend(injector)
    injector.carry_out(wipe(1))
    assert injector.faults == {"wipe": 2}
    assert injector.kills == {"replica": 3}


def test_a_damaged_disk_counts_like_a_wiped_one(patient: Patient, injector: Injector) -> None:
    damage = Fault(Kind.DAMAGE, Aim.ANY, 2, ORDER, 0.0, "acceptor")
    injector.carry_out(damage)
    assert [did for did in patient.did if did[0] == "damage"] == [
        ("damage", 3, "acceptor"),
        ("damage", 1, "acceptor"),
    ]
    injector.carry_out(wipe(1))
    assert injector.skipped == {"wipe": 1}
    patient.recovering.clear()
    _tend(injector)
    injector.carry_out(damage._replace(hits=1))
    assert injector.faults == {"damage": 2}


def _tend(injector: Injector) -> None:
    """Let everything that is tried again be tried again."""
    injector._undoings = [one._replace(due=0.0) for one in injector._undoings]
    injector.tend()


def test_nothing_is_deleted_under_a_replica_that_may_run(
    patient: Patient, injector: Injector
) -> None:
    patient.refuses = True
    injector.carry_out(wipe(2))
    assert not [did for did in patient.did if did[0] == "wipe"]
    assert injector.skipped == {"wipe": 1}
    assert injector.kills["replica"] == 0


def test_what_is_stopped_goes_on(patient: Patient, injector: Injector) -> None:
    injector.carry_out(Fault(Kind.STOP, Aim.LEADER, 2, ORDER, 60.0))
    injector.tend()
    assert patient.did == [("SIGSTOP", 1), ("SIGSTOP", 3)]
    assert injector.finish()
    assert patient.did[2:] == [("SIGCONT", 1), ("SIGCONT", 3)]


def test_cuts_are_healed_until_all_have_heard(patient: Patient, injector: Injector) -> None:
    patient.deaf = 2
    injector.carry_out(Fault(Kind.CUT, Aim.LEADER, 5, ORDER, 60.0, "mute", "sender"))
    assert patient.did == [("cut", frozenset({(1, other) for other in (2, 3, 4, 5)}), "sender")]
    assert injector.finish()
    assert [did[0] for did in patient.did] == ["cut", "heal", "heal", "heal"]


def test_where_nobody_leads_no_fault_is_called_the_leaders(
    patient: Patient, injector: Injector
) -> None:
    """In an election, and of engines that have no leader."""
    patient.leader = None
    injector.carry_out(Fault(Kind.KILL, Aim.LEADER, 1, ORDER))
    injector.carry_out(Fault(Kind.STOP, Aim.FOLLOWER, 1, ORDER, 60.0))
    assert [name for _, name in injector.done] == ["kill, any", "stop, any"]
    assert patient.did == [("SIGKILL", 3), ("SIGSTOP", 3)]
    assert injector.finish()


def test_which_kills_of_leaders_are_alone(patient: Patient, injector: Injector) -> None:
    before = time.monotonic()
    kill = Fault(Kind.KILL, Aim.LEADER, 1, ORDER)
    injector.carry_out(kill)
    injector.carry_out(kill._replace(hits=2))
    injector.carry_out(kill._replace(aim=Aim.FOLLOWER))
    injector.carry_out(Fault(Kind.STOP, Aim.FOLLOWER, 1, ORDER, 60.0))
    injector.carry_out(kill)
    injector.carry_out(Fault(Kind.KILL_ALL, Aim.ANY, 5, ORDER))
    assert [one.alone for one in injector.leader_kills] == [True, False, False]
    assert before <= injector.leader_kills[0].at <= time.monotonic()
    assert injector.kills == {"replica": 10}


def test_a_cut_that_ends_leaves_the_others(patient: Patient, injector: Injector) -> None:
    mute = Fault(Kind.CUT, Aim.LEADER, 5, ORDER, 60.0, "mute")
    injector.carry_out(mute)
    injector.carry_out(mute._replace(detail="isolated", lasting=90.0))
    _tend(injector)
    out = frozenset((1, other) for other in (2, 3, 4, 5))
    back = frozenset((other, 1) for other in (2, 3, 4, 5))
    assert [did for did in patient.did if did[0] == "heal"] == [
        ("heal", frozenset()),
        ("heal", out | back),
    ]


def test_who_is_down_for_a_time_is_started_after_it(patient: Patient, injector: Injector) -> None:
    injector.carry_out(Fault(Kind.KILL, Aim.LEADER, 1, ORDER, 60.0))
    injector.tend()
    assert patient.did == [("order kill", 1)]
    assert [one.alone for one in injector.leader_kills] == [True]
    assert injector.finish()
    assert patient.did[1:] == [("start", 1)]


def test_a_role_comes_back_by_itself_or_is_brought_back_at_the_end(
    patient: Patient, injector: Injector
) -> None:
    fault = Fault(Kind.ROLE, Aim.LEADER, 1, ORDER, 60.0, "acceptor")
    injector.carry_out(fault)
    _tend(injector)
    assert patient.did == [("fail", 1, "acceptor")]
    injector.carry_out(fault)
    assert injector.finish()
    assert patient.did[2:] == [("restart", 1, "acceptor")]
