"""Runs planted bugs until each is found, and reports after how many seeds, and what noticed it.

Rule: a bug counts as found only by a run that the production parts pass; a bug that is not found
within LIMIT seeds is a check that is missing or a fault that is never drawn.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from importlib.resources import files
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from .protocol import Explored
from .run import STEPS, Ended, run

__all__ = ["LIMIT", "Found", "about", "find", "find_all", "known_seeds", "report", "shows"]

SHOWN = 110
"""Characters of a violation in the table."""

BROKEN = ("NameError", "AttributeError", "TypeError", "ImportError", "UnboundLocalError")
"""What an exception is called that no check raises."""

LIMIT = 1000
"""Seeds within which every bug has to be found."""


class Found(NamedTuple):
    """The outcome for one bug: `seeds` were run, and `violation` is empty if none showed it."""

    bug: str
    seeds: int
    seed: int
    """The one that showed it, or -1."""
    profile: str
    violation: str


def about(protocol: Explored, bug: str) -> str:
    """Say what is wrong, in a sentence or two."""
    return (protocol.bugs[bug].__doc__ or "").strip()


def known_seeds(protocol: Explored) -> dict[str, int]:
    """Return a seed that shows each bug, as the last `--bugs --json` found them."""
    rows = json.loads(files(protocol.package).joinpath("bugs.json").read_bytes())
    return {row["bug"]: row["seed"] for row in rows}


def find(protocol: Explored, bug: str, seeds: Sequence[int], jobs: int = 1) -> Found:
    """Run seeds, in their order, until one shows the bug; raises KeyError for an unknown one."""
    protocol.bugs[bug]
    ended = None
    with closing(_run_all(protocol, bug, seeds, jobs)) as runs:
        for count, ended in enumerate(runs, 1):
            if shows(ended) and not run(protocol, ended.seed).violation:
                return Found(bug, count, ended.seed, ended.profile, ended.violation)
    return Found(bug, len(seeds), -1, "", "")


def shows(ended: Ended) -> bool:
    """Return whether a check noticed something, rather than that the planted code cannot run."""
    return bool(ended.violation) and not any(error in ended.violation for error in BROKEN)


def _run_all(
    protocol: Explored, bug: str, seeds: Sequence[int], jobs: int
) -> Generator[Ended, None, None]:
    """Give runs in the order of seeds; whoever closes this stops the rest."""
    work = partial(_run, protocol, bug)
    if jobs <= 1:
        yield from map(work, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        try:
            for first in range(0, len(seeds), 8 * jobs):
                yield from pool.map(work, seeds[first : first + 8 * jobs], chunksize=2)
        finally:
            pool.shutdown(cancel_futures=True)


def _run(protocol: Explored, bug: str, seed: int) -> Ended:
    return run(protocol, seed, steps=STEPS, parts=protocol.bugs[bug]())


def find_all(
    protocol: Explored, bugs: Iterable[str], seeds: Sequence[int], jobs: int
) -> list[Found]:
    """Find each, with a live display on a terminal and a line a bug elsewhere, on stderr."""
    console, names = Console(stderr=True), list(bugs)
    if not console.is_terminal:
        return list(_said_plainly(protocol, names, seeds, jobs))
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    found = []
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(names))
        for name in names:
            progress.update(task, description=name)
            found.append(find(protocol, name, seeds, jobs))
            progress.advance(task)
    return found


def _said_plainly(
    protocol: Explored, names: Sequence[str], seeds: Sequence[int], jobs: int
) -> Iterator[Found]:
    for name in names:
        found = find(protocol, name, seeds, jobs)
        outcome = f"seed {found.seed}" if found.violation else "not found"
        print(f"{name}: {outcome} ({found.seeds} seeds)", file=sys.stderr, flush=True)
        yield found


def report(protocol: Explored, found: Sequence[Found], *, as_json: bool) -> int:
    """Print the table, or JSON; returns the exit status: 1 if a bug was not found."""
    if as_json:
        print(
            json.dumps(
                [one._asdict() | {"about": about(protocol, one.bug)} for one in found], indent=1
            )
        )
    else:
        Console().print(_table(found))
        for one in found:
            if not one.violation:
                print(f"NOT FOUND within {one.seeds} seeds: {one.bug}. {about(protocol, one.bug)}")
    return 0 if all(one.violation for one in found) else 1


def _table(found: Sequence[Found]) -> Table:
    table = Table("bug", title="planted bugs", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("seeds", justify="right")
    table.add_column("profile")
    table.add_column("what noticed it", ratio=1, overflow="fold")
    for one in found:
        noticed = one.violation if len(one.violation) <= SHOWN else one.violation[:SHOWN] + " .."
        table.add_row(one.bug, f"{one.seeds:,}", one.profile, noticed or "NOT FOUND")
    return table
