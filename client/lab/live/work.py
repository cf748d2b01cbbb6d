"""The page's own clients: a process of them, started when some are wanted.

Rules: it is a process of its own, so that its load does not delay the pages; it ends with the lab.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ...options import Options
from ...workers import process

__all__ = ["MOST", "Work"]

MOST = 64
"""Clients at most."""


class Work:
    """A process of clients, or none."""

    def __init__(self, options: Options, put: Callable[[Mapping[str, Any]], None]) -> None:
        """`put` takes each report, in a thread; an empty one when there are no clients any more."""
        self._options = options
        self._put = put
        self._lock = threading.Lock()
        self._ending = contextlib.ExitStack()
        self._process: subprocess.Popen[str] | None = None

    def want(self, clients: int) -> None:
        """Have so many clients, 0 to MOST; with none the process ends."""
        with self._lock:
            if clients == 0:
                self._end()
            else:
                self._begin(clients)

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _begin(self, clients: int) -> None:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = self._ending.enter_context(process("lab.live.load"))
            self._send(json.dumps(self._options))
            threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        self._send(str(clients))

    def _end(self) -> None:
        self._process = None
        self._ending.close()
        self._put({})

    def _send(self, line: str) -> None:
        if self._process is None or self._process.stdin is None:
            raise RuntimeError("there is no process of clients")
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _read(self, of: subprocess.Popen[str]) -> None:
        for line in of.stdout or ():
            if of is self._process:
                self._put(json.loads(line))
