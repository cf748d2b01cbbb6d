"""The shell, typed at and in a pipe, at a real cluster whose leader dies meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal import Terminal

from .cluster import ROOT, LiveCluster

pytestmark = pytest.mark.live


def test_the_leader_dies_while_the_shell_waits(live: LiveCluster, tmp_path: Path) -> None:
    argv = ("-m", "client", "--config", str(live.config))
    state = {"XDG_STATE_HOME": str(tmp_path)}
    terminal = Terminal.python(*argv, environment=state, columns=100)
    with terminal as shell, live.orders() as coordinator:
        leader = int(shell.see(r"replica (\d) · leader \1$")[1])
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


def test_the_leader_dies_while_commands_of_a_pipe_are_open(live: LiveCluster) -> None:
    """Each takes effect once, those of one key in the order of their lines."""
    keys, count = 50, 400
    lines = [f"PUT pipe:{number % keys} {number}\n" for number in range(count)]
    flags = ("--config", str(live.config), "--timeout", "20", "--at-once", "32")
    argv = (sys.executable, "-m", "client", *flags)
    with (
        subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as client,
        live.orders() as coordinator,
    ):
        assert client.stdin
        assert client.stdout
        client.stdin.writelines(lines[: count // 2])
        client.stdin.flush()
        results = [client.stdout.readline() for _ in range(count // 4)]
        leader = live.leader()
        coordinator.kill(leader)
        client.stdin.writelines(lines[count // 2 :])
        client.stdin.write(f"MGET {' '.join(f'pipe:{key}' for key in range(keys))}\n")
        client.stdin.close()
        results += client.stdout.readlines()
        coordinator.start(leader)
    assert client.returncode == 0
    revisions = [line for line in results if line.startswith("OK revision")]
    assert len(set(revisions)) == count, "each once"
    assert results[count:] == [f"{number}\n" for number in range(count - keys, count)]
