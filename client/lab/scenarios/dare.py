"""`lab dare`: break safety, in a terminal; impossible, but with a planted bug.

Rules: a line is a move or one of the few words below; who sends moves from a file plays the same.
Exit status 0, also for who breaks what was planted; 1 if safety broke and nothing was planted.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence

from kvrmi import cli
from kvrmi.columns import wrapped
from kvrmi.sim.paxos.script_print import START
from kvrmi.sim.planted import about
from kvrmi.sim.protocols import PROTOCOLS
from kvrmi.sim.scenario import Wrong

from ...tables import columns_of
from .game import QUIT, Game

__all__ = ["BEGIN", "HINT", "MOVES", "main"]

BEGIN = """\
Five replicas agree, replica 1 leads. Make them decide differently: have one slot decided twice, or
an acknowledged write lost, or a read return what is old. You may order any failure; time stands
still between your moves.

"""
MOVES = """\
  put k v at 1           ask replica 1 and wait; also get k at 2, delete k at 3
  ask put k v at 1       ask, and do not wait
  run 0.5                let half a second pass
  kill 1, 2  start 1     end processes, start them again
  pause 1    resume 1    stop a process where it stands, let it go on
  cut 1 -> 2, 1 - 3      cut links, one way or both; cut 4: all of its links
  mend                   end all cuts
  drop Accept 1 -> all   lose one kind of message; hold Accept .. keeps it back
  deliver                end both: what was held back arrives now
  fail acceptor 2        take a role down; restart acceptor 2 brings it back
  lose disk 3            end a process and its disk; start 3 gives it a new one
  let 2 campaign         have a replica want to lead
  expect 2 leads         look; also 2 promised 3.2, k = v at 2, all level
moves lists yours, help these, hint helps, quit heals everything and ends.
"""
HINT = (
    "Nobody has done it. Where others begin: kill the leader while a write is under way; cut five "
    "into two and three, and ask both sides; pause the leader, write elsewhere, resume it, read."
)


def main(words: Sequence[str]) -> int:
    """Play; returns the exit status."""
    bugs = PROTOCOLS["paxos"].bugs
    parser = cli.Parser(
        "A dare: order failures in a simulated cluster, and break safety. Without a planted bug "
        "nobody can; with one it takes a few moves.",
        command="lab dare",
        epilog="Exit status: 0, or 1 if safety broke and nothing was planted; 2 usage. Bugs: "
        + ", ".join(bugs),
    )
    parser.add_argument("--bug", metavar="NAME", choices=bugs, help="plant this one")
    parser.add_argument("--replicas", metavar="N", type=cli.whole(3, 5), default=5, help="(5)")
    given = parser.parse_args(words)
    bug = given.bug or ""
    game = Game(given.replicas, bug, lambda line: _show(line.strip(), "  ", " " * 9))
    begin = BEGIN.replace("Five", {3: "Three", 4: "Four", 5: "Five"}[given.replicas])
    _show(" ".join(begin.split()))
    print(f"\n{MOVES}")
    if bug:
        _show(f"A bug is planted: {about(PROTOCOLS['paxos'], bug)}")
    _play(game, bug)
    return _end(game, bug)


def _play(game: Game, bug: str) -> None:
    for line in _lines():
        if line == QUIT:
            return
        try:
            if line == "help":
                print(MOVES)
            elif line == "hint":
                _show(about(PROTOCOLS["paxos"], bug) if bug else HINT)
            elif line == "moves":
                print("\n".join(game.moves))
            else:
                game.move(line)
                _report(game)
        except Wrong as error:
            _show(f"{error} (help lists the moves)")
        if game.broken:
            return


def _lines() -> Iterator[str]:
    """Read what is typed, or comes in a pipe; empty lines and prose are nothing."""
    person = sys.stdin.isatty()
    while True:
        if person:
            print("dare> ", end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        text = line.strip()
        if text and not text.startswith("#"):
            if not person:
                print(f"dare> {text}")
            yield text


def _report(game: Game) -> None:
    if not game.broken:
        moves = len(game.moves)
        _show(f"safe: {moves} move{'s' * (moves != 1)}, {game.chosen} slots decided, each once")


def _end(game: Game, bug: str) -> int:
    if not game.broken:
        print("all failures are undone")
        level = game.heal()
    if game.broken:
        _show(f"SAFETY IS BROKEN after {len(game.moves)} moves: {_in_words(game.broken)}")
        if bug:
            _show(
                "Now try the same moves without the bug: put them into a file, and "
                "`lab dare < FILE` plays them."
            )
            return 0
        _show("Nothing was planted: please report these moves, they are worth more than any prize.")
        print("\n".join(game.moves))
        return 1
    decided = f"{game.chosen} slots decided, each once"
    same = "all replicas have the same" if level else "not all replicas have the same yet"
    _show(f"Safety holds: {len(game.moves)} moves, {decided}, and {same}.")
    return 0


def _in_words(broken: str) -> str:
    """Say what broke by the times of the lines above it, and who by names."""
    moment = re.match(r"at ([\d.]+): ", broken)
    text = broken[moment.end() :] if moment else broken
    named = re.sub(r"\[(\d+(?:, \d+)*)\]", r"replicas \1 alone", text)
    return f"at {float(moment[1]) - START:.3f} s {named}" if moment else named


def _show(text: str, first: str = "", rest: str = "") -> None:
    print(wrapped(text, columns_of(sys.stdout), first, rest), flush=True)
