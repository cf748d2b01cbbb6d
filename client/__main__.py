"""The client's command line: finds the store, then hands over to the shell or a program of its own.

Rule: whatever is wrong ends in one line on stderr and an exit status, never in a traceback.
"""

from __future__ import annotations

import argparse
import io
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

from kvrmi import cli
from kvrmi.config import ConfigError, find, load
from kvrmi.errors import InvalidRequest, KVError
from kvrmi.naming import kvstore
from kvrmi.session import Store, connect

from .admin import Admin
from .grammar.commands import COMMANDS, parse
from .grammar.lexer import split
from .health import await_serving
from .render import Printer
from .shell.run import EXIT_STATUS, Leave, Shell, show_help

__all__ = ["main"]

_EPILOG = """\
Without a command: a prompt on a terminal, else one command a line from stdin.
Commands: PUT GET DELETE CONTAINS SIZE PUT_MANY GET_MANY CAS SCAN STATUS, and orders; HELP explains
them. Programs of their own, each with --help: bench measures, workload records a history, verify
judges one, nemesis fails a cluster of its own under load and checks every answer of its clients.

Exit status: 0 ok, 1 key not found or cas not swapped, 2 usage, 3 no quorum, 4 unknown outcome,
5 aborted or unsupported, 6 connection or unavailable."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with `argv` (default: the process's); returns its exit status."""
    _allow_any_bytes()
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        options = _parser().parse_args(words)
        return _run(options)
    except KeyboardInterrupt:
        return cli.INTERRUPTED
    except OSError as error:  # of our output: the store's are KVErrors
        return _unwritable(error)


def _unwritable(error: OSError) -> int:
    """Whoever read our output has gone, which is fine, or a disk is full, which is not."""
    if not isinstance(error, BrokenPipeError):
        cli.complain(f"the output cannot be written: {error.strerror or error}")
    cli.mute()  # Python must not fail again when it flushes
    if isinstance(error, BrokenPipeError):
        return 0
    return EXIT_STATUS["UNAVAILABLE"]


def _allow_any_bytes() -> None:
    """Let what is no UTF-8 through: the store refuses it in a line, Python would in twenty."""
    for stream, errors in ((sys.stdin, "surrogateescape"), (sys.stdout, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


def _run(options: argparse.Namespace) -> int:
    printer = Printer(as_json=options.json)
    try:
        words = _command(options.command)
        _log_to(options.log)
        if words and words[0].lower() == "bench":
            from . import bench  # a program of its own, with tables and processes

            return bench.main(words[1:], lambda: _connect(options), as_json=options.json)
        if words and words[0].lower() == "verify":
            from . import verify  # needs no store

            return verify.main(words[1:], as_json=options.json)
        if words and words[0].lower() == "workload":
            from . import workload  # needs the checker's format

            return workload.main(words[1:], _opener(options), as_json=options.json)
        if words and words[0].lower() == "nemesis":
            from .nemesis import program  # starts a cluster of its own

            return program.main(words[1:], as_json=options.json)
        command = parse(words) if words else None  # what is wrong with it needs no cluster
        if command is not None and command.name == "help":
            return show_help(printer, *command.args)
        if command is not None and command.name == "health":
            done = await_serving(lambda: _look(options), cast(float, command.args[0]))
            printer.done(done.text, done.fields)
            return 0
        with _connect(options) as store:
            return _shell(Shell(store, _admin(store, options), printer), words)
    except KVError as error:
        printer.error(error.code, str(error))
        return EXIT_STATUS[error.code]


def _look(options: argparse.Namespace) -> dict[str, Any]:
    """Look the cluster up anew: its file may appear while somebody waits for it."""
    with _connect(options) as store:
        return _admin(store, options).status()


def _admin(store: Store, options: argparse.Namespace) -> Admin:
    return Admin(store, options.config, options.address or options.name)


def _shell(shell: Shell, words: Sequence[str]) -> int:
    try:
        if words:
            return shell.run(words)
        if sys.stdin.isatty() and sys.stdout.isatty():
            from .shell.converse import converse  # half a second, for people only

            return converse(shell)
        return shell.run_lines(sys.stdin)
    except Leave:
        return 0


def _connect(options: argparse.Namespace) -> Store:
    name = options.name or (kvstore(options.replica) if options.replica else None)
    if options.address is not None:
        named = f"{name}@{options.address}" if name else options.address
        return connect(addresses=[named], timeout=options.timeout)
    if options.name is not None:
        named = f"PYRONAME:{options.name}{_nameserver(options.config)}"
        return connect(addresses=[named], timeout=options.timeout)
    return connect(options.replica, config=options.config, timeout=options.timeout)


def _nameserver(config: str | None) -> str:
    """Say where to look a name up: at the name server of the cluster file, if there is one."""
    file = find(config)
    try:
        return "" if file is None else f"@{load(file).nameserver}"
    except ConfigError as error:
        raise InvalidRequest(f"cluster file {error}") from error


def _opener(options: argparse.Namespace) -> Callable[[int | None, float | None], Store]:
    """Open sessions as the options say, but for the replica to ask first and the timeout."""

    def open_store(replica: int | None, timeout: float | None) -> Store:
        own = {"replica": replica, "timeout": timeout or options.timeout}
        return _connect(argparse.Namespace(**vars(options) | own))

    return open_store


def _command(words: Sequence[str]) -> list[str]:
    """Make out the words of the command; one quoted argument may hold them all."""
    if len(words) == 1 and words[0].upper() not in COMMANDS and " " in words[0]:
        return split(words[0])
    return list(words)


def _log_to(path: str | None) -> None:
    logger = logging.getLogger("kvrmi.client")
    logger.propagate = False
    if path is None:
        logger.addHandler(logging.NullHandler())  # else warnings would be printed twice
        return
    try:
        handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise InvalidRequest(f"--log {path}: {error.strerror}") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "Use a replicated key-value store.",
        epilog=_EPILOG,
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--config", metavar="F", help="the cluster file")
    where.add_argument("--address", metavar="H:P", help="the address of a replica")
    parser.add_argument("--replica", metavar="N", type=int, help="the replica to ask first")
    parser.add_argument("--name", metavar="NAME", help="the remote object's name")
    parser.add_argument(
        "--protocol", type=str.lower, choices=("rpc",), default="rpc", help="how to talk (rpc)"
    )
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=cli.above_zero("seconds", 86_400),
        default=5.0,
        help="seconds to wait for an answer (5)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a result")
    parser.add_argument("--log", metavar="FILE", help="append every command's outcome to a file")
    parser.add_argument("command", metavar="COMMAND", nargs=argparse.REMAINDER, help="see below")
    return parser


if __name__ == "__main__":
    sys.exit(main())
