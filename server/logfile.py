"""Log files of the programs: rotated, so that none grows without limit, and quiet on a full disk.

Rule: what cannot be logged is dropped, and that is said once on stderr: a traceback for each line,
as `logging` writes by itself, would fill the file that keeps what the process prints.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
from pathlib import Path

__all__ = ["LogFile", "rotate"]

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
