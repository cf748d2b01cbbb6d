"""The steps of scenarios on processes: what each word of the vocabulary does to a cluster.

Rules: what cannot be done to processes (single messages, one role's delays) is missing here, so
that a scenario which needs it is refused before anything starts. A condition that is expected has
SETTLE seconds to come true, as replicas learn from each other; so has one with a shorter time.
Nobody has to watch for more than LONGEST while nothing is expected to change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from kvrmi.sim.scenario import Scenario, Wrong
from kvrmi.sim.vocabulary import ALL, STEPS, found, listed, operation, ways

from .checks import find_check, highest_round, reported
from .stage import SETTLE, Stage

__all__ = ["Step", "find_step", "is_playable"]

Step: TypeAlias = Callable[[Stage], None]

LONGEST = 5.0
"""Seconds: where virtual time passes for minutes, people watch for so long."""


def _run(stage: Stage, seconds: str) -> None:
    stage.run(min(float(seconds), LONGEST))


def _while(seconds: str, text: str) -> Step:
    check = find_check(text)

    def step(stage: Stage) -> None:
        if stage.run(min(float(seconds), LONGEST), lambda: not check(stage)[0]):
            raise Wrong(f"expected all the time: {text}; but {check(stage)[1]}")

    return step


def _until(text: str, within: str | None = None) -> Step:
    check = find_check(text)
    seconds = max(SETTLE, 3 * float(within or 0))

    def step(stage: Stage) -> None:
        if not stage.run(seconds, lambda: check(stage)[0]):
            raise Wrong(f"waited {seconds:g} s for: {text}; but {check(stage)[1]}")

    return step


def _mark(stage: Stage) -> None:
    stage.marked = highest_round(stage)


def _request(ask: str | None, client: str | None, number: str, words: str, at: str) -> Step:
    op, args = operation(words)
    id = (client, int(number)) if client else None

    def step(stage: Stage) -> None:
        stage.ask(stage.check(int(at)), op, args, id)
        if not ask:
            stage.wait()
            stage.say(f"client gets {reported(stage.answer)}")

    return step


def _fill(stage: Stage, count: str, at: str) -> None:
    for key in range(1, int(count) + 1):
        answer = stage.call(int(at), "put", (f"k{key}", f"v{key}"))
        if answer is None or answer.code != "OK":
            raise Wrong(f"put k{key}: {reported(answer)}")
    stage.say(f"{count} writes were acknowledged, one after the other")


def _pairs(stage: Stage, links: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Replace ALL by each replica."""
    pairs: set[tuple[int, int]] = set()
    for ends in links:
        one, other = ([stage.check(end)] if end != ALL else stage.ids for end in ends)
        pairs |= {(a, b) for a in one for b in other if a != b}
    return pairs


def _cut(text: str) -> Step:
    links = ways(text)
    return lambda stage: stage.cut(_pairs(stage, links))


def _star(stage: Stage, hub: str) -> None:
    centre = stage.check(int(hub))
    stage.cut({way for way in _pairs(stage, [(ALL, ALL)]) if centre not in way})


def _chain(stage: Stage) -> None:
    stage.cut({(a, b) for a, b in _pairs(stage, [(ALL, ALL)]) if abs(a - b) > 1})


def _each(action: Callable[[Stage, int], None]) -> Callable[[str], Step]:
    """Make what does something with the replicas named, in order."""

    def make(every: str) -> Step:
        def step(stage: Stage) -> None:
            for replica in listed(every, stage.ids):
                action(stage, stage.check(replica))

        return step

    return make


def _role(action: Callable[[Stage, int, str], None]) -> Callable[[str, str], Step]:
    """Make what does something with a role of the replicas named."""
    return lambda role, every: _each(lambda stage, replica: action(stage, replica, role))(every)


def _plain(action: Callable[..., None]) -> Callable[..., Step]:
    """Make a step of a function that takes the stage and then the words."""

    def make(*words: str) -> Step:
        return lambda stage: action(stage, *words)

    return make


STEP_OF: dict[str, Callable[..., Step]] = {
    "run SECONDS": _plain(_run),
    "run SECONDS while CONDITION": _while,
    "until CONDITION [within SECONDS]": _until,
    "expect CONDITION": _until,
    "mark ballots": _plain(_mark),
    "[ask] [as CLIENT N] put|get|delete|cas .. at R": _request,
    "fill COUNT at R": _plain(_fill),
    "cut LINKS": _cut,
    "mend": _plain(Stage.mend),
    "star R": _plain(_star),
    "chain": _plain(_chain),
    "kill R, ..": _each(Stage.kill),
    "start R, ..": _each(Stage.start),
    "pause R, ..": _each(Stage.pause),
    "resume R, ..": _each(Stage.resume),
    "fail ROLE R, ..": _role(Stage.fail),
    "restart ROLE R, ..": _role(Stage.restart),
    "lose disk R": _each(Stage.lose_disk),
    "hang disk R": _each(Stage.hang_disk),
    "mend disk R": _each(Stage.mend_disk),
    "transfer from R to R": _plain(lambda stage, _, to: stage.transfer(int(to))),
}
"""What makes the step of its words."""


def find_step(text: str) -> Step:
    """Understand one line; raises Wrong if it is no step for processes."""
    return found(text, STEPS, STEP_OF)


def is_playable(scenario: Scenario) -> bool:
    """Return whether all of it can be played on processes."""
    if scenario.bug or scenario.acts:
        return False
    try:
        for line in scenario.lines:
            if line.is_step:
                find_step(line.text)
    except Wrong:
        return False
    return True
