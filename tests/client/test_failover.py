"""What the benchmark of fail-overs computes, and whom it refuses to kill."""

from __future__ import annotations

import subprocess

import pytest

from client.failover import _kill, percentile
from kvrmi.errors import ConnectionFailed


@pytest.mark.parametrize(
    ("seconds", "part", "expected"),
    [
        ([0.3], 0.5, 0.3),
        ([0.3], 0.99, 0.3),
        ([0.2, 0.1], 0.5, 0.2),
        ([0.4, 0.1, 0.3, 0.2, 0.5], 0.5, 0.3),
        ([float(each) for each in range(1, 51)], 0.99, 50.0),
    ],
)
def test_percentiles(seconds: list[float], part: float, expected: float) -> None:
    assert percentile(seconds, part) == expected


def test_a_process_that_is_no_replica_is_not_killed() -> None:
    """Its number may be that of a process on this machine, when the replica runs on another."""
    with subprocess.Popen(["sleep", "60"]) as stranger:
        with pytest.raises(ConnectionFailed, match="nothing was killed"):
            _kill({"id": 2, "pid": stranger.pid})
        assert stranger.poll() is None
        stranger.kill()
