"""Too many at once: those who were served before, and who comes honestly, are served still."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.cluster import LiveCluster, wait_for

from .calm import Calm, spins, vitals
from .sockets import Daemon, Raw

pytestmark = pytest.mark.live

CROWD = 450
"""More than a replica's client port takes."""
ELSEWHERE = 60


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process needs a descriptor for each of its connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CROWD + 8 * ELSEWHERE + 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard < 0 else min(wanted, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def pid_of(fort: LiveCluster, replica: int = 1) -> int:
    entry = fort.entries()[replica]
    assert entry is not None
    return int(entry["pid"])


@contextlib.contextmanager
def limited(pid: int, kind: int, room: int) -> Iterator[None]:
    """Leave a running process so much room only."""
    before = resource.prlimit(pid, kind)
    resource.prlimit(pid, kind, (room, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, kind, before)


def crowd(stack: contextlib.ExitStack, daemon: Daemon, count: int) -> list[Raw]:
    """Connect so often; every second one even says hello."""
    raws = []
    for at in range(count):
        raw = stack.enter_context(daemon.knock())
        if at % 2 and daemon.is_open:
            with contextlib.suppress(ConnectionError):
                raw.shake()
        raws.append(raw)
    return raws


@pytest.mark.usefixtures("many_files")
def test_hundreds_of_connections_on_all_ports(fort: LiveCluster, ports: dict[str, Daemon]) -> None:
    with Calm(fort) as calm, contextlib.ExitStack() as stack:
        for name, daemon in ports.items():
            crowd(stack, daemon, CROWD if name == "client" else ELSEWHERE)
        calm.check_newcomer()
        wait_for(fort.is_healthy, "all is well")
        wait_for(lambda: fort.leader() == 1, "the first one leads as before")
        assert not spins(pid_of(fort))


def test_a_process_out_of_descriptors_goes_on(fort: LiveCluster, ports: dict[str, Daemon]) -> None:
    pid = pid_of(fort)
    with Calm(fort) as calm, contextlib.ExitStack() as stack:
        room = vitals(pid).files + 12
        stack.enter_context(limited(pid, resource.RLIMIT_NOFILE, room))
        crowd(stack, ports["client"], 40)
        crowd(stack, ports["acceptor"], 20)
        calm.check_newcomer()
        assert not spins(pid)


def test_a_process_out_of_threads_goes_on(fort: LiveCluster, ports: dict[str, Daemon]) -> None:
    """Threads need address space; the superuser is held by no other limit."""
    pid = pid_of(fort)
    with Calm(fort) as calm, contextlib.ExitStack() as stack:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
        room = pages * os.sysconf("SC_PAGE_SIZE") + (100 << 20)
        stack.enter_context(limited(pid, resource.RLIMIT_AS, room))
        before = vitals(pid).threads
        crowd(stack, ports["client"], 60)
        assert vitals(pid).threads < before + 30
        calm.check_newcomer()
        assert not spins(pid)
    wait_for(fort.is_healthy, "all is well")
