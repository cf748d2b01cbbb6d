"""`lab list` and `lab run NAME`: the scenarios in a terminal.

Rules: exit status 0 if all went as expected, 1 if not, 2 for a command that makes no sense; a
scenario that cannot be played as it is asked for is refused before anything starts. A cluster that
is started for one is ended, whatever happens, and its folder is kept only if something went wrong.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from kvrmi import cli
from kvrmi.columns import wrapped
from kvrmi.sim.scenario import Scenario, Wrong, read

from ...tables import columns_of
from . import dare, play
from .every import all_live, all_simulated, cluster_for
from .shipped import named, texts
from .show import Show
from .steps import is_playable

__all__ = ["COMMANDS"]

_SIMULATED = "in the simulator, in virtual time"
_LIVE = "on processes of their own"


def _list(words: Sequence[str]) -> int:
    """List what there is."""
    _parser(
        "list", "List the scenarios: what each is about, and where it can be played."
    ).parse_args(words)
    found = {name: named(name) for name in texts()}
    width = columns_of(sys.stdout)
    for name, scenario in found.items():
        where = "both" if is_playable(scenario) else "simulator"
        first = f"{name:{max(map(len, found))}}  {where:9}  "
        print(wrapped(scenario.title, width, first, " " * len(first)))
    print("\nlab run NAME plays one in the simulator; --live on real processes (both)")
    return 0


def _run(words: Sequence[str]) -> int:
    """Play one, or all."""
    parser = _parser("run", "Play a scenario, and check what it expects.")
    parser.add_argument("name", metavar="NAME", nargs="?", help="of `lab list`, or a file")
    parser.add_argument("--all", action="store_true", help="all of them, with a line for each")
    parser.add_argument(
        "--live", action="store_true", help="on real processes, which are started for it"
    )
    given = parser.parse_args(words)
    if given.all == (given.name is not None):
        parser.error("name a scenario, or give --all")
    if given.live:
        # Ended from outside, it must still end what it started.
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
    if given.all:
        return all_live(sys.stdout) if given.live else all_simulated(sys.stdout)
    try:
        lines, scenario = _found(given.name)
        if given.live and not is_playable(scenario):
            raise Wrong(
                f"{given.name} is about single messages, moments of virtual time or a planted bug: "
                "it plays in the simulator only"
            )
    except (Wrong, OSError, UnicodeDecodeError) as error:
        parser.error(cli.reason(error) if isinstance(error, OSError) else str(error))
    show = Show(sys.stdout, scenario)
    show.begin(_LIVE if given.live else _SIMULATED)
    if given.live:
        wrong = _on_processes(scenario, show)
    else:
        wrong = play.simulated(scenario.protocol, lines, show.line)
    show.end(wrong)
    return 1 if wrong else 0


def _found(name: str) -> tuple[list[str], Scenario]:
    """Read a scenario that ships, or one in a file; raises Wrong and OSError."""
    known = texts()
    if name not in known and not Path(name).is_file():
        raise Wrong(f"there is no scenario {name!r}: `lab list` lists them")
    text = known[name] if name in known else Path(name).read_text(encoding="utf-8")
    lines = text.splitlines()
    return lines, read(lines)


def _on_processes(scenario: Scenario, show: Show) -> str:
    """Start a cluster, play on it, and end it; what was not as expected, or nothing."""
    with cluster_for(scenario) as run:
        return run(scenario, show.line)


def _parser(command: str, about: str) -> cli.Parser:
    status = "Exit status: 0 as expected, 1 not as expected, 2 usage."
    return cli.Parser(about, command=f"lab {command}", epilog=status)


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "dare": dare.main,
    "list": _list,
    "run": _run,
}
"""By their first word."""
