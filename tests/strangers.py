"""Somebody who may not enter a folder: root becomes another user for the length of a block."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 65_534


@contextmanager
def shut_out(path: Path) -> Iterator[None]:
    """Run the block where `path` may not be entered, nor read. What it imports must be loaded."""
    former, mode = os.geteuid(), path.stat().st_mode
    path.chmod(0)
    try:
        if former == 0:
            os.seteuid(_NOBODY)
        yield
    finally:
        os.seteuid(former)
        path.chmod(mode)
