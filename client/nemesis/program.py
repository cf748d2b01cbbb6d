"""`python -m client nemesis`: the command line, how it goes, and the exit status.

Rule: the report alone is on standard output; how it goes is on standard error, as one live line on
a terminal. Status 0: passed; 1: something is wrong, and folder and history are kept; 2: usage.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from kvrmi import cli
from kvrmi.checker.history import FAIL, OK, UNKNOWN

from ..history import Recorder
from ..tables import columns_of, wrapped
from ..workload import Settings
from .run import Wish, run
from .subject import CONFIG, NotStarted

__all__ = ["main"]

HISTORY = "history.jsonl"


def main(words: Sequence[str], *, as_json: bool) -> int:
    """Run the nemesis as the command line says; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(words)
    try:
        _check_files(options, parser)
    except OSError as error:
        parser.error(f"{cli.reason(error)}; nothing was started")
    data = options.data or Path(tempfile.mkdtemp(prefix="kvrmi-nemesis-"))
    record = options.record or data / HISTORY
    load = Settings(options.clients, options.keys, options.seed)
    seconds = options.minutes * 60
    # Ended from outside, it must still end what it started.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    wish = Wish(seconds, options.seed, data.resolve(), options.replicas, record, load)
    try:
        with _Lines(Console(stderr=True)) as show:
            report = run(wish, show)
    except (NotStarted, OSError) as error:
        why = cli.reason(error) if isinstance(error, OSError) else error
        cli.complain(f"{why}; the folder is {data}", "nemesis")
        return 1
    except (KeyboardInterrupt, SystemExit):
        if options.data is None:
            shutil.rmtree(data, ignore_errors=True)
        raise
    if report.passed and options.data is None:
        shutil.rmtree(data)
        report = report._replace(folder=None, history=report.history if options.record else None)
    if options.report is not None:
        options.report.write_text(json.dumps(report.fields()) + "\n", encoding="utf-8")
    if as_json or options.json:
        print(json.dumps(report.fields()), flush=True)
    else:
        print("\n".join(map(_fitted, report.words())), flush=True)
    return 0 if report.passed else 1


def _check_files(options: argparse.Namespace, parser: cli.Parser) -> None:
    """Refuse files that would be in the way, and make the folder. Raises OSError."""
    if options.data is not None and (options.data / CONFIG).exists():
        parser.error(
            f"--data {options.data} holds a cluster: it would be broken, name a new folder"
        )
    for file in (options.record, options.report):
        if file is not None and not file.absolute().parent.is_dir():
            parser.error(f"there is no folder for {file}")
    if options.data is not None:
        options.data.mkdir(parents=True, exist_ok=True)


def _fitted(line: str) -> str:
    """Break a line of the report at words where the terminal would break it anywhere."""
    text = line.lstrip()
    indent = line[: len(line) - len(text)]
    return wrapped(text, columns_of(sys.stdout), indent, " " * 14) if sys.stdout.isatty() else line


class _Lines:
    """Shows how it goes: a line for each fault, and a live one below where that can be seen."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self._began = time.monotonic()

    def __enter__(self) -> _Lines:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def report(self, text: str) -> None:
        """Print a line with the seconds since the beginning."""
        seconds = time.monotonic() - self._began
        self._console.print(Text(f"{seconds:7.1f} s  {text}"), soft_wrap=True)

    def progress(self, done: float, kills: int, recorder: Recorder) -> None:
        """Show how far it is, where that can be seen."""
        if self._live is None:
            return
        counts = "  ".join(f"{recorder.outcomes[name]} {name}" for name in (OK, FAIL, UNKNOWN))
        bar = ("#" * round(30 * done)).ljust(30, ".")
        self._live.update(Text(f"[{bar}] {100 * done:3.0f} %  {kills} kills  {counts}"))


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "Start a cluster of its own, fail it again and again under load, and check "
        "every answer that its clients got.",
        command="nemesis",
        epilog="Exit status: 0 passed, 1 something is wrong (it says what, and keeps the folder), "
        "2 usage. From five minutes on the limits for kills and pauses bind too.",
    )
    add = parser.add_argument
    add(
        "--minutes",
        type=cli.above_zero("minutes", 10_000),
        default=1.0,
        metavar="M",
        help="how long to run (1)",
    )
    add("--seed", type=int, default=0, metavar="N", help="makes the same faults come again (0)")
    add("--data", type=cli.folder, metavar="DIR", help="a new folder, which is kept")
    add("--replicas", type=cli.whole(3, 9), default=5, metavar="N", help="how many, 3 to 9 (5)")
    add("--record", type=Path, metavar="FILE", help="write the history there too")
    add("--clients", type=cli.whole(1, 64), default=8, metavar="N", help="how many at a time (8)")
    add("--keys", type=cli.whole(1, 10000), default=100, metavar="K", help="different keys (100)")
    add("--report", type=Path, metavar="FILE", help="write the JSON object to a file as well")
    add("--json", action="store_true", help="print one JSON object")
    return parser
