"""Log files: rotated, and quiet on a full disk."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading
import time
from pathlib import Path

import pytest

from server import logfile
from server.logfile import Behind, LogFile, rotate


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
    assert log.dropped == 100


def test_a_log_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "FILE_BYTES", 10_000)
    log = LogFile(tmp_path / "log")
    for _ in range(100):
        log.handle(record("x" * 1000))
    log.close()
    assert len(list(tmp_path.iterdir())) == 1 + logfile.FILES
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 4 * 10_000


def test_a_disk_that_hangs_holds_nobody_who_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile, "QUEUED_LINES", 500)
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    behind = Behind([LogFile(pipe)])
    began = time.monotonic()
    for number in range(2000):
        behind.handle(record(f"{number} " + "x" * 990))
    behind.flush()
    assert time.monotonic() - began < 10.0
    written = _drained(reader, behind)
    os.close(reader)
    numbers = [int(line.split()[0]) for line in written if "were left out" not in line]
    left_out = [int(line.split()[0]) for line in written if "were left out" in line]
    assert numbers == sorted(numbers)
    assert len(numbers) >= 500
    assert len(numbers) + sum(left_out) == 2000
    assert behind.dropped == sum(left_out)


def _drained(reader: int, behind: Behind) -> list[str]:
    """Read all that is written until the log has ended."""
    text, end = b"", threading.Thread(target=behind.close)
    end.start()
    while select.select([reader], [], [], 30.0)[0] and (data := os.read(reader, 1 << 16)):
        text += data
    end.join()
    return text.decode().splitlines()


def test_what_was_logged_before_the_end_is_written(tmp_path: Path) -> None:
    behind = Behind([LogFile(tmp_path / "log")])
    values = ["made of what is there when it is logged"]
    behind.handle(logging.LogRecord("kvrmi", logging.INFO, "file", 1, "%s", (values,), None))
    values.clear()
    behind.close()
    assert "when it is logged" in (tmp_path / "log").read_text()


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
