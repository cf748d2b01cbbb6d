"""How a cluster is ended: `stop`, Ctrl-C, a closed terminal. Nothing is left running."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terminal import Terminal

from .cluster import ROOT, LiveCluster, launch, read_line, running, wait_for

pytestmark = pytest.mark.live

TIMEOUT = 60.0


def stop(data: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, ROOT / "run_cluster.py", "stop", "--data", data],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
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
    assert cluster.coordinator.wait(TIMEOUT) == 0

    cluster.start()
    assert cluster.coordinator is not None
    cluster.signal(2, signal.SIGSTOP)
    cluster.coordinator.kill()
    cluster.coordinator.wait()
    (cluster.data / "cluster.toml").rename(cluster.data / "gone.toml")  # whoever runs is found
    status, said = stop(cluster.data)
    assert (status, cluster.pids()) == (0, [])
    assert said == f"stopped in {cluster.data}: {everybody.partition(', ')[2]}\n"
    assert stop(cluster.data)[0] == 1
    (cluster.data / "gone.toml").rename(cluster.data / "cluster.toml")
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
    data = folder_in(read_line(demo, TIMEOUT))
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=TIMEOUT)
    assert demo.returncode == 130
    assert "nothing was checked" in output
    assert running(data) == []
    assert not data.exists()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_an_ephemeral_folder_goes_with_its_cluster(number: signal.Signals) -> None:
    one = launch("--ephemeral", "--replicas", "1")
    data = folder_in(read_line(one, TIMEOUT))
    one.send_signal(number)
    one.communicate(timeout=TIMEOUT)
    assert (one.returncode, running(data), data.exists()) == (0, [], False)


def test_an_ephemeral_folder_is_kept_on_purpose() -> None:
    one = launch("--ephemeral", "--replicas", "1", "--keep")
    data = folder_in(read_line(one, TIMEOUT))
    one.terminate()
    one.communicate(timeout=TIMEOUT)
    assert one.returncode == 0
    assert (data / "replica1" / "replica.log").exists()
    shutil.rmtree(data)


def test_a_demo_on_a_terminal_ends_in_the_prompt_and_with_the_terminal(tmp_path: Path) -> None:
    program = [str(ROOT / "run_cluster.py"), "--ephemeral", "--demo", "--replicas", "3"]
    event = ("--down-after", "0.5", "--back-after", "0.5")
    environment = {"XDG_STATE_HOME": str(tmp_path), "NO_COLOR": "1"}
    with Terminal.python(*program, *event, environment=environment, columns=100) as terminal:
        terminal.see("^kvrmi>", TIMEOUT)
        data = folder_in(terminal.screen)
        assert f"\nexport KVRMI_CONFIG={data}/cluster.toml\n" in terminal.screen
        assert len(running(data)) == 5, "three replicas, the name server and the prompt"
        terminal.keys("PUTT k v" + 4 * "\x1b[D" + "\x7f\r")  # a line editor is needed for that
        terminal.see("^OK revision")
        terminal.child.ptyproc.fileobj.close()
        wait_for(lambda: not terminal.child.isalive(), "its end", TIMEOUT)
    wait_for(lambda: running(data) == [], "nothing left of it")
    assert not data.exists()
