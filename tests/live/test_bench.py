"""`client bench --failover` against a real cluster, whose leader it kills."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from .cluster import ROOT, LiveCluster

pytestmark = pytest.mark.live


def test_failover_is_measured_and_the_cluster_is_whole_again(live: LiveCluster) -> None:
    before = {id: entry["pid"] for id, entry in live.entries().items()}
    argv = ["-m", "client", "--config", str(live.config), "bench", "--failover", "2", "--json"]
    done = subprocess.run(
        [sys.executable, *argv], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    result = json.loads(done.stdout)
    assert len(result["failover"]) == 2
    assert 0 < result["p50_s"] <= result["p99_s"] < 20
    live.settle()
    after = {id: entry["pid"] for id, entry in live.entries().items()}
    assert before != after, "a leader was killed, and is another process now"
