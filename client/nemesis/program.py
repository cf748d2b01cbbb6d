"""`python -m client nemesis`: the command line, how it goes, and the exit status.

Rule: the report alone is on standard output; how it goes is on standard error, or on a terminal's
screen. Status 0: passed; 1: something is wrong, and folder and history are kept; 2: usage.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from types import FrameType

from rich.console import Console

from kvrmi import cli
from kvrmi.cluster.chaos import ALL, GROUPS, span, unfit
from kvrmi.cluster.file import find
from kvrmi.columns import wrapped
from kvrmi.errors import InvalidRequest, Unsupported

from ..options import Options
from ..tables import columns_of
from ..workload import Settings
from .display import Lines, Screen
from .plan import WHOLE, Mix, draw
from .report import Report
from .run import Wish, attached, run
from .subject import CONFIG, NotStarted, Subject

__all__ = ["main"]

HISTORY = "history.jsonl"
REPLICAS = 5
_MIXED = ("only", "fail_every", "restart_after", "amnesia")


def main(words: Sequence[str], options: Options) -> int:
    """Run the nemesis as the command line says; returns the exit status."""
    parser = _parser()
    given = parser.parse_args(words)
    try:
        _check_files(given, parser)
    except OSError as error:
        parser.error(f"{cli.reason(error)}; nothing was started")
    if given.plan:
        print("\n".join(_planned(given)), flush=True)
        return 0
    # Ended from outside, it must still end what it started, and bring back what it failed.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    folder = given.data or Path(tempfile.mkdtemp(prefix="kvrmi-nemesis-"))
    try:
        report = _attached(given, folder, options) if given.attach else _own(given, folder)
    except (NotStarted, OSError) as error:
        why = cli.reason(error) if isinstance(error, OSError) else error
        where = "" if given.attach else f"; the folder is {folder}"
        cli.complain(f"{why}{where}", "nemesis")
        return 1
    except BaseException:
        if given.data is None:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    if report.passed and given.data is None:
        shutil.rmtree(folder)
        report = report._replace(folder=None, history=report.history if given.record else None)
    if given.report is not None:
        given.report.write_text(json.dumps(report.fields()) + "\n", encoding="utf-8")
    if options.json or given.json:
        print(json.dumps(report.fields()), flush=True)
    else:
        print("\n".join(map(_fitted, report.words())), flush=True)
    return 0 if report.passed else 1


def _own(given: argparse.Namespace, folder: Path) -> Report:
    wish = _wish(given, folder.resolve(), given.replicas or REPLICAS)
    with Lines(Console(stderr=True)) as show:
        return run(wish, show, Event())


def _attached(given: argparse.Namespace, folder: Path, options: Options) -> Report:
    """Run it on the cluster that runs; Ctrl-C ends the faults, a second one all of it."""
    subject = _subject(options, given)
    wish = _wish(given, folder, len(subject.cluster.ids))
    stopped = Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, stop)
    console = Console(stderr=True)
    title = f"chaos, {wish.mix.only}, seed {wish.seed}"
    is_screen = console.is_terminal and not console.is_dumb_terminal and not console.no_color
    with Screen(console, options, title, stopped) if is_screen else Lines(console) as show:
        return attached(wish, subject, show, stopped)


def _subject(options: Options, given: argparse.Namespace) -> Subject:
    """Find the cluster, and check that it can be failed so. Raises NotStarted, KVError, OSError."""
    config = find(options.config)
    if config is None or options.named:
        raise InvalidRequest(
            "--attach needs the folder of the cluster: name its file, --config F before nemesis"
        )
    file = Path(os.path.abspath(config)).resolve()
    subject = Subject(file.parent, file.name)
    try:
        subject.attach()
        why = unfit(subject.cluster.engine, given.only or ALL, amnesia=given.amnesia)
        if why is not None:
            raise Unsupported(f"{why}; nothing was done")
        subject.check_whole()
    except ValueError as error:
        raise InvalidRequest(f"cluster file {error}") from error
    return subject


def _wish(given: argparse.Namespace, folder: Path, replicas: int) -> Wish:
    minutes = given.minutes or (math.inf if given.attach else 1.0)
    record = given.record or folder / HISTORY
    load = Settings(given.clients, given.keys, given.seed)
    mix = Mix(
        given.only or ALL, given.fail_every or WHOLE.every, given.restart_after, given.amnesia
    )
    if not given.attach and not any(getattr(given, name) for name in _MIXED):
        mix = WHOLE
    return Wish(minutes * 60, given.seed, folder, replicas, record, load, mix)


def _planned(given: argparse.Namespace) -> Iterator[str]:
    """Say what a run would do, and when."""
    wish = _wish(given, Path(), given.replicas or REPLICAS)
    seconds = 60.0 if math.isinf(wish.seconds) else wish.seconds
    for at, fault in draw(wish.seed, range(1, wish.replicas + 1), seconds, wish.mix):
        lasting = f" for {fault.lasting:.1f} s" if fault.lasting else ""
        first = ", ".join(map(str, fault.order))
        yield f"{at:7.1f} s  {fault.name}{lasting}; replicas in this order: {first}"


def _check_files(options: argparse.Namespace, parser: cli.Parser) -> None:
    """Refuse files that would be in the way, and make the folder. Raises OSError."""
    if options.attach and (options.data is not None or options.replicas is not None):
        parser.error("--attach takes the cluster that runs: without --data and --replicas")
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


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "Fail a cluster again and again under load, and check every answer that its clients got: "
        "one of its own, or with --attach one that runs.",
        command="nemesis",
        epilog="With --attach it goes on until Ctrl-C, or for --minutes; then all that was failed "
        "is brought back, the keys that its clients made are deleted, and the history is checked. "
        "The same seed makes the same plan.\n\n"
        "Exit status: 0 passed, 1 something is wrong (it says what, and keeps the folder), "
        "2 usage. From five minutes on the limits for kills and pauses bind too, on a cluster of "
        "its own where nothing is chosen.",
    )
    add = parser.add_argument
    add(
        "--minutes",
        type=cli.above_zero("minutes", 10_000),
        metavar="M",
        help="how long to run (1; with --attach until Ctrl-C)",
    )
    add("--attach", action="store_true", help="fail the cluster that runs, of --config")
    add("--only", choices=GROUPS, help="what is failed (all)")
    add("--fail-every", type=span, metavar="A-B", help="seconds between two faults (3-5)")
    add(
        "--restart-after",
        type=span,
        metavar="C-D",
        help="seconds until what was failed is brought back (what suits the fault)",
    )
    add("--amnesia", action="store_true", help="disks are lost too, as many as others can spare")
    add("--plan", action="store_true", help="print what would be failed when, and do nothing")
    add("--seed", type=int, default=0, metavar="N", help="makes the same faults come again (0)")
    add("--data", type=cli.folder, metavar="DIR", help="a new folder, which is kept")
    add("--replicas", type=cli.whole(3, 9), metavar="N", help="how many, 3 to 9 (5)")
    add("--record", type=Path, metavar="FILE", help="write the history there too")
    add("--clients", type=cli.whole(1, 64), default=8, metavar="N", help="how many at a time (8)")
    add("--keys", type=cli.whole(1, 10000), default=100, metavar="K", help="different keys (100)")
    add("--report", type=Path, metavar="FILE", help="write the JSON object to a file as well")
    add("--json", action="store_true", help="print one JSON object")
    return parser
