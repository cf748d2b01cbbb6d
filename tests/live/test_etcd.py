"""Gateways before an etcd that has lost its quorum: what they answer, and what they say of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable

import Pyro5.api
import pytest

from kvrmi.cluster.naming import kvstore

from .cluster import ROOT, LiveCluster, running, wait_for

pytestmark = pytest.mark.live


def test_an_etcd_without_a_quorum_is_named_and_nothing_is_done(
    make_cluster: Callable[..., LiveCluster],
) -> None:
    pytest.importorskip("etcd3gw")
    if shutil.which("etcd") is None:
        pytest.skip("no etcd on this machine: apt-get install etcd-server")
    live = make_cluster("--engine", "etcd", "--ephemeral", "--replicas", "1")
    live.start()

    def client(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "client", "--config", str(live.config), *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, cwd=ROOT)

    assert client("PUT", "city", "Bern").returncode == 0
    assert "replicas up; etcd at 127.0.0.1:" in client("HEALTH").stdout
    assert live.coordinator is not None
    live.coordinator.kill()  # nobody starts them again
    live.coordinator.communicate()
    for pid in [*running(live.data / "etcd1"), *running(live.data / "etcd2")]:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: "no leader" in client("STATUS").stdout, "the third has noticed it")
    wait_for(lambda: client("HEALTH").returncode == 3, "no quorum; a busy replica is none at all")
    member = live.cluster.members[0]
    with Pyro5.api.Proxy(f"PYRO:{kvstore(1)}@{member.host}:{member.client}") as plain:
        for name, *args in (("put", "city", "Oslo"), ("get", "city")):
            with pytest.raises(RuntimeError, match=r"^NO_QUORUM: .*no leader.*; nothing was done"):
                getattr(plain, name)(*args)
    assert client("GET", "city").returncode in (3, 6), "6: the last of its attempts was cut short"
    wait_for(lambda: client("GET", "city", "--local").stdout == "Bern\n", "old, and labelled so")
    live.start()
    assert client("HEALTH", "--wait", "50").returncode == 0
    assert client("GET", "city").stdout == "Bern\n"
