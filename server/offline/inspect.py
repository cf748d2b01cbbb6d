"""`kvrmi-server inspect FOLDER`: what a stopped replica's disks hold, for a person or as JSON.

Rules: it changes nothing; what cannot be read is named and does not hide the rest. Exit status:
0 sound, 1 refused (no such folder, or a replica runs on it), 4 damaged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kvrmi.cli import Parser, complain

from .. import endings
from ..folder import FolderRefused, Identity
from .contents import contents
from .files import Files, opened
from .found import Found, Row

COMMAND = "inspect"
REFUSED, DAMAGED = 1, 4


def main(argv: Sequence[str]) -> int:
    """Print what the folder holds; returns the exit status."""
    given = _parser().parse_args(argv)
    try:
        with opened(given.folder) as files:
            found = contents(files)
    except FolderRefused as error:
        complain(str(error), COMMAND)
        return REFUSED
    ended = endings.last(files.path)
    said = None if ended is None else ended.line
    if given.json:
        print(json.dumps(_fields(files, found, said)))
    else:
        print("\n".join(f"{name:<11}  {text}" for name, text in _rows(files, found, said)))
    return DAMAGED if files.damage else 0


def _fields(files: Files, found: Found, ended: str | None) -> dict[str, Any]:
    """Collect everything as plain values; null where a file cannot be read.

    `recovered` is what export makes of this copy: the state with all that belongs to it applied.
    """
    return {
        "folder": str(files.path),
        "engine": files.engine,
        "damage": list(files.damage),
        "ended": ended,
        "identity": None if found.identity is None else _identity(found.identity),
        **found.parts,
    }


def _identity(identity: Identity) -> dict[str, object]:
    members = {str(replica): disk for replica, disk in identity.members.items()}
    return identity._asdict() | {"members": members}


def _rows(files: Files, found: Found, ended: str | None) -> Iterator[Row]:
    yield "folder", f"{files.path}, engine {files.engine}"
    if found.identity is not None:
        yield from _identity_rows(found.identity)
    yield from found.rows
    if ended is not None:
        yield "ended", ended
    yield "damage", "; ".join(files.damage) or "none found"


def _identity_rows(identity: Identity) -> Iterator[Row]:
    yield "replica", f"{identity.replica} of cluster {identity.cluster}"
    made = "made in the place of a lost disk" if identity.recovering else "an original"
    yield "disk", f"{identity.disk}, {made}{', has never run' * identity.founding}"
    members = [f"{replica}: {disk}" for replica, disk in identity.members.items()]
    for number, member in enumerate(members or ["not known yet"]):
        yield "" if number else "members", member


def _parser() -> Parser:
    parser = Parser(
        "Show what the folder of a stopped replica holds; nothing in it changes.", command=COMMAND
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="such as .kvrmi/replica1")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser
