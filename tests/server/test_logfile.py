"""Log files: rotated, and quiet on a full disk."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

import pytest

from server import logfile
from server.logfile import LogFile, rotate


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("kvrmi", logging.INFO, "file", 1, text, None, None)


def test_a_full_disk_is_reported_once(capfd: pytest.CaptureFixture[str]) -> None:
    log = LogFile(Path("/dev/full"))
    for _ in range(100):
        log.handle(record("x" * 1000))
    printed = capfd.readouterr().err
    with contextlib.suppress(OSError):
        log.close()
    assert printed == "/dev/full cannot be written: [Errno 28] No space left on device\n"


def test_a_log_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "FILE_BYTES", 10_000)
    log = LogFile(tmp_path / "log")
    for _ in range(100):
        log.handle(record("x" * 1000))
    log.close()
    assert len(list(tmp_path.iterdir())) == 1 + logfile.FILES
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 4 * 10_000


def test_output_begins_anew_once_it_is_large(tmp_path: Path) -> None:
    output = tmp_path / "replica1.out"
    rotate(output)
    output.write_bytes(b"x" * 1000)
    rotate(output)
    assert output.exists()
    for _ in range(3):
        output.write_bytes(b"x" * (logfile.OUTPUT_BYTES + 1))
        rotate(output)
    assert [path.name for path in tmp_path.iterdir()] == ["replica1.out.1"]
