"""Scenarios in words: a script is played on a simulated cluster, and what the roles did is printed.

How a script is written is in scenario.py and vocabulary.py; what its words mean to a protocol, in
the folder of that (script.py there). Rules: the same script gives
the same transcript, byte for byte, anywhere; a line that is not understood is reported before
anything runs; the first expectation that fails ends the play.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from .acts import Act, arrange
from .acts import read as read_act
from .scenario import Line, Scenario, Wrong, read
from .script_stage import Stage
from .script_steps import MakeStep, Step
from .seen import Onlooker
from .vocabulary import CONDITIONS, LINKS, STEPS, found

__all__ = ["Language", "MakeStage", "Write", "play", "vocabulary"]

Write: TypeAlias = Callable[[str], None]
"""Takes a line of a transcript without its end."""


class MakeStage(Protocol):
    """Makes the stage of a scenario, which has begun."""

    def __call__(
        self, scenario: Scenario, write: Write, onlooker: Onlooker | None, parts: Any | None = None
    ) -> Stage:
        """Make it; `parts` are a planted bug's, else the production ones."""
        ...


class Language(NamedTuple):
    """What a protocol makes of scenarios: the stage that they are played on, and their words."""

    stage: MakeStage
    steps: Mapping[str, MakeStep]
    """What makes a step of its words, by how it is written in vocabulary.STEPS."""
    bugs: Mapping[str, Callable[[], Any]]
    """What makes the parts of a planted bug, by its name."""


def play(
    language: Language,
    lines: Sequence[str],
    write: Write,
    onlooker: Onlooker | None = None,
    acts: Sequence[Act] = (),
) -> bool:
    """Play a script and write its transcript, line by line; True if all was as expected.

    `onlooker` sees all that happens, and each line of the script, as it is reached, as `script`'s.
    The last line of a play that failed names the script's line and what was found instead.
    `acts` are done to it besides, after those that it names: it goes another way then, and a step
    that cannot be done, or finds something else, is noted and passed over.
    """
    at = 0
    try:
        scenario = read(lines)
        steps = _understood(scenario, language.steps)
        parts, acts = _planted(scenario, language.bugs), [*_acts(scenario), *acts]
        for line in scenario.before:
            write(line.text)
        stage = language.stage(scenario, write, onlooker, parts)
        _arrange(stage, acts)
        carry_out = _beside if acts else _carry_out
        try:
            for line, step in steps:
                at = line.number
                write(line.text)
                if step is not None or line.text.startswith("#"):
                    stage.world.trace("script", line.text)
                stage.printer.step()
                if step is not None:
                    carry_out(stage, step)
            if not acts:
                _ask(stage, scenario)
        except Wrong:
            raise
        except Exception as error:
            stage.world.trace("verdict", str(error))
            raise
        finally:
            stage.world.tracing.ended()
    except Wrong as error:
        write(f"line {error.line or at}: {error}")
        return False
    except Exception as error:  # an invariant of a role or of the monitor, or a failure of ours
        write(f"line {at}: {type(error).__name__}: {error}")
        return False
    return True


def _planted(scenario: Scenario, bugs: Mapping[str, Callable[[], Any]]) -> Any | None:
    if scenario.bug and scenario.bug not in bugs:
        raise Wrong(f"there is no bug {scenario.bug!r}; there are: {', '.join(bugs)}")
    return bugs[scenario.bug]() if scenario.bug else None


def _acts(scenario: Scenario) -> list[Act]:
    try:
        return [read_act(text) for text in scenario.acts]
    except ValueError as error:
        raise Wrong(str(error)) from None


def _arrange(stage: Stage, acts: Sequence[Act]) -> None:
    try:
        arrange(stage.world, acts, lambda: False)
    except ValueError as error:  # an act on what is not there
        raise Wrong(str(error)) from None


def _carry_out(stage: Stage, step: Step) -> None:
    step(stage)


def _beside(stage: Stage, step: Step) -> None:
    """Carry it out as far as that goes, after what somebody has done besides."""
    try:
        step(stage)
    except Wrong as error:
        stage.world.trace("script", f"# By what was done by hand, it goes another way: {error}.")


def _ask(stage: Stage, scenario: Scenario) -> None:
    """Let who looks on see the question and its answer, as prose."""
    for what, text in (("Question", scenario.question), ("Answer", scenario.answer)):
        if text:
            stage.world.trace("script", f"# {what}: {text}")


def _understood(
    scenario: Scenario, words: Mapping[str, MakeStep]
) -> list[tuple[Line, Step | None]]:
    """Find the step of each line; raises Wrong with its number."""
    steps: list[tuple[Line, Step | None]] = []
    for line in scenario.lines:
        try:
            steps.append((line, found(line.text, STEPS, words) if line.is_step else None))
        except Wrong as error:
            error.line = line.number
            raise
    return steps


def vocabulary() -> str:
    """List how steps and conditions are written, one a line."""
    steps = ("replicas N [keeping ENTRIES]", *STEPS)
    return "\n".join(("steps:", *_indented(steps), LINKS, "conditions:", *_indented(CONDITIONS)))


def _indented(lines: Iterable[str]) -> Iterable[str]:
    return (f"  {line}" for line in lines)
