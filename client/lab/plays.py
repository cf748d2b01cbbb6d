"""Scenarios and dares as traces: what is written in words, played in the simulator.

Rules: nothing is played that would take long: what a page cannot show is refused in one sentence.
It knows neither the page nor HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from kvrmi.sim.acts import Act
from kvrmi.sim.acts import read as read_act
from kvrmi.sim.protocol import Explored
from kvrmi.sim.scenario import Scenario, Wrong, read
from kvrmi.sim.seen import both
from kvrmi.sim.trace_json import JsonLines

from .scenarios.game import QUIT, Game
from .values import Values

__all__ = ["MOST_MOVES", "NoSuchRun", "end", "play", "play_dare", "understood"]

MOST_SECONDS = 60.0
"""Virtual seconds that a line may wait."""
MOST_WRITES = 1000
MOST_LINES = 300
MOST_MOVES = 60
_WAITS = re.compile(r"(?:run|.* within|.* for) ([\d.]+)(?: while .*)?")
_WRITES = re.compile(r"fill (\d+) .*")

Write = Callable[[str], object]


class NoSuchRun(ValueError):
    """The request names no run; its text is for the user."""


def understood(text: str) -> Scenario:
    """Read a scenario of somebody's own; raises NoSuchRun."""
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        raise NoSuchRun(f"a scenario has at most {MOST_LINES} lines here")
    _patience(lines)
    try:
        scenario = read(lines)
        for act in scenario.acts:
            read_act(act)
    except (Wrong, ValueError) as error:
        line = error.line if isinstance(error, Wrong) else 0
        where = f"line {line}: " if line else ""
        raise NoSuchRun(f"the scenario cannot be played: {where}{error}") from None
    return scenario


def _patience(lines: Iterable[str]) -> None:
    for line in lines:
        waits, writes = _WAITS.fullmatch(line), _WRITES.fullmatch(line)
        if waits and waits[1].count(".") < 2 and float(f"0{waits[1]}") > MOST_SECONDS:
            raise NoSuchRun(f"{line!r}: at most {MOST_SECONDS:g} seconds a line here")
        if writes and int(writes[1]) > MOST_WRITES:
            raise NoSuchRun(f"{line!r}: at most {MOST_WRITES:,} writes a line here")


def play(
    protocol: Explored, text: str, head: Mapping[str, object], acts: Sequence[Act], write: Write
) -> None:
    """Play a scenario, and acts besides; `head` is what its first line says of it."""
    if protocol.play is None:
        raise NoSuchRun(f"there are no scenarios in words for {protocol.name}")
    lines, values, transcript = JsonLines(write, head), Values(), list[str]()
    went_well = protocol.play(text.splitlines(), transcript.append, both(lines, values), acts)
    end(write, values, lines, {"violation": "" if went_well else transcript[-1]})


def play_dare(
    replicas: int, bug: str, moves: Sequence[str], head: Mapping[str, object], write: Write
) -> None:
    """Play these moves of the dare; raises NoSuchRun for one that cannot be carried out."""
    _patience(moves)
    lines, values = JsonLines(write, head), Values()
    game = Game(replicas, bug, lambda line: None, both(lines, values))
    level = None
    for move in moves:
        if game.broken:
            break
        try:
            if move == QUIT:
                level = game.heal()
            else:
                game.move(move)
        except Wrong as error:
            raise NoSuchRun(f"{move}: {error}; nothing was done") from None
    game.ended()
    came = {"violation": game.broken, "moves": len(game.moves), "slots": game.chosen}
    end(write, values, lines, {**came, "level": level})


def end(write: Write, values: Values, lines: JsonLines, came: Mapping[str, object]) -> None:
    """Write the last two lines: values in words, and what came of it."""
    write(msgspec.json.encode(values.line()).decode() + "\n")
    lines.end(came)
