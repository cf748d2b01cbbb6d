"""The client's command line: finds the store, then hands over to the shell or a program of its own.

Rule: whatever is wrong ends in one line on stderr and an exit status, never in a traceback.
"""

from __future__ import annotations

from kvrmi import early  # noqa: F401, before all else

# isort: split

import io
import logging
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from kvrmi import cli
from kvrmi.access.store import Store
from kvrmi.cluster.status import ClusterStatus
from kvrmi.errors import InvalidRequest, KVError

from .admin import Admin
from .exits import EXIT_STATUS
from .grammar.commands import Command, parse
from .grammar.lexer import Usage, Word, plain, split
from .health import await_serving
from .logfile import log_to
from .options import Options, is_flag
from .options import parse as parse_options
from .render import Printer
from .shell.calls import Calls
from .shell.carry import show_help
from .shell.incoming import incoming
from .shell.interrupt import undisturbed
from .shell.notes import Notes
from .shell.pipeline import Pipeline
from .shell.run import Leave, Shell

__all__ = ["main"]

_ENDED = "it ended before its work was done"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with `argv` (default: the process's); returns its exit status."""
    _allow_any_bytes()
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        options = parse_options(words)
        return _run(options)
    except KeyboardInterrupt:
        return cli.INTERRUPTED
    except OSError as error:  # of our output: the store's are KVErrors
        return _unwritable(error)


def _unwritable(error: OSError) -> int:
    """Whoever read our output has gone, which is fine, or a disk is full, which is not."""
    if not isinstance(error, BrokenPipeError):
        cannot = f"the output cannot be written: {error.strerror or error}"
        cli.complain(cli.reason(error) if error.filename else cannot)  # only a file has a name
    cli.mute()  # Python must not fail again when it flushes
    if isinstance(error, BrokenPipeError):
        return 0
    return EXIT_STATUS["UNAVAILABLE"]


def _allow_any_bytes() -> None:
    """Let what is no UTF-8 through: the store refuses it in a line, Python would in twenty."""
    for stream, errors in ((sys.stdin, "surrogateescape"), (sys.stdout, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


def _run(options: Options) -> int:
    printer = Printer(as_json=options.json)
    try:
        words = _command(options.command)
        name, *argv = (str(word.text) for word in words) if words else [""]
        if name.lower() in _PROGRAMS:
            _check_program(name.lower(), argv, options)
        log_to(options.log, options.name)
        if options.over_gateway:
            from .gateway import program as gateway  # needs no Pyro

            return gateway.main(words, options, printer)
        if name.lower() in _PROGRAMS:
            return _PROGRAMS[name.lower()](argv, options)
        command = _parsed(words) if words else None  # what is wrong with it needs no cluster
        if command is not None and command.name == "help":
            return show_help(printer, *cast(tuple[str], command.args))
        if command is not None and command.name == "health":
            done = await_serving(lambda: _look(options), cast(float, command.args[0]))
            printer.done(done.text, done.fields)
            return 0
        person = not words and sys.stdin.isatty() and sys.stdout.isatty()
        notes = Notes(printer.note, person=person)
        with options.connect(notes) as store:
            shell = Shell(store, _admin(store, options), printer, notes, person=person)
            if options.session:
                return _play(shell, store, options, printer)
            return _shell(shell, store, words, options)
    except KVError as error:
        printer.error(error.code, str(error))
        logging.getLogger("kvrmi.client").warning("%s: %s", error.code, error)
        return EXIT_STATUS[error.code]
    except KeyboardInterrupt as interrupt:  # the shell's commands have their own
        with undisturbed():
            printer.error("INTERRUPTED", str(interrupt) or _ENDED)
        return cli.INTERRUPTED


def _check_program(name: str, argv: Sequence[str], options: Options) -> None:
    """Refuse flags that a program has no use for, or that come too late. Raises InvalidRequest."""
    useless = {
        "--protocol": options.over_gateway,
        "--log": options.log is not None,
        "--no-key-completion": options.no_key_completion,
    }
    given = next((flag for flag, is_given in useless.items() if is_given), None)
    if given is not None:
        raise InvalidRequest(f"{given} is for commands, and does nothing with {name}: leave it out")
    flags = (word.partition("=")[0] for word in argv)
    late = next((one for one in flags if is_flag(one) and one not in _THEIRS), None)
    if late is not None:
        raise InvalidRequest(f"{late} goes before the program: {cli.started_as()} {late} .. {name}")


def _doctor(words: Sequence[str], options: Options) -> int:
    from .doctor import program  # needs rich

    if options.named:
        raise InvalidRequest(
            "doctor looks at the files of a cluster too: name its cluster file with --config in "
            "place of an address"
        )
    return program.main(words, options.config, as_json=options.json)


def _bench(argv: Sequence[str], options: Options) -> int:
    from . import bench  # a program of its own, with tables and processes

    return bench.main(argv, options.connect, as_json=options.json)


def _lab(argv: Sequence[str], options: Options) -> int:
    from .lab import program  # a web server, and the simulator

    return program.main(argv, options)


def _live(argv: Sequence[str], options: Options) -> int:
    from .live import program  # a picture that is drawn again and again

    return program.main(argv, options)


def _compare(argv: Sequence[str], options: Options) -> int:
    from .compare import program  # starts clusters of its own

    return program.main(argv, as_json=options.json)


def _nemesis(argv: Sequence[str], options: Options) -> int:
    from .nemesis import program  # starts a cluster of its own

    return program.main(argv, options)


def _trace(argv: Sequence[str], options: Options) -> int:
    from .trace import program  # reads all replicas' events

    return program.main(argv, options)


def _verify(argv: Sequence[str], options: Options) -> int:
    from . import verify  # needs no store

    return verify.main(argv, as_json=options.json)


def _workload(argv: Sequence[str], options: Options) -> int:
    from . import workload  # needs the checker's format

    return workload.main(argv, options.opened, as_json=options.json)


def _parsed(words: Sequence[Word]) -> Command:
    """Make a command of the words of the command line. Raises Usage."""
    try:
        return parse(words)
    except Usage as error:
        late = next((text for word in words if is_flag(text := str(word.text))), None)
        raise Usage(f"{error}; {late} goes before the command") if late else error from None


def _look(options: Options) -> ClusterStatus:
    """Look the cluster up anew: its file may appear while somebody waits for it."""
    with options.connect() as store:
        return _admin(store, options).status()


def _admin(store: Store, options: Options) -> Admin:
    return Admin(store, options.config, options.named)


def _shell(shell: Shell, store: Store, words: Sequence[Word], options: Options) -> int:
    try:
        if words:
            return shell.run(words)
        if sys.stdin.isatty():
            return _converse(shell, options)
        with Calls(store, shell.notes) as calls:
            pipeline = Pipeline(shell, calls, at_once=options.at_once, numbered=True)
            try:
                return pipeline.run(incoming(sys.stdin, pipeline.until_readable))
            except KeyboardInterrupt:  # nothing was open, or it was reported
                return cli.INTERRUPTED
    except Leave:
        return 0


def _converse(shell: Shell, options: Options, prompt: str | None = None) -> int:
    from .shell.converse import converse  # half a second, for people only
    from .shell.known import TIMEOUT, Known

    known = Known(
        lambda: options.opened(options.replica, TIMEOUT), keys=not options.no_key_completion
    )
    shell.notes.then = known.observe
    return converse(shell, known, name=options.name, prompt=prompt)


def _play(shell: Shell, store: Store, options: Options, printer: Printer) -> int:
    from . import classic  # for those who ask for it

    script = classic.ClassicScript(store, printer, options.name)
    status = _admin(store, options).status()
    played = script.play(status, options.nameserver, options.replica)
    if sys.stdin.isatty():
        return _converse(shell, options, classic.PROMPT)
    if played == cli.INTERRUPTED:
        return played
    with Calls(store, shell.notes) as calls:
        first = Pipeline(shell, calls).run(classic.prompted(sys.stdin))
    return played or first


def _command(words: Sequence[str]) -> list[Word]:
    """Make out the words of the command; one quoted argument may hold them all."""
    if len(words) == 1 and re.search(r"[\s(]", words[0]):
        return split(words[0])
    return plain(words)


_THEIRS = ("--json", "--protocol")
"""Flags that programs have of their own, too."""
_PROGRAMS: Mapping[str, Callable[[Sequence[str], Options], int]] = {
    "bench": _bench,
    "compare": _compare,
    "doctor": _doctor,
    "lab": _lab,
    "live": _live,
    "nemesis": _nemesis,
    "trace": _trace,
    "verify": _verify,
    "workload": _workload,
}
"""First word of a command line that is no command -> what takes the words after it."""


if __name__ == "__main__":
    sys.exit(main())
