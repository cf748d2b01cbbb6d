"""`client compare`: clusters of its own, measured and failed, and nothing of them left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .cluster import ROOT

pytestmark = pytest.mark.live


def test_an_engine_is_measured_and_killed(tmp_path: Path) -> None:
    words = ["--engines", "single", "--clients", "2", "--seconds", "0.5", "--fail", "2", "--json"]
    html = tmp_path / "page.html"
    done = subprocess.run(
        [sys.executable, "-P", "-m", "client", "compare", *words, "--html", str(html)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["engines"]
    assert [(one["op"], one["errors"]) for one in found["rates"]] == [("put", 0), ("get", 0)]
    (cost,) = found["costs"]
    assert cost["messages"] == 0
    assert 0.3 < cost["syncs"] < 1.5, "two clients share some of the writes"
    assert [one["text"] for one in found["moments"]] == ["the one in charge dies", "back"]
    died, back = (int(one["at"]) for one in found["moments"])
    during = [one["writes"] for one in found["seconds"][died : back + 1]]
    assert 0 in during, f"a whole second without a server: {during}"
    assert found["seconds"][0]["writes"] > 0
    assert "<svg" in html.read_text()
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"], "the cluster is gone"


def test_an_engine_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "client", "compare", "--engines", "raft"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "there is no engine 'raft': use " in done.stderr
    assert list(tmp_path.iterdir()) == []
