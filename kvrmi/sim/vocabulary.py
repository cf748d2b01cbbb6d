"""The words of scenarios: how each step and each condition is written.

Rules: one word, one meaning, wherever a scenario is played; who plays it gives each word that it
knows a function of what its pattern caught. What can be read wrong is read here, once.
It does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from .scenario import Wrong

__all__ = ["ALL", "CONDITIONS", "LINKS", "STEPS", "found", "listed", "operation", "ways"]

T = TypeVar("T")

ALL = 0
"""Stands for every replica, in links."""
_EVERY = r"(all|\d+(?:, \d+)*)"

STEPS: dict[str, str] = {
    "run SECONDS": r"run ([\d.]+)",
    "run SECONDS while CONDITION": r"run ([\d.]+) while (.+)",
    "until CONDITION [within SECONDS]": r"until (.+?)(?: within ([\d.]+))?",
    "expect CONDITION": r"expect (.+)",
    "mark ballots": r"mark ballots",
    "[ask] [as CLIENT N] put|get|delete|cas .. at R": (
        r"(ask )?(?:as (\w+) (\d+) )?((?:put|get|delete|cas) .+) at (\d+)"
    ),
    "fill COUNT at R": r"fill (\d+) at (\d+)",
    "cut LINKS": r"cut (.+)",
    "mend": r"mend",
    "star R": r"star (\d+)",
    "chain": r"chain",
    "drop MESSAGE LINKS": r"drop (\w+) (.+)",
    "hold MESSAGE LINKS": r"hold (\w+) (.+)",
    "deliver": r"deliver",
    "kill R, ..": rf"kill {_EVERY}",
    "start R, ..": rf"start {_EVERY}",
    "pause R, ..": rf"pause {_EVERY}",
    "resume R, ..": rf"resume {_EVERY}",
    "fail ROLE R, ..": rf"fail (\w+) {_EVERY}",
    "restart ROLE R, ..": rf"restart (\w+) {_EVERY}",
    "lose disk R": rf"lose disk {_EVERY}",
    "hang disk R": rf"hang disk {_EVERY}",
    "mend disk R": rf"mend disk {_EVERY}",
    "stall ROLE R, .. for SECONDS": rf"stall (\w+) {_EVERY} for ([\d.]+)",
    "keep copy R": rf"keep copy {_EVERY}",
    "put copy back R": rf"put copy back {_EVERY}",
    "let R campaign": r"let (\d+) campaign",
    "transfer from R to R": r"transfer from (\d+) to (\d+)",
}
"""How each is written, and its pattern."""

CONDITIONS: dict[str, str] = {
    "R leads": r"(\d+) leads",
    "nobody leads": r"nobody leads",
    "somebody leads": r"somebody leads",
    "another than R leads": r"another than (\d+) leads",
    "KEY = VALUE at R": r"(\S+) = (\S+) at (\d+)",
    "slot N is COMMAND": r"slot (\d+) is (.+)",
    "R applied N": r"(\d+) applied (\d+)",
    "R took a snapshot": r"(\d+) took a snapshot",
    "all level": r"all level",
    "R accepted slot N": r"(\d+) accepted slot (\d+)",
    "R promised ROUND.REPLICA": r"(\d+) promised (\d+)\.(\d+)",
    "ballots rose by at most N": r"ballots rose by at most (\d+)",
    "R is recovering": r"(\d+) is recovering",
    "R is a voter": r"(\d+) is a voter",
    "R is in doubt": r"(\d+) is in doubt",
    "nobody is in doubt": r"nobody is in doubt",
    "R is refused: WHY": r"(\d+) is refused: (.+)",
    "answered": r"answered",
    "answer CODE [or CODE]": r"answer (\w+(?: or \w+)*)",
    "value VALUE": r"value (\S+)",
    "revision N": r"revision (\d+)",
}
"""How each is written, and its pattern; a value "at 2" is what replica 2 has applied itself."""

LINKS = """\
LINKS: 1 -> 2 one way, 1 - 2 both ways, 1 -> all, all -> 1, 1 (with everybody); more than one with
commas. MESSAGE: its name in paxos/messages.py. `until` waits 10 s by default."""


def found(text: str, words: Mapping[str, str], make: Mapping[str, Callable[..., T]]) -> T:
    """Understand one line by these words, and make what it means; raises Wrong."""
    for how, pattern in words.items():
        match = re.fullmatch(pattern, text)
        if match and how in make:
            return make[how](*match.groups())
        if match:
            raise Wrong(f"this cannot be played here: {text}")
    raise Wrong(f"no such {'step' if words is STEPS else 'condition'}: {text}")


def operation(words: str) -> tuple[str, tuple[str | None, ...]]:
    """Read "put k v", say; raises Wrong. The value `none` that cas expects is None."""
    op, *args = words.split()
    wanted = {"put": 2, "get": 1, "delete": 1, "cas": 3}.get(op)
    if wanted != len(args):
        raise Wrong(f"no such operation: {words}")
    if op == "cas" and args[1] == "none":
        return op, (args[0], None, args[2])
    return op, tuple(args)


def ways(text: str) -> list[tuple[int, int]]:
    """Read "1 -> 2, 1 - 3, 4": one way, both ways, or a replica from and to ALL; raises Wrong."""
    read: list[tuple[int, int]] = []
    for part in text.split(", "):
        match = re.fullmatch(r"(\d+|all)(?: (->|-) (\d+|all))?", part)
        if match is None:
            raise Wrong(f"no such link: {part}")
        one, arrow, other = match.groups(default="all")
        pair = (_number(one), _number(other))
        read += [pair] if arrow == "->" else [pair, pair[::-1]]
    return read


def _number(word: str) -> int:
    return ALL if word == "all" else int(word)


def listed(every: str, ids: Iterable[int]) -> list[int]:
    """Read "1, 3" or "all"; who there is, whoever plays it finds out."""
    return list(ids) if every == "all" else list(map(int, every.split(", ")))
