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
from kvrmi.sim.trace_json import JsonLines

__all__ = ["NoSuchRun", "Request", "checked", "menu", "scenarios", "trace"]

PATIENCE = 60.0
"""Seconds within which a seed that shows a bug must be found."""

_PAXOS = PROTOCOLS[DEFAULT]


class NoSuchRun(ValueError):
    """The request names no run; its text is for the user."""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run: of a seed, with a bug planted or not; or a scenario's.

    `seed` None: 0, or the first that shows `bug`.
    """

    seed: int | None = None
    profile: str = ""
    bug: str = ""
    scenario: str = ""


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
    scripts = sorted((each for each in folder.iterdir()), key=lambda each: each.name)
    return {
        each.name.removesuffix(".txt"): each.read_text(encoding="utf-8")
        for each in scripts
        if each.name.endswith(".txt")
    }


def checked(request: Request) -> Request:
    """Return the request if there is such a run; raises NoSuchRun."""
    if request.scenario:
        if request.seed is not None or request.profile or request.bug:
            raise NoSuchRun("a scenario takes no seed, profile or bug")
        _among("scenario", request.scenario, scenarios())
    if request.seed is not None and not 0 <= request.seed < 1 << 53:
        raise NoSuchRun(f"{request.seed} is no seed: a whole number from 0 to 2^53 - 1")
    if request.profile:
        _among("profile", request.profile, menu()["profiles"])
    if request.bug:
        _among("bug", request.bug, _PAXOS.bugs)
    return request


def _among(what: str, name: str, known: Mapping[str, object]) -> None:
    if name not in known:
        raise NoSuchRun(f"there is no {what} {name!r}; there are: {', '.join(known)}")


def trace(request: Request, write: Callable[[str], object]) -> None:
    """Make the run and write its lines, each with its end; raises NoSuchRun."""
    checked(request)
    if request.scenario:
        _play(request.scenario, write)
        return
    seed = _seed(request)
    profile = _PAXOS.profile(request.profile, seed).name
    which = {"protocol": DEFAULT, "seed": seed, "profile": profile, "steps": STEPS}
    story = about(_PAXOS, request.bug) if request.bug else ""
    lines = JsonLines(write, {**which, "plant": request.bug, "about": story})
    parts = _PAXOS.bugs[request.bug]() if request.bug else None
    verdict = run(_PAXOS, seed, profile=profile, parts=parts, onlooker=lines)
    lines.end(verdict._asdict())


def _play(name: str, write: Callable[[str], object]) -> None:
    script = scenarios()[name].splitlines()
    lines = JsonLines(write, {"protocol": DEFAULT, "script": name, "about": _title("\n".join(script))})
    assert _PAXOS.play is not None, "scenarios in words are Multi-Paxos'"
    went_well = _PAXOS.play(script, _ignore, lines)
    lines.end({"violation": "" if went_well else "not as the script expects"})


def _ignore(line: str) -> None:
    """The transcript is not needed."""


def _title(script: str) -> str:
    """Take the sentences that a script begins with."""
    said = []
    for line in script.splitlines():
        if not line.startswith("#"):
            break
        said.append(line.lstrip("# "))
    return " ".join(said)


def _seed(request: Request) -> int:
    """Return the seed that is asked for, or the first that shows the bug."""
    if request.seed is not None or not request.bug:
        return request.seed or 0
    by = time.monotonic() + PATIENCE
    for first in range(LIMIT):
        found = find(_PAXOS, request.bug, range(first, first + 1))
        if found.violation:
            return first
        if time.monotonic() > by:
            raise NoSuchRun(
                f"none of the seeds 0 to {first} shows {request.bug} within {PATIENCE:g} s; "
                f"`python -m kvrmi.sim --bugs {request.bug}` searches on; name the seed with it"
            )
    raise NoSuchRun(f"no seed below {LIMIT} shows {request.bug}")


