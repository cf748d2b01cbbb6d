"""The benchmark, briefly, against a fake cluster: what matters here is that its numbers add up."""

from __future__ import annotations

import json
import os
import socket
from random import Random

import pytest

from client.load import BATCH, Job, _calls
from client.workers import _instruct, _pipe, percentile, process
from kvrmi.cli import INTERRUPTED
from tests.client.conftest import Run
from tests.client.fake import Cluster
from tests.server.stubs import until


@pytest.mark.live
def test_measures_both_kinds_of_server(
    cluster: Cluster, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--clients", "2", "--seconds", "0.3", "--rounds", "1", "--baseline", "--json"]

    def measured() -> bool:
        """Whether it was: the status that it begins with asks once, and a busy machine is late."""
        capsys.readouterr()
        return run("bench", *flags) == 0

    until(measured)
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
    assert [percentile(latencies, part) for part in (0.5, 0.99, 1)] == [10, 20, 30]
    assert percentile({}, 0.5) == 0


def test_ctrl_c_is_one_line(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("client.bench._measure", interrupt)
    assert run("bench") == INTERRUPTED
    said = capsys.readouterr().err
    assert said.startswith("INTERRUPTED: nothing was measured; ")
    assert said.count("\n") == 1


def test_a_load_hears_no_ctrl_c_and_ends_with_its_stdin_in_the_middle_of_a_job() -> None:
    """Whoever gave the job may be ended by any signal."""
    cpu = min(os.sched_getaffinity(0))
    with socket.create_server(("127.0.0.1", 0)) as silent, process("load", cpu) as worker:
        assert os.getpgid(worker.pid) == worker.pid, "a terminal's Ctrl-C is for the benchmark"
        silent.settimeout(30)
        uri = f"PYRO:any@127.0.0.1:{silent.getsockname()[1]}"
        _instruct(worker, Job([uri], "put", 1, 1, 0))
        with silent.accept()[0]:  # it waits for the handshake, and would for 20 seconds
            _pipe(worker.stdin).close()
            assert worker.wait(60) == 0
