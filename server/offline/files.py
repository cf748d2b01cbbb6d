"""The folder of a replica that does not run, of whatever engine: found, kept to oneself, read.

Rules: nothing in the folder changes; while it is read no replica can start there; what one file
lacks does not hide what the other has. It knows which files there are, and not what they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from kvrmi.cli import reason
from kvrmi.roles.invariants import InvariantBroken
from kvrmi.storage.frozen import FrozenFile
from kvrmi.storage.interface import Corrupt, Readable, StorageFailed

from .. import pidlock
from ..engines.kinds import ENGINES, EngineKind
from ..folder import IDENTITY, FolderRefused, Identity

__all__ = ["Files", "engine_of", "identity", "opened"]

T = TypeVar("T")

_UNREADABLE = (Corrupt, InvariantBroken, FolderRefused, ValueError)


class Files:
    """A folder's files, each read once; `damage` names those that are missing or damaged."""

    def __init__(self, path: Path, engine: str, stack: ExitStack) -> None:
        """Use `opened`. What is read is closed with `stack`."""
        self.path = path
        self.engine = engine
        self.damage: list[str] = []
        self._stack = stack

    @property
    def kind(self) -> EngineKind:
        """What its replica is made of."""
        return ENGINES[self.engine]

    def has(self, name: str) -> bool:
        """Whether that file is there."""
        return (self.path / name).exists()

    def part(self, name: str, take: Callable[[FrozenFile], T]) -> T | None:
        """Give what `take` makes of a file; None: it is missing or damaged. Raises FolderRefused.

        The file that `take` gets is open as long as the folder is.
        """
        if not self.has(name):
            self.damage.append(f"{name} is missing")
            return None
        declared = self.kind.declared
        identity = IDENTITY if name == declared.voters_file else {}
        try:
            file = FrozenFile(self.path / name, {**declared.tables(name), **identity})
            self._stack.callback(file.close)
            return take(file)
        except _UNREADABLE as error:
            self.damage.append(f"{name} is damaged: {error}")
            return None
        except (OSError, StorageFailed) as error:
            raise _unreadable(self.path, error) from error


def identity(file: Readable) -> Identity:
    """Read whose disk it is. Raises Corrupt, FolderRefused, ValueError."""
    row = file.read("identity", "identity")
    if row is None:
        raise Corrupt("it does not record which replica it belongs to")
    return Identity.unpack(row)


@contextmanager
def opened(folder: Path) -> Iterator[Files]:
    """Find whose folder it is, and keep replicas out of it while the block runs.

    Raises FolderRefused for one that is none, that is in use or cannot be read.
    """
    engine = engine_of(folder)
    with ExitStack() as stack:
        try:
            free = stack.enter_context(pidlock.shared(folder / "lock"))
        except OSError as error:
            raise _unreadable(folder, error) from error
        if not free:
            raise FolderRefused(
                f"{folder} is in use by process {pidlock.holder(folder / 'lock') or 'unknown'}: "
                "stop that replica first, or ask the running cluster (STATUS, EXPORT)"
            )
        yield Files(folder, engine, stack)


def engine_of(folder: Path) -> str:
    """Name the engine that a folder is of, by its files. Raises FolderRefused where it is none."""
    for name, kind in ENGINES.items():
        try:
            if any((folder / file).exists() for file in kind.declared.disks):
                return name
        except OSError as error:  # somebody else's
            raise _unreadable(folder, error) from error
    raise FolderRefused(f"{folder} is not the folder of a replica: give one like .kvrmi/replica1")


def _unreadable(folder: Path, error: OSError | StorageFailed) -> FolderRefused:
    why = reason(error) if isinstance(error, OSError) else error
    return FolderRefused(f"{folder} cannot be read: {why}")
