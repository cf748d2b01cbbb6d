"""A lab of its own: the program as users start it, and the address that it prints."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[3]
DEADLINE = 60


class Lab(NamedTuple):
    """One that runs."""

    process: subprocess.Popen[str]
    address: str

    @property
    def token(self) -> str:
        return self.address.partition("token=")[2]

    @property
    def host(self) -> str:
        return self.address.split("/")[2]


@contextmanager
def running(*words: str, config: Path | None = None) -> Iterator[Lab]:
    where = [] if config is None else ["--config", str(config)]
    command = [sys.executable, "-m", "client", *where, "lab", "--no-browser", *words]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], DEADLINE)[0], "it printed no address"
            yield Lab(process, process.stdout.readline().split()[-1])
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(DEADLINE)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running("--scenario", "duelling_proposers") as one:
        yield one
