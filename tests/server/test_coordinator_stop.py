"""Who is ended by `stop`: whoever holds a lock of a cluster's folder, by the name of the lock."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from server.coordinator import stop
from server.coordinator.processes import Process
from server.pidlock import PidLock


@pytest.mark.parametrize("broken", [None, "name = "])
def test_it_ends_who_runs_without_a_usable_cluster_file(
    broken: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if broken is not None:
        (tmp_path / "cluster.toml").write_text(broken)
    lock = PidLock.take(tmp_path / "replica2.lock")
    assert lock is not None
    waits = [sys.executable, "-c", "import time; time.sleep(100)"]
    process = Process.start(waits, tmp_path / "output", keep=[lock.descriptor])
    lock.close()
    try:
        assert stop.main(["--data", str(tmp_path)]) == 0
        assert capsys.readouterr().out == f"stopped in {tmp_path}: replica 2\n"
        assert process.wait(0)
    finally:
        process.kill()
        process.close()
    assert stop.main(["--data", str(tmp_path)]) == 1
    assert "no cluster was stopped" in capsys.readouterr().err
