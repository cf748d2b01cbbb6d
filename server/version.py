"""Whether this program knows all that made the state in a folder.

Rule: a program that is older than the state would skip commands that it does not know, and make
another state than replicas that know them; so it does not start. It changes nothing.
"""

from __future__ import annotations

from kvrmi.state.stored import MACHINE_TABLE, stored_vocabulary

from .engines.kinds import EngineKind
from .folder import Folder, FolderRefused

__all__ = ["check_version"]


def check_version(folder: Folder, kind: EngineKind) -> None:
    """Refuse, with FolderRefused, a state of a newer version, or of another machine.

    Raises StorageFailed.
    """
    mine = kind.vocabulary
    for file in folder.storages:
        if MACHINE_TABLE not in kind.declared.tables(file):
            continue
        name, version = folder.load(file, stored_vocabulary) or (mine.name, mine.version)
        if name != mine.name or version > mine.version:
            raise FolderRefused(
                f"{folder.path / file} was written by a program that knows version {version} of "
                f"the {name} operations, and this one knows version {mine.version} of the "
                f"{mine.name} operations; nothing was changed: start this replica with that "
                "program, or a newer one"
            )
