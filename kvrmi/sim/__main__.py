"""python -m kvrmi.sim: run seeded histories of a cluster, and show or judge them.

Rules: the same arguments print the same, whatever the machine; the exit status is 0 when all is
well, 1 when something was violated, 2 when the arguments make no sense.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from .. import cli  # first: says what is not installed, if something is not

# isort: split
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from .many import Total, add_up, run_many
from .planted import LIMIT, find_all, report
from .protocol import Explored
from .protocols import PROTOCOLS
from .run import DEFAULT, STEPS, Ended, command, run
from .seen import both
from .shrink import shrink
from .trace import Lines
from .trace_json import JsonLines

__all__ = ["main"]

_EPILOG = """\
A run is a history of a small cluster: clients ask, faults strike for M events, then everything is
healed, must recover within a bound, and is checked: what acceptors let out against their disks, the
chosen log, every answer against it, linearizability. Seed N has profile N modulo their number:
%s

--trace prints a line an event, TIME WHO WHAT: virtual seconds; r2.acceptor for a role, r2.process
for a replica, a client's name, or fault; "< r1.proposer Accept ballot=3.1 slot=7 ..." for a message
that it handles, else what happened to it; r2.host is the process that speaks to its roles. At the
end verdict shows what is wrong. Ballots are ROUND.REPLICA, bytes are # and a checksum, [a, 2 more]
is a list, @7 the revision of an answer. --trace-json has all of it, what never arrives too, as
kvrmi/sim/DESIGN.md describes.

Planted bugs, each in one place of one role (--bugs finds them, --plant puts one in):
%s

Exit status: 0 all well, 1 a violation (with the smallest command that shows it) or a bug that was
not found, 2 usage, 6 the output cannot be written."""

CANNOT_WRITE = 6

_PLAIN_EVERY = 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with `argv` (default: the process's); returns its exit status."""
    options = _options(argv)
    try:
        status = _run(options)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read our output has gone
        cli.mute()
        return 0
    except OSError as error:
        cannot = f"the output cannot be written: {error.strerror}"
        cli.complain(cli.reason(error) if error.filename else cannot)  # only a file has a name
        cli.mute()
        return CANNOT_WRITE


def _run(options: argparse.Namespace) -> int:
    if options.bugs is not None:
        bugs = options.bugs or options.protocol.bugs
        found = find_all(options.protocol, bugs, range(LIMIT), options.jobs)
        return report(options.protocol, found, as_json=options.json)
    if options.seeds is not None:
        return _many(options)
    with _json_lines(options) as recorded:
        return _one(options, recorded) if options.script is None else _script(options, recorded)


@contextmanager
def _json_lines(options: argparse.Namespace) -> Iterator[JsonLines | None]:
    """Open the file of --trace-json, if there is one; raises OSError."""
    if options.trace_json is None:
        yield None
        return
    names = ("script",) if options.script else ("seed", "steps", "only", "plant")
    which = {name: getattr(options, name) for name in names}
    if options.script is None:
        which["profile"] = options.protocol.profile(options.profile or "", options.seed).name
    with Path(options.trace_json).open("w", encoding="utf-8") as file:
        yield JsonLines(file.write, {"protocol": options.protocol.name, **which})


def _script(options: argparse.Namespace, recorded: JsonLines | None) -> int:
    protocol, path = options.protocol, options.script
    if protocol.play is None:
        cli.complain(f"there are no scenarios in words for {protocol.name}")
        return 2
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        print(f"{path}: {why}", file=sys.stderr)
        return 2
    went_well = protocol.play(lines, print, recorded)
    if recorded is not None:
        recorded.end({"violation": "" if went_well else "not as the script expects"})
    return 0 if went_well else 1


def _one(options: argparse.Namespace, recorded: JsonLines | None) -> int:
    protocol = options.protocol
    ended = run(
        protocol,
        options.seed,
        profile=options.profile or "",
        steps=options.steps,
        only=options.only,
        parts=protocol.bugs[options.plant]() if options.plant else None,
        onlooker=both(Lines(print) if options.trace else None, recorded),
    )
    if recorded is not None:
        recorded.end(ended._asdict())
    if options.json:
        print(json.dumps(_reported(ended, options.plant)))
        return 1 if ended.violation else 0
    print(_sentence(ended))
    if ended.violation and not options.trace:
        _explain([ended], options.plant)
    return 1 if ended.violation else 0


