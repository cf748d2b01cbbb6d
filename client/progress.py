"""How far a long command is: a bar on a terminal, nothing elsewhere.

It goes to stderr and is gone when the command is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["Advance", "progress"]

Advance = Callable[[int], None]
"""Takes how many more keys are done."""


@contextmanager
def progress(done: str, keys: int) -> Iterator[Advance]:
    """Show how many of the keys are `done` ("deleted", say)."""
    console = Console(stderr=True)
    columns = (TextColumn(f"keys {done}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with bar:
        task = bar.add_task(done, total=keys)
        yield lambda more: bar.advance(task, more)
