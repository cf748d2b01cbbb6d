"""How a cluster is ended: `stop`, Ctrl-C, a closed terminal. Nothing is left running."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .cluster import ROOT, LiveCluster, launch, read_line, running, wait_for

pytestmark = pytest.mark.live

PATIENCE = 60.0
TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Makes its standard input its controlling terminal, then becomes another program."""


def stop(data: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, ROOT / "run_cluster.py", "stop", "--data", data],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd="/",
    )
    return done.returncode, done.stdout + done.stderr


def test_stop_ends_a_cluster_with_and_without_its_coordinator(
    make_cluster: Callable[..., LiveCluster],
) -> None:
    cluster = make_cluster("--ephemeral", "--replicas", "3")
    cluster.start()
    status, said = stop(cluster.data)
    assert (status, cluster.pids()) == (0, [])
    everybody = "coordinator, replica 1, replica 2, replica 3, name server"
    assert said == f"stopped in {cluster.data}: {everybody}\n"
    assert cluster.coordinator is not None
    assert cluster.coordinator.wait(5) == 0

    cluster.start()
    assert cluster.coordinator is not None
    cluster.signal(2, signal.SIGSTOP)
    cluster.coordinator.kill()
    cluster.coordinator.wait()
    status, said = stop(cluster.data)
    assert (status, cluster.pids()) == (0, [])
    assert said == f"stopped in {cluster.data}: {everybody.partition(', ')[2]}\n"
    assert stop(cluster.data) == (0, f"nothing runs in {cluster.data}\n")


def test_stop_where_there_is_no_cluster(tmp_path: Path) -> None:
    status, said = stop(tmp_path)
    assert status == 1
    assert said.count("\n") == 1
    assert "no cluster was stopped" in said


def folder_in(text: str) -> Path:
    found = re.search(r"config=(/\S+)/cluster.toml", text)
    assert found is not None, text
    return Path(found[1])


def test_a_demo_ended_by_ctrl_c_leaves_nothing_and_says_so() -> None:
    demo = launch("--ephemeral", "--demo", "--replicas", "3")
    data = folder_in(read_line(demo, PATIENCE))
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=PATIENCE)
    assert demo.returncode == 130
    assert "nothing was checked" in output
    assert running(data) == []
    assert not data.exists()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_an_ephemeral_folder_goes_with_its_cluster(number: signal.Signals) -> None:
    one = launch("--ephemeral", "--replicas", "1")
    data = folder_in(read_line(one, PATIENCE))
    one.send_signal(number)
    one.communicate(timeout=PATIENCE)
    assert (one.returncode, running(data), data.exists()) == (0, [], False)


def test_an_ephemeral_folder_is_kept_on_purpose() -> None:
    one = launch("--ephemeral", "--replicas", "1", "--keep")
    data = folder_in(read_line(one, PATIENCE))
    one.terminate()
    one.communicate(timeout=PATIENCE)
    assert one.returncode == 0
    assert (data / "replica1" / "replica.log").exists()
    shutil.rmtree(data)


def test_a_closed_terminal_ends_the_demo_its_cluster_and_its_prompt(tmp_path: Path) -> None:
    terminal, other = pty.openpty()
    event = ("--down-after", "0.5", "--back-after", "0.5")
    program = [str(ROOT / "run_cluster.py"), "--ephemeral", "--demo", "--plain", "--replicas", "3"]
    demo = subprocess.Popen(
        [sys.executable, "-c", TERMINAL, *program, *event],
        stdin=other,
        stdout=other,
        stderr=other,
        cwd="/",
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path), "TERM": "dumb"},
        start_new_session=True,
    )
    os.close(other)
    shown = b""
    try:
        deadline = time.monotonic() + PATIENCE
        while b"kvrmi> " not in shown:
            assert select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))[0]
            shown += os.read(terminal, 65536)
        data = folder_in(shown.decode())
        assert len(running(data)) == 5, "three replicas, the name server and the prompt"
    finally:
        os.close(terminal)
    demo.wait(PATIENCE)
    wait_for(lambda: running(data) == [], "nothing left of it")
    assert not data.exists()
