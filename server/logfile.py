"""Log files of the programs: rotated, written behind, and quiet on a full disk.

Rules: who logs never waits for a disk, nor for a terminal: a thread writes the lines. What cannot
be logged is dropped, and that is said once: on stderr where the file cannot be written (a traceback
for each line, as `logging` writes by itself, would fill the file that keeps what the process
prints), in the log where lines came faster than they were written.
"""

from __future__ import annotations

import errno
import logging
import logging.handlers
import os
import queue
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["Behind", "LogFile", "dropped", "rotate", "start_log"]

FILE_BYTES = 8 << 20
FILES = 3
"""Of each log as many former files are kept."""
OUTPUT_BYTES = 1 << 20
"""Of what a process prints: it says why it ended, and hardly more."""
QUEUED_LINES = 4096
"""Lines that may wait for a disk that hangs; more are dropped and counted."""
TOGETHER_SECONDS = 0.05
"""Lines of so long are written together: a thread that wakes for each costs more than the line."""
LAST_SECONDS = 1.0
"""The end of a process waits so long for the lines that are not written yet."""

_FORMAT = "%(asctime)s [%(part)s] %(level)s%(message)s"


class LogFile(logging.handlers.RotatingFileHandler):
    """Appends lines to a file; drops what the disk does not take."""

    stream: Any

    def __init__(self, file: Path) -> None:
        """Open it. Raises OSError."""
        self.dropped = 0
        self._bytes = 0
        super().__init__(file, maxBytes=FILE_BYTES, backupCount=FILES, encoding="utf-8")

    def _open(self) -> Any:
        # Without a buffer: whoever ends the process would wait for it, behind a write that hangs.
        file = open(self.baseFilename, "ab", buffering=0)  # noqa: SIM115
        self._bytes = os.fstat(file.fileno()).st_size
        return file

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; a new file is begun first where this one would grow too large."""
        try:
            self._write((self.format(record) + "\n").encode(errors="backslashreplace"))
        except Exception:
            self.handleError(record)

    def _write(self, line: bytes) -> None:
        if self._bytes + len(line) > self.maxBytes:
            self.doRollover()
        if self.stream is None:  # what a rollover that failed leaves
            self.stream = self._open()
        if self.stream.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._bytes += len(line)

    def handleError(self, record: logging.LogRecord) -> None:
        """Say it the first time."""
        self.dropped += 1
        if self.dropped == 1:
            why = sys.exc_info()[1]
            print(f"{self.baseFilename} cannot be written: {why}", file=sys.stderr, flush=True)


class Behind(logging.handlers.QueueHandler):
    """Leaves lines to a thread of its own, which hands them to other handlers."""

    queue: queue.SimpleQueue[logging.LogRecord | threading.Event]

    def __init__(self, handlers: Sequence[logging.Handler]) -> None:
        """Write by `handlers`, which nobody else uses from now on."""
        super().__init__(queue.SimpleQueue())
        self.setFormatter(logging.Formatter("%(message)s"))  # the whole line is made behind
        self._handlers = handlers
        self._left_out = 0
        self._dropped = 0
        self._hurry = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Count the lines that were not written, for whatever reason."""
        return self._left_out + sum(getattr(one, "dropped", 0) for one in self._handlers)

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Make its text now: what it is made of may change."""
        record.msg = self.format(record)
        record.args = record.exc_info = record.exc_text = record.stack_info = None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Never waits: what finds no room is counted, until there is some for many again."""
        if self.queue.qsize() >= (QUEUED_LINES // 2 if self._dropped else QUEUED_LINES):
            self._dropped += 1
            self._left_out += 1
            return
        self._report_dropped()
        self.queue.put(record)

    def _report_dropped(self) -> None:
        if self._dropped:
            text = f"{self._dropped} lines were left out here: they were not written in time"
            self._dropped = 0
            self.queue.put(logging.makeLogRecord({"name": __name__, "msg": text}))

    def flush(self) -> None:
        """Wait until what was logged is written, one second at most."""
        if not self._closed:
            written = threading.Event()
            self.acquire()
            try:
                self._report_dropped()
            finally:
                self.release()
            self.queue.put(written)
            self._hurry.set()
            written.wait(LAST_SECONDS)

    def close(self) -> None:
        """Write what waits and end the thread, which closes the handlers; two seconds at most."""
        self.flush()
        if not self._closed:
            self._closed = True
            self.queue.put(threading.Event())  # wakes the thread
            self._thread.join(LAST_SECONDS)
        super().close()

    def _run(self) -> None:
        while not self._closed:
            self._write(self.queue.get())
            while not self.queue.empty():
                self._write(self.queue.get())
            self._hurry.wait(TOGETHER_SECONDS)
        for handler in self._handlers:
            handler.close()

    def _write(self, one: logging.LogRecord | threading.Event) -> None:
        if isinstance(one, threading.Event):
            self._hurry.clear()
            one.set()
            return
        for handler in self._handlers:
            handler.emit(one)  # without its lock, which the end of the process takes


def dropped() -> int:
    """Count the lines of this process's log that were not written."""
    return sum(one.dropped for one in logging.getLogger().handlers if isinstance(one, Behind))


def rotate(output: Path) -> None:
    """Begin anew the file that keeps what processes print, once it is large. Raises OSError."""
    if output.exists() and output.stat().st_size > OUTPUT_BYTES:
        output.replace(output.with_name(output.name + ".1"))


class _Format(logging.Formatter):
    """`2026-11-21 03:04:05.678 [acceptor] promise ballot=7.2`; ERROR and CRITICAL are named."""

    default_msec_format = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        """One line; a traceback follows on its own lines."""
        record.part = record.name.rpartition(".")[2]
        record.level = "" if record.levelno < logging.ERROR else record.levelname + " "
        return super().format(record)


def start_log(file: Path, *, console: bool) -> None:
    """Log this process to `file`, rotated, and to stdout too if asked. Raises OSError."""
    handlers: list[logging.Handler] = [LogFile(file)]
    if console:
        handlers.append(logging.StreamHandler(sys.stdout))
    for handler in handlers:
        handler.setFormatter(_Format(_FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[Behind(handlers)], force=True)
    logging.getLogger("Pyro5").setLevel(logging.CRITICAL)  # it repeats what we report
