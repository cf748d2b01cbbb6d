"""`python -m client trace`: what the replicas said to each other lately, as a space-time diagram.

Rules: the diagram alone is on standard output, in whatever format; it reads what replicas keep and
changes nothing. Status 0; 1 nothing of what is asked for is kept, 2 usage, 6 nobody answers.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from kvrmi import cli
from kvrmi.errors import ConnectionFailed, Unsupported

from ..admin import Admin
from ..admins import admins_of
from ..options import Options
from ..tables import columns_of
from . import drawing, html, jsonl, mermaid
from .merged import Diagram, merged
from .rings import Rings, read
from .selection import LAST, NotKept, Wish, selected

__all__ = ["main"]

_NOT_KEPT = 1
_TONES = {"trouble": "red", "good": "bold", "faint": "dim"}
_DAY = 86_400.0
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def main(words: Sequence[str], options: Options) -> int:
    """Show the diagram that the command line asks for; returns the exit status."""
    given = _parser().parse_args(words)
    form = "jsonl" if options.json and given.format == "text" else given.format
    rings = _read(options)
    if not rings.rings:
        raise ConnectionFailed("; ".join(rings.silent.values()) or "nobody answers")
    try:
        diagram = selected(merged(rings), Wish(given.slot, given.last, given.since))
    except NotKept as error:
        cli.complain(str(error), "trace")
        return _NOT_KEPT
    _FORMATS[form](diagram)
    return 0


def _read(options: Options) -> Rings:
    with options.connect() as store:
        status = Admin(store, options.config, options.named).status()
        answering = [entry for entry in status["replicas"] if entry.get("counters")]
        if answering and not any(entry.get("roles") for entry in answering):
            raise Unsupported(f"engine {status['engine']} has no messages between replicas")
        return read(status, admins_of(store, options.config, options.named))


def _text(diagram: Diagram) -> None:
    console = Console(highlight=False)
    for line in drawing.drawn(diagram, columns_of(sys.stdout)):
        console.print(Text(line.text, _TONES.get(line.tone, "")), soft_wrap=True)


def _lines(made: Callable[[Diagram], Iterable[str]]) -> Callable[[Diagram], None]:
    def show(diagram: Diagram) -> None:
        for line in made(diagram):
            sys.stdout.write(line + "\n")
        sys.stdout.flush()

    return show


_FORMATS: Mapping[str, Callable[[Diagram], None]] = {
    "text": _text,
    "mermaid": _lines(mermaid.lines),
    "html": _lines(html.lines),
    "jsonl": _lines(jsonl.lines),
}


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(
        "Show what the replicas of a running cluster said to each other lately: a column a "
        "replica, time down, messages as arrows. Replicas keep their last events, of writes under "
        "load a sample; needs the cluster file and the secret beside it.",
        command="trace",
        epilog="Exit status: 0, 1 nothing of it is kept, 2 usage, 6 nobody answers.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--slot", metavar="N", type=cli.whole(1, 1 << 62), help="all of one slot of the log"
    )
    which.add_argument(
        "--last", metavar="M", type=cli.whole(1, 1_000_000), help=f"the last M events ({LAST})"
    )
    which.add_argument(
        "--since", metavar="T", type=_since, help="since a time, 10:31:05, or for a time, 30s or 5m"
    )
    parser.add_argument(
        "--format", choices=list(_FORMATS), default="text", help="how to show it (text)"
    )
    return parser


def _since(text: str) -> float:
    """Read the last such time of day, or so long ago, as seconds of the day's clock."""
    ago = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    now = time.time()
    if ago:
        return now - float(ago[1]) * _UNITS[ago[2]]
    clock = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", text)
    if clock is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: 10:31 or 10:31:05 is one, and 30s or 5m is how long ago"
        )
    day = time.localtime(now)
    hour, minute, second = map(int, clock.groups(default="0"))
    at = time.mktime((*day[:3], hour, minute, second, *day[6:8], -1))
    return at if at <= now else at - _DAY
