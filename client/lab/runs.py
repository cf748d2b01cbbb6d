"""Which simulated run is asked for, and its trace as JSON lines.

Rules: the same request gives the same lines. A request that makes no sense is refused in one
sentence (NoSuchRun) before anything runs.
It knows neither the page nor HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from kvrmi.sim.acts import Act, read
from kvrmi.sim.planted import about, known_seeds
from kvrmi.sim.protocol import Explored
from kvrmi.sim.protocols import PROTOCOLS
from kvrmi.sim.run import DEFAULT, STEPS, run
from kvrmi.sim.scenario import Scenario
from kvrmi.sim.scenario import read as read_scenario
from kvrmi.sim.seen import both
from kvrmi.sim.trace_json import JsonLines

from .plays import MOST_MOVES, NoSuchRun, end, play, play_dare, understood
from .scenarios.dare import BEGIN, HINT, MOVES
from .scenarios.game import BEGIN as OPENING
from .scenarios.game import HEAL
from .scenarios.known import WON
from .scenarios.shipped import named, texts
from .values import Values

__all__ = ["SEEDS", "NoSuchRun", "Request", "checked", "dare", "menu", "trace"]

SEEDS = 1 << 53
"""Seeds are below this: a page's numbers are exact up to there."""
MOST_ACTS = 50
MOST_STEPS = 20_000
"""Events with faults: a page cannot show much more."""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A run: of a seed, with a bug planted or not; or a scenario's; or an attempt at the dare.

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
    script: str = ""
    """The text of a scenario of one's own."""
    dare: int | None = None
    """How many replicas an attempt to break safety has."""
    moves: tuple[str, ...] = ()
    """Those of the attempt; quit as the last one undoes all failures."""


_TAKES = {
    "scenario": {"protocol", "acts"},
    "script": {"acts"},
    "dare": {"bug", "moves"},
    "seed": {"protocol", "profile", "bug", "steps", "only", "acts"},
}
"""What else a request may have whose run is one of these; a seed's, if it names none of them."""


def menu() -> dict[str, Any]:
    """List what can be asked for of each protocol, with a sentence each."""
    return {name: _menu(protocol) for name, protocol in PROTOCOLS.items()}


def dare() -> dict[str, Any]:
    """Return the texts of the dare: what it is about, its moves, a hint, and what wins.

    `before` and `heal` are the steps before its first move, and those that undo all failures.
    """
    told = {"begin": BEGIN, "moves": MOVES, "hint": HINT, "won": WON}
    return told | {"before": OPENING, "heal": HEAL}


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
    _single(request)
    if request.scenario:
        _among("scenario", request.scenario, texts(protocol.name))
    own = understood(request.script) if request.script else None
    if own is not None:
        _among("protocol", own.protocol, PROTOCOLS)
        if own.bug:
            _among("bug", own.bug, PROTOCOLS[own.protocol].bugs)
    if request.dare is not None and not 3 <= request.dare <= 5:
        raise NoSuchRun("the dare has 3, 4 or 5 replicas")
    if len(request.moves) > MOST_MOVES:
        raise NoSuchRun(f"an attempt has at most {MOST_MOVES} moves")
    if request.seed is not None and not 0 <= request.seed < SEEDS:
        raise NoSuchRun(f"{request.seed} is no seed: a whole number from 0 to 2^53 - 1")
    if request.steps is not None and not 1 <= request.steps <= MOST_STEPS:
        raise NoSuchRun(f"{request.steps} is no number of steps: from 1 to {MOST_STEPS:,}")
    if request.profile:
        _among("profile", request.profile, [profile.name for profile in protocol.profiles])
    if request.bug:
        _among("bug", request.bug, protocol.bugs)
    if (
        request.bug
        and request.dare is None
        and request.seed is None
        and (request.profile or request.only is not None)
    ):
        raise NoSuchRun("the seed that shows a bug has its own faults: name a seed with these")
    if len(request.acts) + (len(own.acts) if own else 0) > MOST_ACTS:
        raise NoSuchRun(f"a run takes at most {MOST_ACTS} acts")
    _read(request.acts)
    return request


def _single(request: Request) -> None:
    """Refuse what has no meaning for the kind of run that is asked for."""
    given = set(msgspec.to_builtins(request))  # without what is as usual
    kind = next((kind for kind in _TAKES if kind in given), "seed")
    over = given - {kind} - _TAKES[kind]
    if over:
        raise NoSuchRun(f"a {kind} takes no {', no '.join(sorted(over))}")


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
        _play(protocol, request.scenario, request, write)
    elif request.script:
        scenario = understood(request.script)
        _play(PROTOCOLS[scenario.protocol], "", request, write)
    elif request.dare is not None:
        said = about(protocol, request.bug) if request.bug else ""
        head = {"protocol": protocol.name, "dare": request.dare, "moves": request.moves}
        head |= {"plant": request.bug, "about": said}
        play_dare(request.dare, request.bug, request.moves, head, write)
    else:
        _run(protocol, request, write)


def _run(protocol: Explored, request: Request, write: Callable[[str], object]) -> None:
    seed, steps = _seed(protocol, request), request.steps or STEPS
    profile = protocol.profile(request.profile, seed)
    named = {"seed": seed, "profile": profile.name, "steps": steps, "only": request.only}
    said = about(protocol, request.bug) if request.bug else profile.about
    head = {
        "protocol": protocol.name,
        **named,
        **_by_hand(request),
        "plant": request.bug,
        "about": said,
    }
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
    end(write, values, lines, ended._asdict())


def _seed(protocol: Explored, request: Request) -> int:
    """Return the seed that is asked for, or one that shows the bug."""
    if request.seed is not None or not request.bug:
        return request.seed or 0
    return known_seeds(protocol)[request.bug]


def _by_hand(request: Request) -> dict[str, object]:
    return {"acts": request.acts} if request.acts else {}


def _play(protocol: Explored, name: str, request: Request, write: Callable[[str], object]) -> None:
    """Play the scenario of this name, or without one that of the request's text."""
    text = texts(protocol.name)[name] if name else request.script
    scenario = read_scenario(text.splitlines())
    head = {
        "protocol": protocol.name,
        "script": name or scenario.title or "of one's own",
        **_by_hand(request),
        "text": text,
        "own": not name,
        "plant": scenario.bug,
        "about": _about(protocol, scenario),
    }
    play(protocol, text, head, _read(request.acts), write)


def _about(protocol: Explored, scenario: Scenario) -> str:
    """Say what a scenario is about; where a bug is planted, what that is."""
    if scenario.bug:
        return about(protocol, scenario.bug)
    return f"{scenario.title}. {scenario.teaches}".removesuffix(" ") if scenario.title else ""


def _title(name: str) -> str:
    scenario = named(name)
    return f"{scenario.title}. {scenario.teaches}"
