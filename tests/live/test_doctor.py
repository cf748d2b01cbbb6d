"""doctor on a real cluster: nothing is wrong, then several things at once, each named."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

import kvrmi
from client.__main__ import main as client

from .cluster import LiveCluster, wait_for

pytestmark = pytest.mark.live

LATELY = {
    "answers", "disk space", "events", "lease", "left over", "memory", "modes", "notes",
    "restarts", "role restarts",
}  # fmt: skip
"""What other tests, a small machine, or the umask of 0 under which it was founded may leave."""


def doctor(live: LiveCluster, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str]]:
    """Exit status, and what was found, by check; the texts of one check together."""
    status = client(["--config", str(live.config), "--json", "doctor"])
    report = json.loads(capsys.readouterr().out)
    found: dict[str, str] = {}
    for one in report["findings"]:
        found[one["check"]] = f"{found.get(one['check'], '')}{one['what']}\n"
    skipped = {one["name"] for one in report["checks"] if one["skipped"]}
    assert skipped <= {"lease", "answers"}, skipped
    return status, found


def test_doctor_names_what_is_wrong_in_a_cluster_that_runs(
    live: LiveCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    _await_health(live, capsys)
    held, behind, stopped, failed = live.followers()
    order = ["--config", str(live.config)]
    pid = None
    try:
        assert client([*order, "KILL", str(held)]) == 0
        assert client([*order, "FAIL", str(failed), "proposer"]) == 0
        _cut_off(live, behind)
        with kvrmi.connect(config=live.config) as store:
            store.put("doctor", "x")
        pid = live.signal(stopped, signal.SIGSTOP)
        capsys.readouterr()
        began = time.monotonic()
        status, found = doctor(live, capsys)
        assert time.monotonic() - began < 45
    finally:
        if pid is not None:
            os.kill(pid, signal.SIGCONT)
        client([*order, "HEAL"])
        client([*order, "START", str(held)])
        client([*order, "RESTART", str(failed), "proposer"])
    live.settle()
    assert status == 3
    assert found["serving"].startswith("the cluster does not serve: 3 of 5 replicas are up;")
    assert found["held"] == f"replica {held} is held: down on purpose\n"
    assert found["roles"] == f"the proposer of replica {failed} is down\n"
    assert found["cuts"].startswith("links are cut: ")
    assert found["lag"].startswith(f"replica {behind} has applied slot ")
    assert f"replica {stopped} is not answering" in found["replicas"]


def _await_health(live: LiveCluster, capsys: pytest.CaptureFixture[str]) -> None:
    """Wait until doctor finds nothing but what other tests may have left."""
    found: dict[str, str] = {}

    def is_well() -> bool:
        found.clear()
        found.update(doctor(live, capsys)[1])
        return set(found) <= LATELY

    try:
        wait_for(is_well, "nothing is wrong")
    except AssertionError as error:
        raise AssertionError(f"{error}: {found}") from None


def _cut_off(live: LiveCluster, replica: int) -> None:
    for other in live.cluster.ids:
        for one in {replica, other} if other != replica else ():
            for pair in ((replica, other), (other, replica)):
                if live.entries()[one]:
                    live.admins.call(one, "cut", *pair, timeout=10.0)
