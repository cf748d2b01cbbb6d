"""Files that users name: read if they are ordinary, written whole or left as they were.

Rules: a link is followed, never replaced; a folder, a device, a pipe or a socket is refused before
anything is done; what is written is synced before it has its name. It knows no format.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["opened", "replacing"]

_STREAMS = ("-", "/dev/stdout", "/dev/stderr", "/dev/stdin")
"""Names that other programs take for a stream; ours would be a file of that name."""


def opened(named: str | Path) -> BinaryIO:
    """Open an ordinary file to read it: another might never end. Raises OSError."""
    path = _expanded(named)
    _must_be_ordinary(path)
    return path.open("rb")


@contextlib.contextmanager
def replacing(named: str | Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Write a file that replaces what has this name once the block ends, synced. Raises OSError.

    When it raises, or the block does, what was there before still is. private: its owner alone may
    read it; else it keeps the mode of what it replaces.
    """
    path = _place(named)
    part = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        with _created(part, path, private) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _place(named: str | Path) -> Path:
    """Find the ordinary file behind a name, or where there can be one. Raises OSError."""
    if str(named) in _STREAMS:
        raise OSError("it is no ordinary file: name a file")
    path = _expanded(named)
    with contextlib.suppress(FileNotFoundError):
        _must_be_ordinary(path)
    return path.resolve()


def _expanded(named: str | Path) -> Path:
    try:
        path = Path(named).expanduser()
        os.fsencode(path)
        if "\0" in str(path):
            raise ValueError("its name holds a NUL")
    except (RuntimeError, ValueError) as error:  # there is no such home, or no such name
        raise OSError(str(error)) from error
    return path


def _must_be_ordinary(path: Path) -> None:
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is a folder" if path.is_dir() else "it is no ordinary file")


def _created(part: Path, path: Path, private: bool) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    file = os.fdopen(os.open(part, flags, 0o600 if private else 0o666), "wb")
    if path.exists() and not private:
        os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
    return file


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
