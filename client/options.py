"""The client's flags: what may be given before a command, and the store that they name.

Rule: what is wrong with a flag is one line and status 2, before anything is contacted. It runs no
command and prints nothing but its own usage.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple, TypedDict

from kvrmi import cli
from kvrmi.access.events import Observer
from kvrmi.access.lookup import NAME_SERVER
from kvrmi.access.store import Store, connect
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.file import find, load
from kvrmi.cluster.naming import is_client, kvstore
from kvrmi.errors import InvalidRequest
from kvrmi.operations.interface import WINDOW

from .grammar.commands import COMMANDS

__all__ = ["Options", "is_flag", "parse"]

_PROTOCOL = "rpc"
_PROTOCOLS = (_PROTOCOL, "tcp", "udp")
"""All but the first are a gateway's."""
_EPILOG = f"""\
Without a command: a prompt on a terminal, else one command a line from stdin.
Commands, in any case: {" ".join(COMMANDS)}. HELP COMMAND explains one.

Programs of their own, each with --help: bench measures, workload records a history, verify
judges one, compare measures engines beside one another, nemesis fails a cluster of its own under
load and checks every answer of its clients, doctor looks a cluster over, running or not, and says
what to do, live shows it while it runs, trace draws what its replicas said to each other lately,
lab opens a page that plays simulated runs.

Exit status: 0 ok, 1 key not found or cas not swapped, 2 usage, 3 no quorum, 4 unknown outcome,
5 aborted or unsupported, 6 connection or unavailable."""


class Client(TypedDict):
    """What connect() is given of the client, wherever the store is."""

    timeout: float
    name: str | None
    observer: Observer | None


class Options(NamedTuple):
    """What the flags said."""

    config: str | None
    address: str | None
    replica: int | None
    object: str | None
    name: str | None
    timeout: float
    json: bool
    log: str | None
    session: bool
    at_once: int
    no_key_completion: bool
    protocol: str
    command: list[str]

    @property
    def over_gateway(self) -> bool:
        """Whether the client talks to a gateway."""
        return self.protocol != _PROTOCOL

    @property
    def nameserver(self) -> str | None:
        """The name server of the cluster, host:port: that of its file, else localhost's.

        None where an address is named, which needs none. Raises InvalidRequest for a bad file.
        """
        if self.address is not None:
            return None
        file = find(self.config)
        try:
            return NAME_SERVER if file is None else load(file).nameserver
        except ConfigError as error:
            raise InvalidRequest(f"cluster file {error}") from error

    @property
    def named(self) -> str | None:
        """The address or object that was named in place of a cluster file."""
        return self.address or self.object

    def connect(self, observer: Observer | None = None) -> Store:
        """Open the store that they name; raises InvalidRequest, ConnectionFailed."""
        client: Client = {"timeout": self.timeout, "name": self.name, "observer": observer}
        name = self.object or (kvstore(self.replica) if self.replica else None)
        if self.address is not None:
            named = f"{name}@{self.address}" if name else self.address
            return connect(addresses=[named], **client)
        if self.object is not None:
            named = f"PYRONAME:{self.object}@{self.nameserver}"
            return connect(addresses=[named], **client)
        return connect(self.replica, config=self.config, **client)

    def opened(self, replica: int | None, timeout: float | None) -> Store:
        """Open it for one of many clients: `replica` is asked first, in `timeout` seconds."""
        return self._replace(replica=replica, timeout=timeout or self.timeout).connect()


def is_flag(word: str) -> bool:
    """Whether a word is one of these flags, which stand before the command."""
    return word.startswith("--") and word[2:].replace("-", "_") in Options._fields[:-1]


def parse(argv: Sequence[str]) -> Options:
    """Read the flags; leaves with status 2 and one line where they are wrong."""
    parser = _parser()
    given = vars(parser.parse_args(argv))
    if given["command"][:1] == ["--"]:
        del given["command"][0]
    if given["session"] and (given["command"] or given["json"]):
        parser.error("--session takes no command and prints no JSON")
    if given["at_once"] != 1 and given["command"]:
        parser.error("--at-once is for the commands of a pipe, and takes none here")
    return Options(**{field: given[field] for field in Options._fields})


def _parser() -> cli.Parser:
    parser = cli.Parser("Use a replicated key-value store.", epilog=_EPILOG)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--config", metavar="F", help="the cluster file")
    where.add_argument("--address", metavar="H:P", help="the address of a replica")
    parser.add_argument(
        "--replica", metavar="N", type=cli.whole(1, 99), help="the replica to ask first"
    )
    parser.add_argument("--object", metavar="NAME", help="the remote object's name")
    parser.add_argument(
        "--name", metavar="CLIENT", type=_client, help="a name for this client, for prompt and logs"
    )
    parser.add_argument(
        "--protocol",
        metavar="P",
        type=_protocol,
        default=_PROTOCOL,
        help="how to talk: rpc, or over a gateway tcp or udp (rpc)",
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
    parser.add_argument(
        "--session", action="store_true", help="play the classic client session, then prompt"
    )
    parser.add_argument(
        "--at-once",
        metavar="N",
        type=cli.whole(1, WINDOW),
        default=1,
        help="commands of a pipe that may be open at the same time (1); more are faster, and "
        "those of different keys may take effect in another order than their lines",
    )
    parser.add_argument(
        "--no-key-completion",
        action="store_true",
        help="at the prompt: never ask the store for keys to complete",
    )
    parser.add_argument(
        "command", metavar="COMMAND", nargs=argparse.REMAINDER, type=str, help="see below"
    )
    return parser


def _client(text: str) -> str:
    """Take a client's name; that of an object was given to this flag once, and would be ignored."""
    if text.startswith("kvrmi."):
        raise argparse.ArgumentTypeError(f"{text} is a remote object: name it with --object")
    if not is_client(text):
        raise argparse.ArgumentTypeError(
            f'{text!r} is no name: take 1 to 30 letters (A-Z, a-z), digits, ".", "_" or "-"'
        )
    return text


def _protocol(text: str) -> str:
    """Take a protocol in any case."""
    name = text.lower()
    if name not in _PROTOCOLS:
        raise argparse.ArgumentTypeError(f"{text!r} is no protocol: use {', '.join(_PROTOCOLS)}")
    return name