def _reported(ended: Ended, plant: str) -> dict[str, object]:
    reported: dict[str, object] = ended._asdict() | {"command": _again(ended, plant)}
    if ended.violation:
        reported["smallest"] = _again(_smallest(ended, plant), plant)
    return reported


def _again(ended: Ended, plant: str) -> str:
    return f"{command(ended)} --plant {plant}" if plant else command(ended)


def _smallest(ended: Ended, plant: str) -> Ended:
    protocol = PROTOCOLS[ended.protocol]
    return shrink(protocol, ended, protocol.bugs[plant]() if plant else None)


def _sentence(ended: Ended) -> str:
    outcome = f"VIOLATION {ended.violation}" if ended.violation else "all well"
    return (
        f"seed {ended.seed}, profile {ended.profile}, {ended.replicas} replicas: {outcome}\n"
        f"{ended.events:,} events in {ended.seconds:.1f} s of virtual time, "
        f"{len(ended.faults)} faults, {ended.slots} slots chosen, "
        f"{ended.operations} operations of clients"
    )


def _explain(failing: Iterable[Ended], plant: str) -> None:
    for ended in failing:
        smallest = _smallest(ended, plant)
        print(f"the smallest history that shows it: {smallest.violation}")
        print(f"  {_again(smallest, plant)} --trace", flush=True)
        print(f"  {_on_a_page(smallest, plant)}", flush=True)


def _on_a_page(ended: Ended, plant: str) -> str:
    """Give the command that plays it step by step."""
    words = command(ended).removeprefix("python -m kvrmi.sim")
    return f"kvrmi-client lab{words}" + f" --bug {plant}" * bool(plant)


def _many(options: argparse.Namespace) -> int:
    runs = _run_all(options)
    failing = [ended for ended in runs if ended.violation]
    summary = json.dumps(_report(options, runs, failing[: options.explain]))
    if options.report:
        Path(options.report).write_text(summary + "\n", encoding="utf-8")
    if options.json:
        print(summary)
        return 1 if failing else 0
    Console().print(_table(options.protocol, runs))
    _explain(failing[: options.explain], options.plant)
    return 1 if failing else 0


def _run_all(options: argparse.Namespace) -> list[Ended]:
    seeds = options.seeds
    running = run_many(
        options.protocol,
        seeds,
        options.jobs,
        profile=options.profile or "",
        steps=options.steps,
        plant=options.plant,
        only=options.only,
    )
    running = _shown_at_once(running, options)
    console = Console(stderr=True)
    if not console.is_terminal:
        return list(_said_plainly(running, len(seeds)))
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    # Where the output goes elsewhere it is not the display's to show.
    with Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty()) as progress:
        return list(progress.track(running, len(seeds), description="seeds"))


def _shown_at_once(running: Iterable[Ended], options: argparse.Namespace) -> Iterator[Ended]:
    """Print each violation as it is found: many seeds take hours, and may be interrupted."""
    for ended in running:
        if ended.violation:
            shown = f"{_sentence(ended)}\n  {_again(ended, options.plant)}"
            print(shown, file=sys.stderr if options.json else sys.stdout, flush=True)
        yield ended


def _said_plainly(running: Iterable[Ended], count: int) -> Iterator[Ended]:
    for done, ended in enumerate(running, 1):
        if done % _PLAIN_EVERY == 0:
            print(f"{done:,} of {count:,} seeds", file=sys.stderr, flush=True)
        yield ended


