"""Scenarios in words: a script is played on a simulated cluster, and what the roles did is printed.

How a script is written is in kvrmi/sim/scenario.py and vocabulary.py. Rules: the same script gives
the same transcript, byte for byte, anywhere; a line that is not understood is reported before
anything runs; the first expectation that fails ends the play.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..scenario import Line, Scenario, Wrong, read
from ..seen import Onlooker
from ..vocabulary import CONDITIONS, LINKS, STEPS
from .script_print import Printer
from .script_stage import Stage
from .script_steps import Step, find_step

__all__ = ["play", "vocabulary"]


def play(
    lines: Sequence[str], write: Callable[[str], None], onlooker: Onlooker | None = None
) -> bool:
    """Play a script and write its transcript, line by line; True if all was as expected.

    `onlooker` sees all that happens, and each line of the script, as it is reached, as `script`'s.
    The last line of a play that failed names the script's line and what was found instead.
    """
    at = 0
    try:
        scenario = read(lines)
        steps = _understood(scenario)
        for line in scenario.before:
            write(line.text)
        printer = Printer(write)
        stage = Stage(scenario.replicas, scenario.keep, printer, onlooker)
        try:
            for line, step in steps:
                at = line.number
                write(line.text)
                if step is not None or line.text.startswith("#"):
                    stage.world.trace("script", line.text)
                printer.step()
                if step is not None:
                    step(stage)
            _ask(stage, scenario)
        finally:
            stage.world.tracing.ended()
    except Wrong as error:
        write(f"line {error.line or at}: {error}")
        return False
    except Exception as error:  # an invariant of a role or of the monitor, or a failure of ours
        write(f"line {at}: {type(error).__name__}: {error}")
        return False
    return True


def _ask(stage: Stage, scenario: Scenario) -> None:
    """Let who looks on see the question and its answer, as prose."""
    for what, text in (("Question", scenario.question), ("Answer", scenario.answer)):
        if text:
            stage.world.trace("script", f"# {what}: {text}")


def _understood(scenario: Scenario) -> list[tuple[Line, Step | None]]:
    """Find the step of each line; raises Wrong with its number."""
    found: list[tuple[Line, Step | None]] = []
    for line in scenario.lines:
        try:
            found.append((line, find_step(line.text) if line.is_step else None))
        except Wrong as error:
            error.line = line.number
            raise
    return found


def vocabulary() -> str:
    """List how steps and conditions are written, one a line."""
    steps = ("replicas N [keeping ENTRIES]", *STEPS)
    return "\n".join(("steps:", *_indented(steps), LINKS, "conditions:", *_indented(CONDITIONS)))


def _indented(lines: Iterable[str]) -> Iterable[str]:
    return (f"  {line}" for line in lines)
