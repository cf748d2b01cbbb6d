"""The programs in examples/ run as they stand, each as a process, against one cluster."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import kvrmi
from server.ports import free_block

from .cluster import ROOT, TIMEOUT, LiveCluster, wait_for

pytestmark = pytest.mark.live


def environment(live: LiveCluster) -> dict[str, str]:
    host, port = live.cluster.nameserver.rsplit(":", 1)
    return os.environ | {
        "KVRMI_CONFIG": str(live.config),
        "PYRO_NS_HOST": host,
        "PYRO_NS_PORT": port,
    }


def run(live: LiveCluster, name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / name, *arguments],
        env=environment(live),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("counter.py", "the store did not answer: "),
        ("asyncio_threads.py", "the store did not answer: "),
        ("plain_pyro.py", "no name server answers: "),
        ("over_http.py", "no gateway answers at http://localhost:1: Connection refused"),
    ],
)
def test_without_a_cluster_they_say_so_in_one_line(name: str, said: str, tmp_path: Path) -> None:
    settings = {"PYRO_NS_HOST": "127.0.0.1", "PYRO_NS_PORT": "1"}
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / name, "http://localhost:1"],
        cwd=tmp_path,
        env=os.environ | settings | {"KVRMI_CONFIG": str(tmp_path / "none.toml")},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_a_script_counts_its_runs(live: LiveCluster) -> None:
    with kvrmi.connect(config=live.config) as store:
        for key, _ in list(store.scan("counter/")):  # of a workload on the same cluster
            store.delete(key)
    assert run(live, "counter.py").splitlines() == ["run 1", "counter/runs = 1"]
    assert run(live, "counter.py").splitlines() == ["run 2", "counter/runs = 2"]


def test_a_plain_pyro_program(live: LiveCluster) -> None:
    lines = run(live, "plain_pyro.py").splitlines()
    assert lines[0].startswith("revision ")
    assert lines[1:] == [f"kvrmi.replica{number}: Delft" for number in live.cluster.ids]


def test_a_plain_pyro_program_while_a_replica_is_down(live: LiveCluster) -> None:
    with live.orders() as orders:
        orders.kill(1)
        lines = run(live, "plain_pyro.py").splitlines()
        orders.start(1)
    assert lines[0].startswith("kvrmi.replica1: cannot connect")
    assert lines[1].startswith("revision ")
    assert lines[2].startswith("kvrmi.replica1: cannot connect")
    assert lines[3] == "kvrmi.replica2: Delft"


def test_asyncio_with_threads(live: LiveCluster) -> None:
    assert run(live, "asyncio_threads.py") == ("20 tasks, the last one read: hello from task 19\n")


PATTERN = r"kvrmi\.replica[0-9]$"


@pytest.mark.parametrize("file", ["README.md", "examples/over_http.py"])
def test_the_gateway_s_pattern_is_the_one_that_is_tried_here(file: str) -> None:
    assert f"'{PATTERN}'" in (ROOT / file).read_text()


def test_the_gateway_lists_the_stores_alone(live: LiveCluster, gateway: str) -> None:
    with urllib.request.urlopen(f"{gateway}/", timeout=TIMEOUT) as answer:
        page = answer.read().decode()
    assert page.count("<tr><td>") == len(live.cluster.ids)
    assert "put_many" in page
    assert "??error" not in page


@pytest.fixture
def gateway(live: LiveCluster) -> Iterator[str]:
    port = free_block("127.0.0.1", 1, random.Random())
    command = [sys.executable, "-m", "Pyro5.utils.httpgateway", "--host", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--expose", PATTERN],
        env=environment(live),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: accepts(port), "the gateway listens")
        yield f"http://127.0.0.1:{port}/pyro"
    finally:
        process.kill()
        process.wait()


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_http_and_json(live: LiveCluster, gateway: str) -> None:
    lines = run(live, "over_http.py", gateway).splitlines()
    assert lines[0].startswith("revision ")
    assert lines[1:] == ["read Leiden", "refused: INVALID: the key is over 1024 bytes of UTF-8"]
