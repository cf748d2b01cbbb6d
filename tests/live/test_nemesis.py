"""The nemesis itself, briefly: a real cluster is broken and everything it said is judged."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .cluster import ROOT, LiveCluster, launch, running

pytestmark = pytest.mark.live

SECONDS = 20


def test_a_short_run_passes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    flags = ["--minutes", str(SECONDS / 60), "--seed", "504", "--data", str(data), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "client", "nemesis", *flags],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=180,
        check=False,
    )
    left = LiveCluster(data).sweep()
    assert done.returncode == 0, done.stdout + done.stderr
    assert left == []
    report = json.loads(done.stdout)
    assert report["passed"] is True
    assert report["problems"] == []
    assert report["verdict"] == "ok"
    assert report["kills"]["replica"] >= 4
    assert report["faults"]["wipe"] == 1
    assert report["faults"]["hang disk"] == 1
    assert report["outcomes"]["ok"] > 1000
    assert Path(report["history"]).exists()


def test_chaos_brings_back_what_it_failed_at_ctrl_c(tmp_path: Path) -> None:
    """Who is killed stays down for a minute, but that Ctrl-C comes first."""
    flags = ["--chaos", "processes", "--fail-every", "1", "--restart-after", "60", "--seed", "2"]
    with launch("--data", str(tmp_path / "data"), "--ephemeral", *flags) as cluster:
        assert cluster.stderr is not None
        said = next((line for line in cluster.stderr if "down for" in line), "it ended")
        cluster.send_signal(signal.SIGINT)
        report, more = cluster.communicate(timeout=120)
    assert cluster.returncode == 0, report + said + more
    assert "PASSED" in report
    assert re.search(r"\b[1-9] kill", report), "one, or more where the signal came late"
    assert "  history     ok" in report
    assert running(tmp_path / "data") == []


def test_a_nemesis_attaches_to_a_whole_cluster_alone(live: LiveCluster) -> None:
    with live.orders() as orders:
        orders.kill(2)
    attach = ["--config", str(live.config), "nemesis", "--attach"]
    done = subprocess.run(
        [sys.executable, "-m", "client", *attach],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "START 2" in done.stderr
    live.start_held()


def test_a_recorded_workload_can_be_verified(live: LiveCluster, tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    config = ["--config", str(live.config)]
    for words in (["workload", "--record", str(file), "--seconds", "1"], ["verify", str(file)]):
        done = subprocess.run(
            [sys.executable, "-m", "client", *config, *words],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def nemesis_in(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "client", "nemesis", "--data", str(folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )


def test_a_cluster_in_use_is_not_broken(tmp_path: Path) -> None:
    (tmp_path / "cluster.toml").touch()
    done = nemesis_in(tmp_path)
    assert done.returncode == 2
    assert "holds a cluster" in done.stderr


def test_a_cluster_that_does_not_start_is_told(tmp_path: Path) -> None:
    (tmp_path / "replica1").mkdir()
    (tmp_path / "replica1" / "acceptor.db").touch()
    done = nemesis_in(tmp_path)
    assert done.returncode == 1
    assert "did not start" in done.stderr
    assert "Traceback" not in done.stderr
