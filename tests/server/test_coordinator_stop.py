"""Who runs in a folder without a cluster file is found by its lock: named, and ended by `stop`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from server.coordinator import stop
from server.coordinator.founding import Refused, Wish, prepare
from server.coordinator.processes import Process
from server.pidlock import PidLock


@pytest.mark.parametrize(
    ("lock_file", "name"), [("replica2.lock", "replica 2"), ("beside1.lock", "beside1")]
)
@pytest.mark.parametrize("broken", [None, "name = "])
def test_it_ends_who_runs_without_a_usable_cluster_file(
    broken: str | None,
    lock_file: str,
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if broken is not None:
        (tmp_path / "cluster.toml").write_text(broken)
    lock = PidLock.take(tmp_path / lock_file)
    assert lock is not None
    waits = [sys.executable, "-c", "import time; time.sleep(100)"]
    process = Process.start(waits, tmp_path / "output", keep=[lock.descriptor])
    lock.close()
    try:
        assert stop.main(["--data", str(tmp_path)]) == 0
        assert capsys.readouterr().out == f"stopped in {tmp_path}: {name}\n"
        assert process.wait(0)
    finally:
        process.kill()
        process.close()
    assert stop.main(["--data", str(tmp_path)]) == 1
    assert "no cluster was stopped" in capsys.readouterr().err


def test_who_runs_without_a_cluster_file_is_named(tmp_path: Path) -> None:
    data = tmp_path / "data"
    prepare(Wish(data, 3, ephemeral=True))
    (data / "cluster.toml").unlink()
    held = [PidLock.take(data / name) for name in ("coordinator.lock", "replica2/lock")]
    with pytest.raises(Refused, match=r"here run coordinator, replica 2: put that file back"):
        prepare(Wish(data, 3, ephemeral=True))
    for lock in held:
        assert lock is not None
        lock.close()
    with pytest.raises(Refused, match=r"no cluster\.toml"):
        prepare(Wish(data, 3, ephemeral=True))
