"""The pages' pure modules under node: all *.test.mjs, with traces made here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from client.lab.pairs import PAIRS
from client.lab.runs import Request, trace
from client.lab.scenarios.known import WON

STALE = "follower-read-called-linearizable"
HERE = Path(__file__).parent
TRACES = {
    "scenario": Request(scenario="duelling_proposers"),
    "seed": Request(seed=20, profile="partition"),
    "bug": Request(bug="accepts-below-promise", seed=0),
    "stopped": PAIRS["blocking"].other,
    "blocked": PAIRS["blocking"].one,
    "old_leader": Request(scenario="old_leader"),
    "basic_round": Request(scenario="basic_round"),
    "leader_killed": Request(scenario="leader_killed"),
    "minority_cut_off": Request(scenario="minority_cut_off"),
    "blocks": Request(protocol="2pc", scenario="two_phase_commit_blocks"),
    "dare": Request(dare=5, bug="quorum-of-two", moves=WON["quorum-of-two"]),
    "dare_read": Request(dare=5, bug=STALE, moves=WON[STALE]),
    "skipped": Request(dare=5, bug="adoption-skipped", moves=WON["adoption-skipped"]),
    "2pc": Request(protocol="2pc", seed=6, profile="doubt"),
    "2pc_bug": Request(protocol="2pc", bug="silence-is-yes"),
}


def node() -> str | None:
    """The system's, or the one that comes with playwright."""
    found = shutil.which("node")
    if found:
        return found
    playwright = pytest.importorskip("playwright", reason="there is no node")
    bundled = Path(playwright.__file__).parent / "driver" / "node"
    return str(bundled) if bundled.exists() else None


@pytest.mark.slow
def test_the_pages_pure_modules(tmp_path: Path) -> None:
    program = node()
    if program is None:
        pytest.skip("there is no node")
    for name, request in TRACES.items():
        with (tmp_path / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            trace(request, file.write)
    done = subprocess.run(
        [program, "--test", "--test-reporter=tap", *map(str, sorted(HERE.rglob("*.test.mjs")))],
        env={**os.environ, "TRACES": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
