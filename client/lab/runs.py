"""Which simulated run is asked for, and its trace as JSON lines.

Rules: the same request gives the same lines. A request that makes no sense is refused in one
sentence (NoSuchRun) before anything runs; a bug's seed is searched for no longer than PATIENCE.
It knows neither the page nor HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

import msgspec

from kvrmi.sim.planted import LIMIT, about, find
from kvrmi.sim.protocols import PROTOCOLS
from kvrmi.sim.run import DEFAULT, STEPS, run
from kvrmi.sim.seen import both
from kvrmi.sim.trace_json import JsonLines

from .values import Values

__all__ = ["SEEDS", "NoSuchRun", "Request", "checked", "menu", "scenarios", "trace"]

SEEDS = 1 << 53
"""Seeds are below this: a page's numbers are exact up to there."""
MOST_STEPS = 20_000
"""Events with faults: a page cannot show much more."""
PATIENCE = 60.0
"""Seconds within which a seed that shows a bug must be found."""

_PAXOS = PROTOCOLS[DEFAULT]


class NoSuchRun(ValueError):
    """The request names no run; its text is for the user."""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run: of a seed, with a bug planted or not; or a scenario's.

    `seed` None: 0, or the first that shows `bug`. `steps` and `only` as for kvrmi.sim: events with
    faults, and which faults.
    """

    seed: int | None = None
    profile: str = ""
    bug: str = ""
    scenario: str = ""
    steps: int | None = None
    only: tuple[int, ...] | None = None


def menu() -> dict[str, Any]:
    """List what can be asked for, with a sentence each."""
    return {
        "profiles": {profile.name: profile.about for profile in _PAXOS.profiles},
        "bugs": {bug: about(_PAXOS, bug) for bug in _PAXOS.bugs},
        "scenarios": {name: _title(text) for name, text in scenarios().items()},
    }


def scenarios() -> Mapping[str, str]:
    """Return the scripts that ship with kvrmi, by name."""
    folder = files("kvrmi.sim.paxos").joinpath("scenarios")
    scripts = {each.name: each for each in folder.iterdir() if each.name.endswith(".txt")}
    return {
        name.removesuffix(".txt"): scripts[name].read_text(encoding="utf-8")
        for name in sorted(scripts)
    }


def checked(request: Request) -> Request:
    """Return the request if there is such a run; raises NoSuchRun."""
    if request.scenario:
        if request != Request(scenario=request.scenario):
            raise NoSuchRun("a scenario takes no seed, profile, bug, steps or faults")
        _among("scenario", request.scenario, scenarios())
    if request.seed is not None and not 0 <= request.seed < SEEDS:
        raise NoSuchRun(f"{request.seed} is no seed: a whole number from 0 to 2^53 - 1")
    if request.steps is not None and not 1 <= request.steps <= MOST_STEPS:
        raise NoSuchRun(f"{request.steps} is no number of steps: from 1 to {MOST_STEPS:,}")
    if request.profile:
        _among("profile", request.profile, [profile.name for profile in _PAXOS.profiles])
    if request.bug:
        _among("bug", request.bug, _PAXOS.bugs)
    if request.bug and request.seed is None and request != Request(bug=request.bug):
        raise NoSuchRun("without a seed a bug is searched for: then it takes no profile or faults")
    return request


def _among(what: str, name: str, known: Mapping[str, object] | list[str]) -> None:
    if name not in known:
        raise NoSuchRun(f"there is no {what} {name!r}; there are: {', '.join(known)}")


def _never() -> bool:
    return False


def trace(
    request: Request, write: Callable[[str], object], given_up: Callable[[], bool] = _never
) -> None:
    """Make the run and write its lines, each with its end; raises NoSuchRun.

    given_up: asked between the runs of a search whether anybody still wants it.
    """
    checked(request)
    if request.scenario:
        _play(request.scenario, write)
    else:
        _run(request, _seed(request, given_up), write)


def _run(request: Request, seed: int, write: Callable[[str], object]) -> None:
    profile, steps = _PAXOS.profile(request.profile, seed), request.steps or STEPS
    which = {"seed": seed, "profile": profile.name, "steps": steps, "only": request.only}
    said = about(_PAXOS, request.bug) if request.bug else profile.about
    head = {"protocol": DEFAULT, **which, "plant": request.bug, "about": said}
    lines, values = JsonLines(write, head), Values()
    verdict = run(
        _PAXOS,
        seed,
        profile=profile.name,
        steps=steps,
        parts=_PAXOS.bugs[request.bug]() if request.bug else None,
        only=request.only,
        onlooker=both(lines, values),
    )
    _end(write, values, lines, verdict._asdict())


def _play(name: str, write: Callable[[str], object]) -> None:
    if _PAXOS.play is None:
        raise NoSuchRun(f"there are no scenarios in words for {DEFAULT}")
    script = scenarios()[name]
    lines = JsonLines(write, {"protocol": DEFAULT, "script": name, "about": _title(script)})
    values, transcript = Values(), list[str]()
    went_well = _PAXOS.play(script.splitlines(), transcript.append, both(lines, values))
    _end(write, values, lines, {"violation": "" if went_well else transcript[-1]})


def _end(
    write: Callable[[str], object], values: Values, lines: JsonLines, came: Mapping[str, object]
) -> None:
    write(msgspec.json.encode(values.line()).decode() + "\n")
    lines.end(came)


def _title(script: str) -> str:
    """Take the sentences that a script begins with."""
    said = []
    for line in script.splitlines():
        if not line.startswith("#"):
            break
        said.append(line.removeprefix("#").strip())
    return " ".join(said)


def _seed(request: Request, given_up: Callable[[], bool]) -> int:
    """Return the seed that is asked for, or the first that shows the bug."""
    if request.seed is not None or not request.bug:
        return request.seed or 0
    by = time.monotonic() + PATIENCE
    for seed in range(LIMIT):
        if find(_PAXOS, request.bug, range(seed, seed + 1)).violation:
            return seed
        if given_up():
            raise NoSuchRun("the search was given up")
        if time.monotonic() > by:
            raise NoSuchRun(
                f"none of the seeds 0 to {seed} shows {request.bug}, and {PATIENCE:g} s are over: "
                f"`python -m kvrmi.sim --bugs {request.bug}` searches on; name the seed it finds"
            )
    raise NoSuchRun(f"no seed below {LIMIT} shows {request.bug}")
