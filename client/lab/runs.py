"""Which simulated run is asked for, and its trace as JSON lines.

Rules: the same request gives the same lines. A request that makes no sense is refused in one
sentence (NoSuchRun) before anything runs.
It knows neither the page nor HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from kvrmi.sim.acts import Act, read
from kvrmi.sim.planted import about, known_seeds
from kvrmi.sim.protocol import Explored
from kvrmi.sim.protocols import PROTOCOLS
from kvrmi.sim.run import DEFAULT, STEPS, run
from kvrmi.sim.seen import both
from kvrmi.sim.trace_json import JsonLines

from .scenarios.shipped import named, texts
from .values import Values

__all__ = ["SEEDS", "NoSuchRun", "Request", "checked", "menu", "trace"]

SEEDS = 1 << 53
"""Seeds are below this: a page's numbers are exact up to there."""
MOST_ACTS = 50
MOST_STEPS = 20_000
"""Events with faults: a page cannot show much more."""


class NoSuchRun(ValueError):
    """The request names no run; its text is for the user."""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A run: of a seed, with a bug planted or not; or a scenario's.

    `seed` None: 0, or one that shows `bug`. `steps` and `only` as for kvrmi.sim: events with
    faults, and which faults.
    """

    protocol: str = DEFAULT
    seed: int | None = None
    profile: str = ""
    bug: str = ""
    scenario: str = ""
    steps: int | None = None
    only: tuple[int, ...] | None = None
    acts: tuple[str, ...] = ()
    """What is done to it by hand, as kvrmi.sim.acts reads it: "1.6074 kill 2"."""


def menu() -> dict[str, Any]:
    """List what can be asked for of each protocol, with a sentence each."""
    return {name: _menu(protocol) for name, protocol in PROTOCOLS.items()}


def _menu(protocol: Explored) -> dict[str, Any]:
    return {
        "profiles": {profile.name: profile.about for profile in protocol.profiles},
        "bugs": {bug: about(protocol, bug) for bug in protocol.bugs},
        "scenarios": {name: _title(name) for name in texts(protocol.name)},
    }


def checked(request: Request) -> Request:
    """Return the request if there is such a run; raises NoSuchRun."""
    _among("protocol", request.protocol, PROTOCOLS)
    protocol = PROTOCOLS[request.protocol]
    if request.scenario:
        if request != Request(protocol=request.protocol, scenario=request.scenario):
            raise NoSuchRun("a scenario takes no seed, profile, bug, steps or faults")
        _among("scenario", request.scenario, texts(protocol.name))
    if request.seed is not None and not 0 <= request.seed < SEEDS:
        raise NoSuchRun(f"{request.seed} is no seed: a whole number from 0 to 2^53 - 1")
    if request.steps is not None and not 1 <= request.steps <= MOST_STEPS:
        raise NoSuchRun(f"{request.steps} is no number of steps: from 1 to {MOST_STEPS:,}")
    if request.profile:
        _among("profile", request.profile, [profile.name for profile in protocol.profiles])
    if request.bug:
        _among("bug", request.bug, protocol.bugs)
    if request.bug and request.seed is None and (request.profile or request.only is not None):
        raise NoSuchRun("the seed that shows a bug has its own faults: name a seed with these")
    if len(request.acts) > MOST_ACTS:
        raise NoSuchRun(f"a run takes at most {MOST_ACTS} acts")
    _read(request.acts)
    return request


def _read(acts: Iterable[str]) -> list[Act]:
    try:
        return [read(act) for act in acts]
    except ValueError as error:
        raise NoSuchRun(str(error)) from None


def _among(what: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        named = ", ".join(known) or "none"
        raise NoSuchRun(f"there is no {what} {name!r}; there are: {named}")


def trace(request: Request, write: Callable[[str], object]) -> None:
    """Make the run and write its lines, each with its end; raises NoSuchRun."""
    checked(request)
    protocol = PROTOCOLS[request.protocol]
    if request.scenario:
        _play(protocol, request.scenario, write)
    else:
        _run(protocol, request, write)


def _run(protocol: Explored, request: Request, write: Callable[[str], object]) -> None:
    seed, steps = _seed(protocol, request), request.steps or STEPS
    profile = protocol.profile(request.profile, seed)
    named = {"seed": seed, "profile": profile.name, "steps": steps, "only": request.only}
    which = {**named, "acts": request.acts} if request.acts else named
    said = about(protocol, request.bug) if request.bug else profile.about
    head = {"protocol": protocol.name, **which, "plant": request.bug, "about": said}
    lines, values = JsonLines(write, head), Values()
    try:
        ended = run(
            protocol,
            seed,
            profile=profile.name,
            steps=steps,
            parts=protocol.bugs[request.bug]() if request.bug else None,
            only=request.only,
            onlooker=both(lines, values),
            acts=_read(request.acts),
        )
    except ValueError as error:  # an act on what is not there
        raise NoSuchRun(str(error)) from None
    _end(write, values, lines, ended._asdict())


def _seed(protocol: Explored, request: Request) -> int:
    """Return the seed that is asked for, or one that shows the bug."""
    if request.seed is not None or not request.bug:
        return request.seed or 0
    return known_seeds(protocol)[request.bug]


def _play(protocol: Explored, name: str, write: Callable[[str], object]) -> None:
    if protocol.play is None:
        raise NoSuchRun(f"there are no scenarios in words for {protocol.name}")
    script = texts(protocol.name)[name]
    head = {"protocol": protocol.name, "script": name, "about": _title(name)}
    lines, values, transcript = JsonLines(write, head), Values(), list[str]()
    went_well = protocol.play(script.splitlines(), transcript.append, both(lines, values))
    _end(write, values, lines, {"violation": "" if went_well else transcript[-1]})


def _end(
    write: Callable[[str], object], values: Values, lines: JsonLines, came: Mapping[str, object]
) -> None:
    write(msgspec.json.encode(values.line()).decode() + "\n")
    lines.end(came)


def _title(name: str) -> str:
    scenario = named(name)
    return f"{scenario.title}. {scenario.teaches}"
