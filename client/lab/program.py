"""`python -m client lab`: opens the page of a cluster, or of a simulated run, until Ctrl-C.

Rules: 127.0.0.1 only; the address is printed first, with its token; a run that does not exist is
refused before anything listens. Starlette and uvicorn are imported late: few need them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import signal
import socket
import sys
import webbrowser
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import msgspec

from kvrmi import cli
from kvrmi.sim.protocols import PROTOCOLS
from kvrmi.sim.run import DEFAULT

from ..options import Options
from .pairs import PAIRS, pair
from .runs import SEEDS, NoSuchRun, Request, checked
from .scenarios.program import COMMANDS
from .scenarios.shipped import texts

__all__ = ["main"]

HOST = "127.0.0.1"
GRACE = 5
"""Seconds for open answers when it ends."""
_NEEDED = ("starlette", "uvicorn")
_INSTALL = "pip install '.[lab]' in the folder that kvrmi was installed from"


def main(words: Sequence[str], options: Options) -> int:
    """Serve the pages; `options` name the cluster of the live one. Returns the exit status."""
    if words and words[0] in COMMANDS:
        return COMMANDS[words[0]](words[1:])
    given = _parser().parse_args(words)
    lacking = [name for name in _NEEDED if find_spec(name) is None]
    if lacking:
        cli.complain(f"{', '.join(lacking)} not installed: {_INSTALL}", "lab")
        return cli.USAGE
    try:
        first = _first(given)
        listening = _listen(given.port)
    except (NoSuchRun, OSError, UnicodeDecodeError) as error:
        cli.complain(str(error), "lab")
        return cli.USAGE
    if first != (Request(),):
        return _serve(listening, first, options, "/", browser=not given.no_browser)
    return _live(listening, options, browser=not given.no_browser)


def _first(given: argparse.Namespace) -> tuple[Request, ...]:
    """Return the run that the page opens with, or two beside each other; raises NoSuchRun."""
    asked = {name: getattr(given, name, None) for name in Request.__struct_fields__}
    said = {name: value for name, value in asked.items() if value is not None}
    if given.scenario and given.scenario not in texts() and Path(given.scenario).is_file():
        said["script"] = Path(said.pop("scenario")).read_text(encoding="utf-8")
    first = checked(msgspec.convert(said, Request))
    if given.pair is None:
        return (first,)
    if first != Request():
        raise NoSuchRun("a pair has its own runs: --pair takes nothing beside it")
    return pair(given.pair)


def _live(listening: socket.socket, options: Options, *, browser: bool) -> int:
    """Serve beside the cluster that is there, or one of our own."""
    from ..nemesis.subject import NotStarted
    from .live.own import clustered

    for number in (signal.SIGTERM, signal.SIGHUP):  # what was started here is ended here
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        with clustered(options) as (found, said):
            return _serve(listening, (Request(),), found, "/live", browser=browser, said=said)
    except NotStarted as error:
        cli.complain(str(error), "lab")
        return 1


def _listen(port: int) -> socket.socket:
    """Open the port; raises OSError whose text names it."""
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise OSError(
            f"{HOST}:{port} cannot be opened: {error.strerror}; try another --port"
        ) from None


def _serve(
    listening: socket.socket,
    first: Sequence[Request],
    options: Options,
    path: str,
    *,
    browser: bool,
    said: str = "",
) -> int:
    import uvicorn  # half a second

    from .live.pages import Live
    from .server import application

    token, port = secrets.token_urlsafe(24), listening.getsockname()[1]
    address = f"http://{HOST}:{port}{path}?token={token}"
    lines = (f"the lab is at {address}", "Ctrl-C ends it", said)
    print("\n".join(filter(None, lines)), flush=True)
    if browser and _has_screen():
        webbrowser.open(address)
    live = Live(options, lambda: server.should_exit)
    app = application(token, first, (HOST, "localhost"), port, live)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE,
        server_header=False,
    )
    server = uvicorn.Server(config)
    with listening, contextlib.suppress(KeyboardInterrupt):  # raised again once it has ended
        server.run(sockets=[listening])
    return 0


def _has_screen() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(
        "Open a page that shows the running cluster, or one of its own where none runs, and fails "
        "and heals it by clicks. With a seed, a scenario or a bug: one that plays a simulated run, "
        "step by step, forwards and backwards, and says of each step why it is safe; that needs no "
        "cluster.",
        command="lab",
        epilog="`lab list` lists scenarios, `lab run NAME [--live]` plays one in the terminal. "
        "Exit status: 0 after Ctrl-C, 2 usage.",
    )
    parser.add_argument(
        "--protocol", metavar="NAME", choices=PROTOCOLS, default=DEFAULT, help=f"({DEFAULT})"
    )
    parser.add_argument("--seed", metavar="N", type=cli.whole(0, SEEDS - 1), help="its run (0)")
    parser.add_argument("--profile", metavar="P", help="the faults (by the seed)")
    parser.add_argument("--bug", metavar="NAME", help="with this bug planted")
    parser.add_argument("--scenario", metavar="NAME", help="a scenario instead, or a file of one")
    parser.add_argument("--pair", metavar="NAME", help=f"two side by side: {', '.join(PAIRS)}")
    parser.add_argument("--steps", metavar="M", type=int, help="events with faults (3000)")
    parser.add_argument(
        "--only", metavar="N,N", type=_numbers, help="only these faults, by number; 0 for none"
    )
    parser.add_argument(
        "--act",
        metavar="ACT",
        dest="acts",
        action="append",
        default=[],
        help='do this to it, such as "1.6 kill 2"; may be given several times',
    )
    parser.add_argument(
        "--port", metavar="PORT", type=cli.whole(0, 65535), default=0, help="(a free one)"
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address only")
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    if not all(part.isdecimal() for part in text.split(",")):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers such as 3,7")
    return tuple(map(int, text.split(",")))
