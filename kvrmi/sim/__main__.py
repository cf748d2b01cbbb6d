"""python -m kvrmi.sim: run seeded histories of a cluster, and show or judge them.

Rules: the same arguments print the same, whatever the machine; the exit status is 0 when all is
well, 1 when something was violated, 2 when the arguments make no sense.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from .bugs import BUGS
from .bugs.table import LIMIT, find_all, report
from .many import Total, add_up, run_many
from .parts import Parts
from .profiles import PROFILES
from .run import STEPS, Verdict, command, run
from .script import play
from .shrink import shrink

__all__ = ["main"]

_EPILOG = """\
A run is a history of a small cluster: clients ask, faults strike for M events, then everything is
healed, must recover within a bound, and is checked: what acceptors let out against their disks, the
chosen log, every answer against it, linearizability. Seed N has profile N modulo their number:
%s

--trace prints a line an event, TIME WHO WHAT: virtual seconds; r2.acceptor for a role, r2.process
for a replica, a client's name, or fault; "< r1.proposer Accept ballot=3.1 slot=7 ..." for a message
that it handles, else what happened to it. Ballots are ROUND.REPLICA, bytes are # and a checksum.

Exit status: 0 all well, 1 a violation (with the smallest command that shows it), 2 usage."""

_WIDTH = max(len(profile.name) for profile in PROFILES)
_PLAIN_EVERY = 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with `argv` (default: the process's); returns its exit status."""
    options = _parser().parse_args(argv)
    try:
        if options.bugs is not None:
            found = find_all(options.bugs or BUGS, range(LIMIT), options.jobs)
            return report(found, as_json=options.json)
        if options.script is not None:
            return _script(options.script)
        return _one(options) if options.seeds is None else _many(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _script(path: str) -> int:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        return 0 if play(lines, print) else 1
    except (OSError, UnicodeDecodeError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 2


def _one(options: argparse.Namespace) -> int:
    verdict = run(
        options.seed,
        profile=options.profile,
        steps=options.steps,
        only=options.only,
        parts=BUGS[options.plant]() if options.plant else None,
        write=print if options.trace else None,
    )
    if options.json:
        print(json.dumps(verdict._asdict()))
    else:
        print(_sentence(verdict))
        if verdict.violation and not options.trace:
            _explain([verdict], options.plant)
    return 1 if verdict.violation else 0


def _sentence(verdict: Verdict) -> str:
    outcome = f"VIOLATION {verdict.violation}" if verdict.violation else "all well"
    return (
        f"seed {verdict.seed}, profile {verdict.profile}: {outcome}\n"
        f"{verdict.events:,} events in {verdict.seconds:.1f} s of virtual time, "
        f"{len(verdict.faults)} faults, {verdict.slots} slots chosen, "
        f"{verdict.operations} operations of clients"
    )


def _explain(failing: Iterable[Verdict], plant: str = "") -> None:
    parts: Parts | None = BUGS[plant]() if plant else None
    for verdict in failing:
        smallest = shrink(verdict, parts)
        again = f"{command(smallest)} --plant {plant}" if plant else command(smallest)
        print(f"the smallest history that shows it: {smallest.violation}")
        print(f"  {again} --trace", flush=True)


def _many(options: argparse.Namespace) -> int:
    verdicts = _run_all(options)
    failing = [verdict for verdict in verdicts if verdict.violation]
    if options.json:
        print(json.dumps(_report(verdicts, failing)))
    else:
        Console().print(_table(verdicts))
        for verdict in failing:
            print(_sentence(verdict))
        _explain(failing[: options.explain])
    return 1 if failing else 0


def _run_all(options: argparse.Namespace) -> list[Verdict]:
    seeds = options.seeds
    running = run_many(seeds, options.jobs, profile=options.profile, steps=options.steps)
    console = Console(stderr=True)
    if not console.is_terminal:
        return list(_told_plainly(running, len(seeds)))
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        return list(progress.track(running, len(seeds), description="seeds"))


def _told_plainly(running: Iterable[Verdict], count: int) -> Iterable[Verdict]:
    for done, verdict in enumerate(running, 1):
        if done % _PLAIN_EVERY == 0:
            print(f"{done:,} of {count:,} seeds", file=sys.stderr, flush=True)
        yield verdict


def _table(verdicts: Sequence[Verdict]) -> Table:
    table = Table("profile", title="simulated histories", title_justify="left")
    for heading in ("runs", "events", "virtual hours", "faults", "operations", "violations"):
        table.add_column(heading, justify="right")
    for profile in PROFILES:
        total = add_up(verdicts, lambda verdict, name=profile.name: verdict.profile == name)  # type: ignore[misc]
        if total.runs:
            table.add_row(profile.name, *_cells(total))
    table.add_section()
    table.add_row("all", *_cells(add_up(verdicts, lambda _: True)))
    return table


def _cells(total: Total) -> Iterable[str]:
    for field, value in zip(Total._fields, total, strict=True):
        yield f"{value / 3600:.1f}" if field == "seconds" else f"{value:,}"


def _report(verdicts: Sequence[Verdict], failing: Sequence[Verdict]) -> dict[str, object]:
    return {
        "ok": not failing,
        "total": add_up(verdicts, lambda _: True)._asdict(),
        "profiles": {
            profile.name: add_up(verdicts, lambda v, p=profile: v.profile == p.name)._asdict()  # type: ignore[misc]
            for profile in PROFILES
        },
        "violations": [
            {"command": command(verdict), "violation": verdict.violation} for verdict in failing
        ],
    }


# --- arguments --------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    about = "\n".join(f"  {profile.name:{_WIDTH}}  {profile.about}" for profile in PROFILES)
    parser = argparse.ArgumentParser(
        prog="python -m kvrmi.sim",
        description="Run the production consensus code under seeded faults, in virtual time.",
        epilog=_EPILOG % about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--seed", metavar="N", type=_count, default=0, help="the run to run (0)")
    what.add_argument("--seeds", metavar="A..B", type=_seeds, help="runs A to B, both included")
    parser.add_argument(
        "--profile", metavar="P", choices=[p.name for p in PROFILES], default="", help="see below"
    )
    parser.add_argument(
        "--steps", metavar="M", type=_count, default=STEPS, help=f"events with faults ({STEPS})"
    )
    parser.add_argument(
        "--only", metavar="N,N", type=_numbers, help="only these faults, by number; 0 for none"
    )
    what.add_argument("--script", metavar="FILE", help="play a scenario and print what happens")
    what.add_argument(
        "--bugs", metavar="NAME", nargs="*", type=_bug, help="find all planted bugs, or these"
    )
    parser.add_argument("--plant", metavar="NAME", type=_bug, help="plant a bug in the run")
    parser.add_argument("--trace", action="store_true", help="print a line an event")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--jobs", metavar="J", type=_count, default=os.cpu_count() or 1, help="processes (CPUs)"
    )
    parser.add_argument(
        "--explain", metavar="K", type=_count, default=3, help="failing runs to make smaller (3)"
    )
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError("below 0")
    return number


def _bug(name: str) -> str:
    if name not in BUGS:
        raise argparse.ArgumentTypeError(f"no bug is called {name}; there are {', '.join(BUGS)}")
    return name


def _seeds(text: str) -> range:
    first, dots, last = text.partition("..")
    if not dots:
        raise ValueError("not A..B")
    return range(_count(first), _count(last) + 1)


def _numbers(text: str) -> frozenset[int]:
    return frozenset(map(_count, text.split(",")))


if __name__ == "__main__":
    sys.exit(main())
