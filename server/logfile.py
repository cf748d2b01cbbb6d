"""Log files of the programs: rotated, so that none grows without limit, and quiet on a full disk.

Rule: what cannot be logged is dropped, and that is said once on stderr: a traceback for each line,
as `logging` writes by itself, would fill the file that keeps what the process prints.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
from pathlib import Path

__all__ = ["LogFile", "rotate", "start_log"]

FILE_BYTES = 8 << 20
FILES = 3
"""Of each log as many former files are kept."""
OUTPUT_BYTES = 1 << 20
"""Of what a process prints: it says why it ended, and hardly more."""


class LogFile(logging.handlers.RotatingFileHandler):
    """Appends lines to a file; drops what the disk does not take."""

    def __init__(self, file: Path) -> None:
        """Open it. Raises OSError."""
        super().__init__(file, maxBytes=FILE_BYTES, backupCount=FILES, encoding="utf-8")
        self._dropping = False

    def handleError(self, record: logging.LogRecord) -> None:
        """Say it the first time."""
        if not self._dropping:
            self._dropping = True
            why = sys.exc_info()[1]
            print(f"{self.baseFilename} cannot be written: {why}", file=sys.stderr, flush=True)


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
        handler.setFormatter(_Format("%(asctime)s [%(part)s] %(level)s%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    logging.getLogger("Pyro5").setLevel(logging.CRITICAL)  # it repeats what we report
