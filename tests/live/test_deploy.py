"""deploy/: what a container runs, started as the image starts it; the units that systemd reads."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import kvrmi
from server.ports import free_block

from .cluster import ROOT, TIMEOUT, wait_for

pytestmark = pytest.mark.live

START = ROOT / "deploy" / "start"
PROGRAMS = Path(sys.executable).parent
COUNT = 3


def run(data: Path, *words: str) -> subprocess.Popen[str]:
    programs = os.pathsep.join([str(PROGRAMS), "/usr/bin", "/bin"])
    return subprocess.Popen(
        [str(START), *words],
        env={"PATH": programs, "KVRMI_CONFIG": str(data / "cluster.toml")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def ended(processes: list[subprocess.Popen[str]]) -> Iterator[None]:
    """End all of them as a container engine does, and see that they end by themselves."""
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        statuses = [process.wait(TIMEOUT) for process in processes]
        for process in processes:
            assert process.stdout is not None
            process.stdout.close()
    assert set(statuses) == {0}


def test_containers_found_start_and_start_again(tmp_path: Path) -> None:
    base = free_block("127.0.0.1", 5 * COUNT + 1, random.Random())
    names = f"127.0.0.1:{base + 5 * COUNT}"
    replicas = [run(tmp_path, "replica", str(one + 1)) for one in range(COUNT)]
    processes = [*replicas, run(tmp_path, "nameserver")]  # they wait for the files
    with ended(processes):
        hosts = ",".join(f"127.0.0.1:{base + 5 * one}" for one in range(COUNT))
        found = run(tmp_path, "found", "--hosts", hosts, "--nameserver", names)
        assert "Cluster" in found.communicate(timeout=TIMEOUT)[0]
        health = run(tmp_path, "client", "HEALTH", "--wait", "60")
        assert "serving" in health.communicate(timeout=2 * TIMEOUT)[0]
        third = f"127.0.0.1:{base + 10}"
        wait_for(lambda: answers(third), "the third too, without which the others serve")
        with kvrmi.connect(config=str(tmp_path / "cluster.toml")) as store:
            store["deployed"] = "once"
            replicas[2].kill()
            output, _ = replicas[2].communicate(timeout=TIMEOUT)
            assert "[replica] up replica=3" in output, "its log is on its output"
            processes[2] = replicas[2] = run(tmp_path, "replica", "3")
            store["deployed"] = "twice"
        wait_for(lambda: answers(third) and deployed_at(third) == "twice", "what it missed")


def answers(address: str) -> bool:
    try:
        deployed_at(address)
    except kvrmi.errors.ConnectionFailed:  # it starts
        return False
    return True


def deployed_at(address: str) -> str | bytes | None:
    with kvrmi.connect(addresses=[address]) as store:
        return store.get("deployed", consistency="local")


def test_what_a_container_cannot_run(tmp_path: Path) -> None:
    refused = run(tmp_path, "acceptor")
    output, _ = refused.communicate(timeout=TIMEOUT)
    assert (refused.returncode, output) == (
        2, "kvrmi: say what to run: found, nameserver, replica N or client\n",
    )  # fmt: skip


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    checker = shutil.which("systemd-analyze")
    if checker is None:
        pytest.skip("systemd-analyze is not installed")
    for unit in sorted((ROOT / "deploy" / "systemd").glob("*.service")):
        text = unit.read_text().replace("/opt/kvrmi/bin/", "/bin/env ")
        (tmp_path / unit.name.replace("@", "@3")).write_text(text)
    units = [str(unit) for unit in tmp_path.iterdir()]
    done = subprocess.run([checker, "verify", *units], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