def _table(protocol: Explored, runs: Sequence[Ended]) -> Table:
    table = Table(
        "profile",
        title="simulated histories, hours of virtual time",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    for heading in ("runs", "events", "hours", "faults", "operations", "violations"):
        table.add_column(heading, justify="right")
    for profile in protocol.profiles:
        total = add_up(ended for ended in runs if ended.profile == profile.name)
        if total.runs:
            table.add_row(profile.name, *_cells(total))
    table.add_section()
    table.add_row("all", *_cells(add_up(runs)))
    return table


def _cells(total: Total) -> Iterable[str]:
    for field, value in zip(Total._fields, total, strict=True):
        yield f"{value / 3600:.1f}" if field == "seconds" else f"{value:,}"


def _report(
    options: argparse.Namespace, runs: Sequence[Ended], explained: Sequence[Ended]
) -> dict[str, object]:
    return {
        "ok": not any(ended.violation for ended in runs),
        "total": add_up(runs)._asdict(),
        "profiles": {
            profile.name: add_up(v for v in runs if v.profile == profile.name)._asdict()
            for profile in options.protocol.profiles
        },
        "replicas": dict(sorted(Counter(ended.replicas for ended in runs).items())),
        "violations": [_reported(ended, options.plant) for ended in explained],
    }


# --- arguments --------------------------------------------------------------------------------


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser(_protocol(argv))
    options = parser.parse_args(argv)
    options.protocol = PROTOCOLS[options.protocol]
    options.plant = options.plant or ""
    if options.trace and (options.seeds is not None or options.json):
        parser.error("--trace is for one run, in words")
    if options.trace_json and (options.seeds is not None or options.bugs is not None):
        parser.error("--trace-json is for one run, or one script")
    alone = options.script is not None or options.bugs is not None
    if alone and (options.plant or options.only is not None or options.trace or options.profile):
        parser.error("--script and --bugs take no run's options")
    if options.report and options.seeds is None:
        parser.error("--report is for --seeds")
    return options


def _protocol(argv: Sequence[str] | None) -> Explored:
    """Look up what is named: on it depends what else there is to name."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--protocol", choices=PROTOCOLS, default=DEFAULT)
    try:
        return PROTOCOLS[first.parse_known_args(argv)[0].protocol]
    except argparse.ArgumentError:  # it is refused where all of the line is read
        return PROTOCOLS[DEFAULT]


def _parser(protocol: Explored) -> cli.Parser:
    width = max(len(profile.name) for profile in protocol.profiles)
    about = "\n".join(f"  {one.name:{width}}  {one.about}" for one in protocol.profiles)
    parser = cli.Parser(
        "Run the production consensus code under seeded faults, in virtual time.",
        epilog=_EPILOG % (about, ", ".join(protocol.bugs)),
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--seed", metavar="N", type=_count, default=0, help="the one run to make (0)")
    what.add_argument("--seeds", metavar="A..B", type=_seeds, help="all runs from A to B")
    what.add_argument("--script", metavar="FILE", help="play a scenario and print what happens")
    what.add_argument(
        "--bugs",
        metavar="NAME",
        nargs="*",
        type=partial(_bug, protocol),
        help="find all planted bugs, or these",
    )
    _add_run_options(parser, protocol)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--report", metavar="FILE", help="write it to a file as well")
    parser.add_argument(
        "--jobs", metavar="J", type=_some, default=os.cpu_count() or 1, help="processes (CPUs)"
    )
    parser.add_argument(
        "--explain", metavar="K", type=_count, default=3, help="failing runs to make smaller (3)"
    )
    return parser


def _add_run_options(parser: argparse.ArgumentParser, protocol: Explored) -> None:
    parser.add_argument(
        "--protocol",
        metavar="NAME",
        choices=PROTOCOLS,
        default=DEFAULT,
        help=f"whose runs ({DEFAULT})",
    )
    profiles = [profile.name for profile in protocol.profiles]
    parser.add_argument("--profile", metavar="P", choices=profiles, help="see below")
    parser.add_argument(
        "--steps", metavar="M", type=_some, default=STEPS, help=f"events with faults ({STEPS})"
    )
    parser.add_argument(
        "--only", metavar="N,N", type=_numbers, help="only these faults, by number; 0 for none"
    )
    parser.add_argument("--plant", metavar="NAME", type=partial(_bug, protocol), help="plant a bug")
    parser.add_argument("--trace", action="store_true", help="print a line an event")
    parser.add_argument(
        "--trace-json", metavar="FILE", help="write all that happens as JSON lines, for programs"
    )


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return int(text)


def _some(text: str) -> int:
    if _count(text) == 0:
        raise argparse.ArgumentTypeError("it must be at least 1")
    return int(text)


def _bug(protocol: Explored, name: str) -> str:
    if name not in protocol.bugs:
        raise argparse.ArgumentTypeError(f"no bug is called {name!r}")
    return name


def _seeds(text: str) -> range:
    first, dots, last = text.partition("..")
    if not dots or _count(first) > _count(last):
        raise argparse.ArgumentTypeError(f"{text!r} is not A..B with A up to B")
    return range(int(first), int(last) + 1)


def _numbers(text: str) -> frozenset[int]:
    return frozenset(map(_count, text.split(",")))


if __name__ == "__main__":
    sys.exit(main())
