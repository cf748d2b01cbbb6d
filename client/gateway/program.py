"""Commands over a gateway: the one of the command line, those of a pipe, or typed at a prompt.

Rules: every command ends in an exit status and at most one line of error, and the next one is read;
addresses are the one that was named, else those of the cluster file's gateways.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from kvrmi.cli import INTERRUPTED
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.file import find, load
from kvrmi.cluster.gateways import TCP_PORT, UDP_PORT
from kvrmi.cluster.naming import split_address
from kvrmi.errors import InvalidRequest, KVError
from kvrmi.wire.replies import Failure, Reply

from ..classic import PROMPT, prompted
from ..exits import EXIT_STATUS
from ..grammar.commands import Command, parse
from ..grammar.lexer import Usage, Word, split
from ..grammar.literal import typed
from ..grammar.making import Output
from ..options import Options
from ..render import Printer, value_fields
from ..shell.carry import show_help
from ..shell.files import filled
from .classic import GatewayScript
from .exchange import Answer, asked, failure, shown
from .links import Address, Link, TcpLink, UdpLink
from .several import ended, several, shown_of

__all__ = ["main"]

_log = logging.getLogger("kvrmi.client")
_HOST = "127.0.0.1"
_PORTS = {"tcp": TCP_PORT, "udp": UDP_PORT}


def main(words: Sequence[Word], options: Options, printer: Printer) -> int:
    """Run the command of the command line, or those of stdin; the exit status."""
    link = _link(options, printer)
    run = _Run(link, options.protocol, printer)
    try:
        if words:
            return run.once(words)
        if options.session:
            return _play(run, link, options, printer)
        if not sys.stdin.isatty():
            return run.pipe(sys.stdin, numbered=True)
        printer.done(f"kvrmi over {options.protocol}: PUT key value, GET key, EXIT; HELP", {})
        return run.converse(f"{options.name or options.protocol}> ")
    finally:
        link.close()


def _play(run: _Run, link: Link, options: Options, printer: Printer) -> int:
    played = GatewayScript(link, options.protocol, printer, options.name).play()
    if sys.stdin.isatty():
        return run.converse(PROMPT)
    return played or run.pipe(prompted(sys.stdin))


def _link(options: Options, printer: Printer) -> Link:
    addresses = _addresses(options)
    if options.protocol == "udp":
        return UdpLink(addresses, options.timeout, printer.note, options.name)
    return TcpLink(addresses, options.timeout, printer.note)


def _addresses(options: Options) -> list[Address]:
    """List the gateways, the one to ask first first. Raises InvalidRequest."""
    port = _PORTS[options.protocol]
    try:
        if options.object is not None:
            raise InvalidRequest(f"--object names a Pyro object: {options.protocol} has none")
        if options.address is not None:
            return [split_address(options.address, port)]
        file = find(options.config)
        if file is None:
            return [(_HOST, port + (options.replica or 1) - 1)]
        cluster = load(file)
    except (ConfigError, ValueError) as error:
        raise InvalidRequest(str(error)) from error
    ports = {one: getattr(cluster.gateways_of(one), options.protocol) for one in cluster.ids}
    if not all(ports.values()):
        raise InvalidRequest(
            f"{file} has no {options.protocol} gateways: start the cluster with --gateways, or "
            "name one with --address"
        )
    first = options.replica or 1
    if first not in ports:
        raise InvalidRequest(f"there is no replica {first} in {file}")
    order = sorted(cluster.ids, key=lambda one: (one < first, one))
    return [(cluster.member(one).host, ports[one]) for one in order]


class _Run:
    """Commands one after the other, over one link."""

    def __init__(self, link: Link, protocol: str, printer: Printer) -> None:
        self._link = link
        self._protocol = protocol
        self._printer = printer

    def run(self, words: Sequence[Word], where: str = "") -> int:
        """Run one command; returns its exit status. Raises EOFError for EXIT."""
        began = time.monotonic()
        try:
            status = self._carry_out(parse(words), where)
        except KVError as error:
            status = self._failed(error, where)
        except KeyboardInterrupt:
            why = "it was interrupted: a write may or may not have taken effect"
            self._printer.error("INTERRUPTED", f"{where}{why}")
            status = INTERRUPTED
        named = " ".join(typed(word.text)[:100] for word in words[:2])
        _log.info("%s status=%d ms=%.1f", named, status, (time.monotonic() - began) * 1000)
        return status

    def once(self, words: Sequence[Word]) -> int:
        """Run the one command that there is; returns its exit status."""
        try:
            return self.run(words)
        except EOFError:
            return 0

    def pipe(self, lines: Iterable[str], *, numbered: bool = False) -> int:
        """Run the commands of lines; the exit status of the first that failed."""
        first = 0
        try:
            for number, line in enumerate(lines, start=1):
                status = self._line(line, f"line {number}: " * numbered)
                first = first or status
                if status == INTERRUPTED:
                    break
        except EOFError:
            pass
        return first

    def converse(self, prompt: str) -> int:
        """Prompt until EXIT or the end of input."""
        import readline  # noqa: F401  # gives input() a line editor

        while True:
            try:
                self._line(input(prompt), "")
            except KeyboardInterrupt:
                print()
            except EOFError:
                return 0

    def _line(self, line: str, where: str) -> int:
        try:
            words = split(line)
        except Usage as error:
            return self._failed(error, where)
        return self.run(words, where) if words else 0

    def _failed(self, error: KVError, where: str) -> int:
        self._printer.error(error.code, f"{where}{error}")
        _log.warning("%s: %s", error.code, error)
        return EXIT_STATUS[error.code]

    def _carry_out(self, command: Command, where: str) -> int:
        if command.name == "exit":
            raise EOFError
        if command.name == "help":
            return show_help(self._printer, *cast(tuple[str], command.args))
        if command.kind == "each" and command.output == Output():
            return self._several(command, where)
        command = command._replace(args=filled(command.args))
        answer = shown(command, self._ask(command), self._printer.shown)
        fields: dict[str, object] = {"op": command.name} | value_fields(answer.value)
        if command.args and isinstance(command.args[0], str):
            fields["key"] = command.args[0]
        return self._show(answer, fields)

    def _several(self, command: Command, where: str) -> int:
        (keys,) = cast("tuple[list[str]]", command.args)
        done = several(command.name, keys, self._ask)
        if not isinstance(done.ended, KVError):
            return self._show(*shown_of(command.name, keys, done, self._printer.shown))
        code, text = done.ended.code, ended(command.name, done)
        self._printer.error(code, f"{where}{text}", advised=False)  # some were done
        return EXIT_STATUS[code]

    def _ask(self, command: Command) -> Reply:
        """Ask the gateway, and return its reply. Raises a KVError."""
        words, writes = asked(command, self._protocol)
        reply = self._link.ask(words, writes=writes)
        if isinstance(reply, Failure):
            raise failure(reply)
        return reply

    def _show(self, answer: Answer, fields: Mapping[str, object]) -> int:
        if answer.lines or self._printer.as_json:
            self._printer.result(answer.lines, fields)
        if answer.note:
            self._printer.note(answer.note)
        return answer.status
