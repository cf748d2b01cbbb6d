"""METRICS: which replicas it shows, and what it says of those that it cannot."""

from __future__ import annotations

import pytest

from client import metrics
from kvrmi.cluster.status import ClusterStatus, unanswered
from kvrmi.errors import ConnectionFailed, InvalidRequest

from ..cluster.test_metrics import entry

STATUS: ClusterStatus = {"replicas": [entry(1), entry(2), unanswered(3, "h:1", "down")]}


def test_one_replica_s_or_all() -> None:
    assert 'kvrmi_up{replica="1"} 1' in (one := metrics.written(STATUS, 1)).splitlines()
    assert 'replica="2"' not in one
    every = metrics.written(STATUS, None).splitlines()
    assert {'kvrmi_up{replica="2"} 1', 'kvrmi_up{replica="3"} 0'} <= set(every)


def test_an_unknown_replica_and_one_that_is_down() -> None:
    with pytest.raises(InvalidRequest, match=r"4.*1.*3"):
        metrics.written(STATUS, 4)
    with pytest.raises(ConnectionFailed, match="replica 3 is down; nothing was asked"):
        metrics.written(STATUS, 3)


def test_one_that_is_held_says_what_comes_first() -> None:
    held = unanswered(3, "h:1", "held") | {"reason": "killed on purpose"}
    first = r"replica 3 is down \(killed on purpose\): START 3 comes first; nothing was asked"
    with pytest.raises(ConnectionFailed, match=first):
        metrics.written({"replicas": [held]}, 3)
