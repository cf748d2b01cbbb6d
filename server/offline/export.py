"""`kvrmi-server export FOLDER FILE`: a stopped replica's contents, as the client's EXPORT has them.

Rules: the folder does not change; the file is one moment of the store, the last that this copy has:
its learner's disk, and what its acceptor accepted beyond that. Exit status: 0 done, 1 refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from kvrmi.cli import Parser, complain
from kvrmi.dump import Page, Summary, save
from kvrmi.operations.commands import encode_question
from kvrmi.operations.interface import SCAN_ITEMS, Value
from kvrmi.state.replicated import Replicated

from ..folder import FolderRefused
from .stopped import Caught, Stopped, catch_up, open_stopped, spans

COMMAND = "export"
REFUSED = 1


def main(argv: Sequence[str]) -> int:
    """Write the file, and say what is in it and what is not sure; returns the exit status."""
    given = _parser().parse_args(argv)
    try:
        with open_stopped(given.folder) as stopped:
            caught = catch_up([stopped])
            summary = _save(stopped, caught, given.file)
    except FolderRefused as error:
        complain(str(error), COMMAND)
        return REFUSED
    for line in _doubts(stopped, caught):
        complain(line, COMMAND)
    print(
        f"OK exported {summary.keys} key{'s' * (summary.keys != 1)}, digest {summary.digest[:12]}, "
        f"revision {summary.revision}"
    )
    return 0


def _save(stopped: Stopped, caught: Caught, file: Path) -> Summary:
    cluster = "" if stopped.voter is None else stopped.voter.identity.cluster
    try:
        return save(file, cluster, _pages(caught.learned.state))
    except OSError as error:
        raise FolderRefused(f"{file} cannot be written: {error.strerror or error}") from error


def _pages(state: Replicated) -> Iterator[Page]:
    start: str | None = None
    while True:
        question = encode_question("scan", ("", start, SCAN_ITEMS))
        pairs = cast("list[tuple[str, Value]]", state.read(question).value)
        yield Page(state.revision, pairs)
        if not pairs:
            return
        start = pairs[-1][0]


def _doubts(stopped: Stopped, caught: Caught) -> Iterator[str]:
    tail = caught.tail
    unsure = [entry.slot for entry in tail.entries[tail.sure :]]
    if unsure:
        yield f"included although it is not sure that they were chosen: {spans(unsure)}"
    if tail.beyond:
        yield f"not included, as a slot before them is not in this folder: {spans(tail.beyond)}"
    yield from (f"damage: {problem}" for problem in stopped.damage)


def _parser() -> Parser:
    parser = Parser(
        "Write what a stopped replica's folder holds into a file; IMPORT reads it.", command=COMMAND
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="such as .kvrmi/replica1")
    parser.add_argument("file", type=Path, metavar="FILE", help="to write, JSON lines")
    return parser
