"""The diagram of a real cluster: events of the replicas as they word them, matched to messages."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from .cluster import ROOT, LiveCluster, wait_for

pytestmark = pytest.mark.live


def client(live: LiveCluster, *words: str) -> str:
    command = [sys.executable, "-m", "client", "--config", str(live.config), *words]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def traced_slot(live: LiveCluster) -> int | None:
    """Write, and find the slot; None if this write was none of those that are reported."""
    client(live, "PUT", "drawn", "1")
    found = client(live, "trace", "--since", "5m", "--format", "jsonl").splitlines()
    events = [one["event"] for one in map(json.loads, found) if one["kind"] == "acted"]
    slots = [int(one["slot"]) for one in events if 'put "drawn"' in one["text"]]
    return next(filter(None, slots), None)


def test_a_write_is_drawn_from_its_proposal_to_its_commits(live: LiveCluster) -> None:
    slot = next(filter(None, (traced_slot(live) for _ in range(10))))
    words = ("proposes slot", ">o ", "is chosen, accepted by", "applies slot", 'put "drawn"')

    def drawn() -> bool:
        """Whether all of it has been reported: learners apply after the write is answered."""
        shown = client(live, "trace", "--slot", str(slot))
        return all(each in shown for each in words)

    wait_for(drawn, f"{words} in the diagram of slot {slot}")
