"""The exemption from the hold after a start: once in the life of a folder, whatever ends the first.

An acceptor that skips the hold may have forgotten a lease that it granted before.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kvrmi.cluster.config import Cluster
from kvrmi.paxos.acceptor import Acceptor
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.declaration import PAXOS
from kvrmi.paxos.messages import PreVote, PreVoted
from kvrmi.remote.identity import read_secret
from kvrmi.roles.contract import Address
from server.coordinator.founding import Wish, prepare
from server.folder import Folder, open_folder
from server.replica import Replica

from .stubs import Fatal

Start = Callable[[Path], Replica]


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    founded = prepare(Wish(tmp_path / "data", 3, ephemeral=True))[0]
    # A hold that no slow machine outlasts.
    slow = dataclasses.replace(founded.timing, lease=60.0, election_min=60.0, election_max=90.0)
    return dataclasses.replace(founded, timing=slow)


@pytest.fixture
def start(cluster: Cluster, tmp_path: Path) -> Iterator[Start]:
    """Start replica 1 on a folder, in this process."""
    running: list[Replica] = []
    secret = read_secret(tmp_path / "data" / "secret")

    def run(home: Path) -> Replica:
        while running:  # one at a time has these ports, and the folder
            running.pop().stop()
        replica = Replica(cluster, 1, opened(home, cluster), secret, Fatal())
        running.append(replica)
        replica.start()
        return replica

    yield run
    while running:
        running.pop().stop()


def opened(home: Path, cluster: Cluster) -> Folder:
    return open_folder(home, cluster.id, 1, PAXOS)


def grants(replica: Replica) -> bool:
    """Whether its acceptor would promise now, right after its start, to whoever asks."""

    def ask(acceptor: Acceptor, now: float) -> bool:
        effects = acceptor.receive(now, Address(2, "proposer"), PreVote(Ballot(99, 2)))
        answer = effects.messages[0].message
        assert isinstance(answer, PreVoted)
        return answer.granted

    return replica.hosts["acceptor"].ask(ask)


def test_only_the_first_start_of_a_founded_folder_is_exempt(start: Start, tmp_path: Path) -> None:
    home = tmp_path / "data" / "replica1"
    first = start(home)
    assert grants(first)
    shutil.copytree(home, tmp_path / "crashed")  # as a crash at this moment leaves it
    first.restart_role("acceptor")
    assert not grants(first), "a role that was started again may have voted"
    assert not grants(start(tmp_path / "crashed"))
    assert not grants(start(home))
