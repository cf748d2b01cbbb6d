"""The file of --log: for its owner alone, and never in the way of a command."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvrmi import cli
from tests.client.conftest import Run

FULL = Path("/dev/full")


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    """Somebody whose files everybody may read and write."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_new_log_is_private_and_an_old_one_is_added_to(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert run("--log", str(log), "PUT", "k", "v") == 0
    assert run("--log", str(log), "--name", "me", "GET", "k") == 0
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    text = log.read_text(encoding="utf-8")
    assert " INFO PUT k status=0 " in text
    assert " INFO me GET k status=0 " in text
    assert run("--log", str(log), "GTE", "k") == 2
    assert " WARNING INVALID: unknown command 'GTE'" in log.read_text(encoding="utf-8")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no full device")
def test_what_cannot_be_logged_is_said_once(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    monkeypatch.setattr(cli, "complain", said.append)
    monkeypatch.setattr("sys.stdin", io.StringIO("PUT k v\nGET k\n"))
    assert run("--log", str(FULL)) == 0
    assert said == ["--log /dev/full cannot be written: No space left on device"]
    assert "Traceback" not in capsys.readouterr().err
