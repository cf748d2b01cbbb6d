"""`kvrmi-server export FOLDER FILE`: a stopped replica's contents, as the client's EXPORT has them.

Rules: the folder does not change; the file is one moment of the store, the last that this copy
gives, whatever its engine. Exit status: 0 done, 1 refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from kvrmi.cli import Parser, complain
from kvrmi.dump import Page, Summary, save
from kvrmi.operations.commands import encode_question
from kvrmi.operations.interface import SCAN_ITEMS, Value

from ..folder import FolderRefused
from .contents import contents
from .files import Files, opened
from .found import Found, Pairs

COMMAND = "export"
REFUSED = 1


def main(argv: Sequence[str]) -> int:
    """Write the file, and say what is in it and what is not sure; returns the exit status."""
    given = _parser().parse_args(argv)
    try:
        with opened(given.folder) as files:
            found = contents(files)
            summary = _save(files, found, given.file)
    except FolderRefused as error:
        complain(str(error), COMMAND)
        return REFUSED
    for line in (*found.doubts, *(f"damage: {problem}" for problem in files.damage)):
        complain(line, COMMAND)
    print(
        f"OK exported {summary.keys} key{'s' * (summary.keys != 1)}, digest {summary.digest[:12]}, "
        f"revision {summary.revision}"
    )
    return 0


def _save(files: Files, found: Found, file: Path) -> Summary:
    if found.pairs is None:
        why = ", ".join(files.damage) or f"engine {files.engine} keeps its pairs elsewhere"
        raise FolderRefused(f"there is no state to read: {files.path}: {why}")
    cluster = "" if found.identity is None else found.identity.cluster
    try:
        return save(file, cluster, _pages(found.pairs))
    except OSError as error:
        raise FolderRefused(f"{file} cannot be written: {error.strerror or error}") from error


def _pages(pairs: Pairs) -> Iterator[Page]:
    start: str | None = None
    while True:
        question = encode_question("scan", ("", start, SCAN_ITEMS))
        page = cast("list[tuple[str, Value]]", pairs.read(question).value)
        yield Page(pairs.revision, page)
        if not page:
            return
        start = page[-1][0]


def _parser() -> Parser:
    parser = Parser(
        "Write what a stopped replica's folder holds into a file; IMPORT reads it.", command=COMMAND
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="such as .kvrmi/replica1")
    parser.add_argument("file", type=Path, metavar="FILE", help="to write, JSON lines")
    return parser
