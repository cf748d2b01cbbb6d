"""Programs that an engine needs beside its replicas: started, waited for, started again, ended."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.coordinator import beside
from server.coordinator.beside import Beside
from server.coordinator.founding import Refused
from server.coordinator.launch import Launcher
from server.engines.beside import Program
from tests.server.stubs import until

WAITS = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).mkdir(exist_ok=True); time.sleep(100)"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Beside]:
    """One program, which serves once its folder is there."""
    argv = [sys.executable, "-c", WAITS]
    program = Program("other1", lambda folder: [*argv, str(folder)], (tmp_path / "other1").is_dir)
    found = Beside([program], Launcher(tmp_path / "cluster.toml"), lambda line: None)
    yield found
    found.stop()


def test_it_is_waited_for_and_started_again_and_ended(made: Beside, tmp_path: Path) -> None:
    launcher = Launcher(tmp_path / "cluster.toml")
    made.begin(threading.Event())
    first = launcher.find_other("other1")
    assert first is not None
    first.kill()
    until(lambda: (now := launcher.find_other("other1")) is not None and now.pid != first.pid)
    first.close()
    made.stop()
    assert launcher.find_other("other1") is None


def test_one_that_does_not_serve_is_named_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "READY_SECONDS", 0.0)
    argv = [sys.executable, "-c", "import time; time.sleep(100)"]
    program = Program("other1", lambda folder: argv, lambda: False)
    found = Beside([program], Launcher(tmp_path / "cluster.toml"), lambda line: None)
    try:
        with pytest.raises(Refused, match="other1 does not serve"):
            found.begin(threading.Event())
    finally:
        found.stop()
