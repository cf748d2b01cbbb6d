"""Scenarios in words: a script is played on a simulated cluster, and what the roles did is printed.

A script is prose (lines that begin with #), then `replicas N` (or `replicas N keeping ENTRIES`),
then steps, one a line: script_steps.py lists how they are written, script_checks.py what may be
expected. Rules: the same script gives the same transcript, byte for byte, anywhere; a line that is
not understood is reported before anything runs; the first expectation that fails ends the play.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from ..seen import Onlooker
from .script_checks import CHECKS
from .script_print import Printer
from .script_stage import Stage, Wrong
from .script_steps import STEPS, Step, find_step

__all__ = ["play", "vocabulary"]

KEEP = 1000
"""Entries that logs keep unless the script says otherwise."""


LINKS = """\
LINKS: 1 -> 2 one way, 1 - 2 both ways, 1 -> all, all -> 1, 1 (with everybody); more than one with
commas. MESSAGE: its name in paxos/messages.py. `until` waits 10 s by default."""


class _Line(NamedTuple):
    number: int
    text: str
    step: Step | None
    """None for prose and empty lines."""


class _Script(NamedTuple):
    replicas: int
    keep: int
    before: list[_Line]
    lines: list[_Line]


def play(
    lines: Sequence[str], write: Callable[[str], None], onlooker: Onlooker | None = None
) -> bool:
    """Play a script and write its transcript, line by line; True if all was as expected.

    `onlooker` sees all that happens, and each line of the script, as it is reached, as `script`'s.
    The last line of a play that failed names the script's line and what was found instead.
    """
    at = 0
    try:
        script = _read(lines)
        for line in script.before:
            write(line.text)
        printer = Printer(write)
        stage = Stage(script.replicas, script.keep, printer, onlooker)
        try:
            for line in script.lines:
                at = line.number
                write(line.text)
                stage.world.trace("script", line.text)
                printer.step()
                if line.step is not None:
                    line.step(stage)
        finally:
            stage.world.tracing.ended()
    except Wrong as error:
        write(f"line {error.line or at}: {error}")
        return False
    except Exception as error:  # an invariant of a role or of the monitor, or a failure of ours
        write(f"line {at}: {type(error).__name__}: {error}")
        return False
    return True


def _read(lines: Iterable[str]) -> _Script:
    """Understand every line beforehand; raises Wrong with its number."""
    before: list[_Line] = []
    size: tuple[int, int] | None = None
    after: list[_Line] = []
    for number, text in enumerate((line.rstrip() for line in lines), 1):
        try:
            if not text or text.startswith("#"):
                (before if size is None else after).append(_Line(number, text, None))
            elif size is None:
                size = _size(text)
                before.append(_Line(number, text, None))
            else:
                after.append(_Line(number, text, find_step(text)))
        except Wrong as error:
            error.line = number
            raise
    if size is None:
        raise Wrong("the script has no `replicas N`")
    return _Script(*size, before, after)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"replicas (\d)(?: keeping (\d+))?", text)
    if match is None or match[1] == "0":
        raise Wrong(f"a script begins with `replicas N`, not: {text}")
    return int(match[1]), int(match[2] or KEEP)


def vocabulary() -> str:
    """List how steps and conditions are written, one a line."""
    steps = ("replicas N [keeping ENTRIES]", *STEPS)
    return "\n".join(("steps:", *_indented(steps), LINKS, "conditions:", *_indented(CHECKS)))


def _indented(lines: Iterable[str]) -> Iterable[str]:
    return (f"  {line}" for line in lines)
