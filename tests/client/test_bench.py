"""The benchmark, briefly, against a fake cluster: what matters here is that its numbers add up."""

from __future__ import annotations

import json
from random import Random

import pytest

from client.bench import _percentile
from client.load import BATCH, Job, _calls
from tests.client.conftest import Run
from tests.client.fake import Cluster


@pytest.mark.live
def test_measures_both_kinds_of_server(
    cluster: Cluster, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--clients", "2", "--seconds", "0.3", "--rounds", "1", "--baseline", "--json"]
    assert run("bench", *flags) == 0
    result = json.loads(capsys.readouterr().out)
    baseline, kvrmi = result["results"]
    assert baseline["ratio"] == 1
    assert kvrmi["ratio"] == pytest.approx(kvrmi["ops_per_s"] / baseline["ops_per_s"])
    assert 0 < kvrmi["p50_us"] <= kvrmi["p99_us"]
    assert kvrmi["errors"] == {}
    assert cluster.servant(1).calls.count("put") >= kvrmi["ops_per_s"] * 0.3


@pytest.mark.live
def test_errors_are_counted(cluster: Cluster, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.contents.leader = 0
    assert run("bench", "--clients", "1") == 6
    assert "no leader" in capsys.readouterr().err


def test_calls() -> None:
    job = Job(["uri"], "mixed", 5, 10, 0)
    names = [name for name, _ in _calls(job, Random(0))]
    assert names[:3] == ["get", "put", "get"]
    name, arguments = _calls(job._replace(op="put_many"), Random(0))[0]
    assert name == "put_many"
    assert len(arguments[0]) == BATCH
    assert all(value == "v" * 5 for _, value in arguments[0])


def test_percentiles() -> None:
    latencies = {10: 50, 20: 49, 30: 1}
    assert [_percentile(latencies, 100, part) for part in (0.5, 0.99, 1)] == [10, 20, 30]
    assert _percentile({}, 0, 0.5) == 0
