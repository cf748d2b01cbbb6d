"""`run_cluster.py --chaos`: the client's nemesis at work on this cluster, in this terminal.

Rules: Ctrl-C ends the faults, not the cluster under them: first all is brought back and the history
checked. Only starts and ends it; what is failed, and whether all went well, is the nemesis' affair.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kvrmi.cli import Parser, above_zero
from kvrmi.cluster.chaos import ALL, FAILED, GROUPS, span, unfit

from ..engines.kinds import DEFAULT
from .processes import command, environment

__all__ = ["add_flags", "problem", "run", "words"]

PATIENCE = 3.0
"""Seconds that it has to end when the cluster ends."""
_FLAGS = ("fail_every", "restart_after", "chaos_minutes")


def add_flags(parser: Parser) -> None:
    """Add the flags to the coordinator's."""
    add = parser.add_argument
    add(
        "--chaos",
        nargs="?",
        const=ALL,
        choices=GROUPS,
        help="fail the cluster at random under load until Ctrl-C, then check every answer (all)",
    )
    add("--fail-every", type=_spelt, metavar="A-B", help="seconds between two faults (3-5)")
    add(
        "--restart-after",
        type=_spelt,
        metavar="C-D",
        help="seconds until what was failed is brought back (what suits the fault)",
    )
    add("--amnesia", action="store_true", help="disks are lost too, as many as others can spare")
    add(
        "--chaos-minutes",
        type=above_zero("minutes", 10_000),
        metavar="M",
        help="how long (until Ctrl-C)",
    )


def problem(given: argparse.Namespace, replicas: int) -> str | None:
    """Say what is wrong with these flags beside one another."""
    if given.chaos is None:
        stray = [name for name in _FLAGS if getattr(given, name) is not None]
        stray += ["amnesia"] * given.amnesia
        return f"--{stray[0].replace('_', '-')} needs --chaos" if stray else None
    if given.demo or given.down_after is not None:
        return "--chaos fails the cluster by itself: without --demo and --down-after"
    engine = given.engine or DEFAULT
    if (why := unfit(engine, given.chaos, amnesia=given.amnesia)) is not None:
        return f"{why}; nothing was started"
    if replicas < (least := FAILED[engine].least):
        return f"--chaos needs at least {least} replicas, so that one may fail"
    return None


def words(given: argparse.Namespace) -> Sequence[str] | None:
    """Make the nemesis' command line of these flags; None: there is no chaos."""
    if given.chaos is None:
        return None
    found = ["--only", given.chaos, *["--amnesia"] * given.amnesia]
    options = {
        "--fail-every": given.fail_every,
        "--restart-after": given.restart_after,
        "--minutes": given.chaos_minutes,
        "--seed": given.seed,
    }
    return [*found, *_pairs(options.items())]


def run(words: Sequence[str], config: Path, stopping: threading.Event, *, plain: bool) -> int:
    """Run it until it ends, or the cluster does; its exit status."""
    interrupts: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    child = subprocess.Popen(
        command("client", "--config", str(config), "nemesis", "--attach", *words),
        env=environment() | ({"TERM": "dumb", "NO_COLOR": "1"} if plain else {}),
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches it through us, once
    )
    try:
        while child.poll() is None and not stopping.wait(0.1):
            while interrupts:
                child.send_signal(interrupts.pop())
    finally:
        _end(child)
        signal.signal(signal.SIGINT, before)
    return 0 if stopping.is_set() else child.returncode


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _spelt(text: str) -> str:
    """Check a range, and pass it on as it is."""
    span(text)
    return text


def _pairs(options: Iterable[tuple[str, Any]]) -> list[str]:
    given = [(flag, value) for flag, value in options if value is not None]
    return [word for flag, value in given for word in (flag, str(value))]
