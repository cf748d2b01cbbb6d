"""`python -m client compare`: the command line, the clusters it starts, and what it prints.

Rule: one cluster at a time, in a folder of its own that is gone afterwards; the tables, or one JSON
object, are on standard output, how it goes is on standard error.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from kvrmi import cli
from kvrmi.errors import KVError

from ..exits import EXIT_STATUS
from ..nemesis.subject import NotStarted, Subject
from ..render import Printer
from ..tables import table
from .failing import fail
from .measuring import rates
from .page import page
from .results import Found, Moment, Rate, Second, note_of

__all__ = ["ENGINES", "main"]

ENGINES = ("paxos", "2pc", "single", "etcd")
"""All that a cluster can be started with."""
_NAMES = ", ".join(ENGINES)


def main(words: Sequence[str], *, as_json: bool) -> int:
    """Compare the engines that the command line names; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(words)
    if options.html is not None and not options.html.absolute().parent.is_dir():
        parser.error(f"there is no folder for {options.html}; nothing was started")
    if options.html is not None and not os.access(options.html.absolute().parent, os.W_OK):
        parser.error(f"the folder of {options.html} cannot be written; nothing was started")
    for number in (signal.SIGTERM, signal.SIGHUP):  # it must still end what it started
        signal.signal(number, lambda *_: sys.exit(1))
    printer = Printer(as_json=as_json or options.json)
    try:
        found = [_compared(engine, options) for engine in options.engines]
    except NotStarted as error:
        cli.complain(str(error), "compare")
        return 1
    except KVError as error:
        printer.error(error.code, str(error))
        return EXIT_STATUS[error.code]
    finally:
        _progress("")
    if options.html is not None:
        options.html.write_text(page(found, _about(options)), encoding="utf-8")
    if printer.as_json:
        about = {"op": "compare", "about": _about(options)}
        printer.result((), about | {"engines": [one.fields() for one in found]})
    else:
        _show(found, options.html)
    return 0


def _compared(engine: str, options: argparse.Namespace) -> Found:
    with _cluster(engine) as subject:

        def show(text: str) -> None:
            _progress(f"{engine}: {text}")

        replicas = len(subject.cluster.ids)
        measured, costs = rates(subject, options.clients, options.seconds, show)
        if not options.fail:
            return Found(engine, replicas, measured, costs, [], [])
        note = note_of(subject.status())
        seconds, moments = fail(subject, options.fail, options.fail, show)
        return Found(engine, replicas, measured, costs, seconds, moments, note)


@contextmanager
def _cluster(engine: str) -> Iterator[Subject]:
    data = Path(tempfile.mkdtemp(prefix="kvrmi-compare-"))
    subject = Subject(data)
    _progress(f"{engine}: starting")
    try:
        subject.start("--engine", engine)
        yield subject
    finally:
        subject.stop()
        shutil.rmtree(data, ignore_errors=True)


def _about(options: argparse.Namespace) -> str:
    return (
        f"{os.cpu_count()} CPUs, {platform.system()}, Python {platform.python_version()}; "
        f"{options.seconds:g} s for each figure, values of 100 bytes, all on one machine"
    )


def _show(found: Sequence[Found], html: Path | None) -> None:
    rows = [[one.engine, *_figures(rate)] for one in found for rate in one.rates]
    table(sys.stdout, ["engine", "op", "clients", "calls/s", "p50 ms", "p99 ms", "errors"], rows)
    print()
    costs = [
        [one.engine, str(cost.clients), f"{cost.messages:.2f}", f"{cost.syncs:.2f}"]
        for one in found
        for cost in one.costs
    ]
    table(sys.stdout, ["engine", "clients", "messages/PUT", "disk writes/PUT"], costs)
    for one in found:
        _show_failures(one)
    if html is not None:
        print(f"\nthe page is {html}")


def _show_failures(found: Found) -> None:
    """Print for each stretch between two events what clients got in its seconds."""
    if not found.seconds:
        return
    print(f"\n{found.engine}: {found.note}")
    rows = [
        [found.engine, text, str(len(stretch)), *map(_span, zip(*stretch, strict=True))]
        for text, stretch in _stretches(found.seconds, found.moments)
    ]
    table(sys.stdout, ["engine", "since", "seconds", "reads/s", "writes/s", "errors/s"], rows)


def _stretches(
    seconds: Sequence[Second], moments: Sequence[Moment]
) -> Iterator[tuple[str, list[Second]]]:
    """Cut the seconds at the events; a second in which something happened begins a stretch."""
    starts = [(0, "all are up"), *((int(moment.at), moment.text) for moment in moments)]

    def which(second: int) -> int:
        return max(number for number, (at, _) in enumerate(starts) if at <= second)

    for number, group in groupby(range(len(seconds)), which):
        yield starts[number][1], [seconds[second] for second in group]


def _span(values: Sequence[int]) -> str:
    """Show the least and the most of a stretch."""
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def _figures(rate: Rate) -> list[str]:
    latencies = f"{rate.p50_ms:.2f}", f"{rate.p99_ms:.2f}"
    return [rate.op, str(rate.clients), f"{rate.per_second:.0f}", *latencies, str(rate.errors)]


def _progress(text: str) -> None:
    """Show a waiting person what goes on; an empty text wipes the line."""
    if sys.stderr.isatty():
        print(f"\r{text:<60}", end="\r" if not text else "", file=sys.stderr, flush=True)


def _engines(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in ENGINES]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no engine {unknown[0]!r}: use {_NAMES}")
    return names


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "Start a cluster of each engine, put the same work on it, kill its servers under load, "
        "and show the figures beside one another.",
        command="compare",
    )
    add = parser.add_argument
    add(
        "--engines",
        type=_engines,
        default=["single", "2pc", "paxos"],
        metavar="E,E",
        help="which, in this order (single,2pc,paxos)",
    )
    add(
        "--clients",
        type=cli.wholes(1, 1000),
        default=[1, 16, 64],
        metavar="N,N",
        help="how many at once (1,16,64)",
    )
    add(
        "--seconds",
        type=cli.above_zero("seconds", 3600),
        default=2.0,
        metavar="S",
        help="length of each measurement (2)",
    )
    add(
        "--fail",
        type=cli.whole(0, 600),
        default=4,
        metavar="S",
        help="how long servers are down, and up again after it; 0: none is killed (4)",
    )
    add("--html", type=Path, metavar="FILE", help="also write a page with charts")
    add("--json", action="store_true", help="print one JSON object")
    return parser
