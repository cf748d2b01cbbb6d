"""The line editor against a real cluster whose leader dies while somebody waits for it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.terminal import Terminal

from .cluster import LiveCluster

pytestmark = pytest.mark.live


def test_the_leader_dies_while_the_shell_waits(live: LiveCluster, tmp_path: Path) -> None:
    argv = ("-m", "client", "--config", str(live.config))
    state = {"XDG_STATE_HOME": str(tmp_path)}
    terminal = Terminal.python(*argv, environment=state, columns=100)
    with terminal as shell, live.orders() as coordinator:
        leader = int(shell.see(r"leader (\d)$")[1])
        shell.keys("PUT shell:k 1\r")
        shell.see("^OK revision")
        live.signal(leader, signal.SIGSTOP)
        shell.keys("PUT shell:k 2\r")
        shell.see("^kvrmi> PUT shell:k 2$")
        coordinator.kill(leader)  # it stays down, else it may well be back and lead again
        shell.see(rf"^replica {leader} does not answer .*; replica \d answers now")
        shell.see(r"^OK revision(.*\n)+OK revision")
        shell.keys("GET sh\t\r")  # the store's keys, or those of this run
        shell.see("^kvrmi> GET shell:k$")
        shell.see(r"^2\b")
        shell.see(rf"replica \d · leader (?!{leader})\d$")
        coordinator.start(leader)
        shell.keys("EXIT\r")
        assert shell.end() == 0
