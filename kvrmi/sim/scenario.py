"""A scenario as it is written: what it teaches, its steps, its question; and reading it.

    title: what happens, in a few words
    teaches: what can be learned from it
    protocol: 2pc              (paxos, if it is left out)
    bug: NAME                  (planted in all replicas)
    acts: 1.6 kill 2, 2 mend   (what is done to it by hand besides, each at its moment: acts.py)
    replicas N                 (or: replicas N keeping ENTRIES)
    # prose, and steps, one a line
    question: what a reader should be able to answer now
    answer: and the answer

Rules: the words of steps and of expectations mean the same wherever a scenario is played, in the
simulator or on a running cluster; what they do there is the player's. A text goes on in lines that
are indented. A scenario of one's own may leave all of the texts out. It reads no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["DEFAULT", "KEEP", "Line", "Scenario", "Wrong", "read"]

KEEP = 1000
"""Entries that logs keep unless the scenario says otherwise."""
DEFAULT = "paxos"
"""The protocol of a scenario that names none."""
_BEFORE = ("title", "teaches", "protocol", "bug", "acts")
_AFTER = ("question", "answer")


class Wrong(Exception):
    """A scenario asks for what cannot be, or something is not as it expects; says what and how."""

    line = 0
    """Number of the scenario's line, where that is not the one being played."""


class Line(NamedTuple):
    """One line of a scenario."""

    number: int
    text: str
    is_step: bool = False


class Scenario(NamedTuple):
    """One that was read; `before` ends with the line of the replicas."""

    replicas: int
    keep: int
    before: tuple[Line, ...]
    lines: tuple[Line, ...]
    protocol: str
    title: str
    teaches: str
    question: str
    answer: str
    bug: str
    acts: tuple[str, ...]


def read(lines: Iterable[str]) -> Scenario:
    """Understand all but the steps' words; raises Wrong with the line's number."""
    before: list[Line] = []
    after: list[Line] = []
    texts: dict[str, str] = {}
    size: tuple[int, int] | None = None
    key = ""
    for number, text in enumerate((line.rstrip() for line in lines), 1):
        try:
            begun = _key(text, _BEFORE if size is None else _AFTER, texts)
            goes_on = text.startswith("  ") and key
            key = begun or (key if goes_on else "")
            if key:
                more = text.removeprefix(f"{begun}:") if begun else text
                texts[key] = f"{texts.get(key, '')} {more.strip()}".strip()
            is_step = bool(text) and not key and not text.startswith("#")
            if size is None:
                size = _size(text) if is_step else None
                before.append(Line(number, text))
            else:
                after.append(Line(number, text, is_step))
        except Wrong as error:
            error.line = number
            raise
    if size is None:
        raise Wrong("the script has no `replicas N`")
    return Scenario(
        *size,
        tuple(before),
        tuple(after),
        texts.get("protocol", DEFAULT),
        title=texts.get("title", ""),
        teaches=texts.get("teaches", ""),
        question=texts.get("question", ""),
        answer=texts.get("answer", ""),
        bug=texts.get("bug", ""),
        acts=tuple(filter(None, map(str.strip, texts.get("acts", "").split(",")))),
    )


def _key(text: str, expected: tuple[str, ...], known: dict[str, str]) -> str:
    """Return which of the texts begins here, or nothing."""
    key = text.partition(":")[0]
    if key not in _BEFORE + _AFTER:
        return ""
    if key not in expected:
        raise Wrong(f"{key} stands {'before' if key in _BEFORE else 'after'} the steps")
    if key in known:
        raise Wrong(f"there is a {key} already")
    return key


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"replicas (\d)(?: keeping (\d+))?", text)
    if match is None or match[1] == "0":
        raise Wrong(f"a script begins with `replicas N`, not: {text}")
    return int(match[1]), int(match[2] or KEEP)
