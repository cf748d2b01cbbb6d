"""The commands: how they are written, and what each asks of the store.

Rule: whatever cannot be understood is refused with the command's own usage, before anything is
sent. It runs nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from kvrmi.cli import started_as
from kvrmi.interface import LINEARIZABLE, LOCAL

from .lexer import Usage, Word, shortened
from .nearest import meant
from .pattern import Given, Pattern

__all__ = [
    "COMMANDS",
    "NOTES",
    "PROGRAMS",
    "Command",
    "Form",
    "explained",
    "parse",
    "unknown",
]


class Command(NamedTuple):
    """What to do: `name` an operation of the store, or of the program when `kind` says so."""

    kind: str
    name: str
    args: tuple[object, ...] = ()


class Form(NamedTuple):
    """One command: how it is written, what it does, and what makes it of its words."""

    pattern: Pattern
    help: str
    make: Callable[[Given], Command]

    @property
    def usage(self) -> str:
        """How it is written; ways of writing it are separated by " | "."""
        return self.pattern.usage


def parse(words: Sequence[Word]) -> Command:
    """Make a command of its words; raises Usage."""
    name = str(words[0].text)
    form = COMMANDS.get(name.upper())
    if form is None:
        raise Usage(unknown(name))
    return form.make(form.pattern.read(words[1:]))


def unknown(word: str) -> str:
    """Say that a word is no command, and what to do about it."""
    if word.lower() in PROGRAMS:
        return f"{word} is a program of its own: {started_as(word.lower())} --help, in a shell"
    near = meant(word, (*COMMANDS, *PROGRAMS))
    return f"unknown command {shortened(word)!r}{near or ';'} HELP lists the commands"


def explained(forms: Iterable[Form]) -> list[tuple[str, str]]:
    """Pair each command's usage with its explanation, its other names included."""
    names: dict[str, list[str]] = {}
    for name, form in COMMANDS.items():
        names.setdefault(form.usage, []).append(name)
    once = {form.usage: form for form in forms}
    return [(usage, "; also ".join([form.help, *names[usage][1:]])) for usage, form in once.items()]


def _form(usage: str, help: str, make: Callable[[Given], Command]) -> Form:
    return Form(Pattern(usage), help, make)


def _make(kind: str, name: str) -> Callable[[Given], Command]:
    return lambda given: Command(kind, name, given.args)


def _get(given: Given) -> Command:
    consistency = LOCAL if "--local" in given.options else LINEARIZABLE
    return Command("store", "get", (*given.args, consistency))


def _cas(given: Given) -> Command:
    key, *expected, value = given.args
    return Command("store", "cas", (key, expected[0] if expected else None, value))


def _put_many(given: Given) -> Command:
    pairs = zip(given.args[::2], given.args[1::2], strict=True)
    return Command("store", "put_many", ([list(pair) for pair in pairs],))


def _get_many(given: Given) -> Command:
    return Command("store", "get_many", (list(given.args),))


def _scan(given: Given) -> Command:
    prefix = given.args[0] if given.args else ""
    start, limit = given.options.get("--start"), given.options.get("--limit")
    return Command("program", "scan", (prefix, start, limit))


def _order(name: str) -> Callable[[Given], Command]:
    """Make the commands for one replica: its number, a role and seconds or None, --force."""

    def make(given: Given) -> Command:
        replica, role, seconds = (*given.args, None, None)[:3]
        return Command("admin", name, (replica, role, seconds, "--force" in given.options))

    return make


def _health(given: Given) -> Command:
    return Command("program", "health", (given.options.get("--wait", 0.0),))


_PUT_MANY = _form("PUT_MANY key value [key value ...]", "store all, in one step", _put_many)
_GET_MANY = _form("GET_MANY key [key ...]", "print the values, at one revision", _get_many)
_EXIT = _form("EXIT", "leave", _make("program", "exit"))

PROGRAMS: dict[str, str] = {
    "bench": "measures",
    "workload": "records a history",
    "verify": "judges one",
    "nemesis": "fails a cluster of its own and judges what its clients saw",
}
"""What is no command but a part of the client with options of its own."""
NOTES = (
    "id is the number of a replica, as in STATUS. A role is proposer, acceptor or learner. "
    "Commands are taken in any case; quotes keep spaces. In a shell, each with --help: "
    + ", ".join(f"{name} ({what})" for name, what in PROGRAMS.items())
    + "."
)
COMMANDS: dict[str, Form] = {
    "PUT": _form("PUT key value", "store value under key", _make("store", "put")),
    "GET": _form("GET key [--local]", "print the value; --local: of this replica, maybe old", _get),
    "DELETE": _form("DELETE key", "remove key", _make("store", "delete")),
    "CONTAINS": _form("CONTAINS key", "print true or false", _make("store", "contains")),
    "SIZE": _form("SIZE", "count the keys", _make("store", "size")),
    "PUT_MANY": _PUT_MANY,
    "MPUT": _PUT_MANY,
    "GET_MANY": _GET_MANY,
    "MGET": _GET_MANY,
    "CAS": _form(
        "CAS key expected value | CAS key --absent value",
        "store value if key holds expected; --absent: nothing",
        _cas,
    ),
    "SCAN": _form(
        "SCAN [prefix] [--start key] [--limit n]", "print keys and values in order", _scan
    ),
    "STATUS": _form(
        "STATUS", "show every replica; exit status as HEALTH", _make("program", "status")
    ),
    "HEALTH": _form(
        "HEALTH [--wait s]",
        "report whether the cluster serves: exit status 0, or 3 no quorum, 6 nobody answers; "
        "--wait: until it does, for s seconds at most",
        _health,
    ),
    "EXPORT": _form("EXPORT file", "write all pairs into a file", _make("program", "export")),
    "IMPORT": _form(
        "IMPORT file", "put all pairs of an exported file; others stay", _make("program", "import")
    ),
    "FAIL": _form(
        "FAIL id role [seconds]",
        "fail a role (proposer, acceptor, learner); back after seconds, if given",
        _order("fail"),
    ),
    "RESTART": _form(
        "RESTART id [role] [--force]", "restart a role, or the replica", _order("restart")
    ),
    "CUT": _form("CUT id id", "stop the messages between two replicas", _make("admin", "cut")),
    "HEAL": _form(
        "HEAL [id id]", "end the cuts between two replicas, or all", _make("admin", "heal")
    ),
    "TRANSFER": _form("TRANSFER id", "hand leadership to a replica", _make("admin", "transfer")),
    "KILL": _form("KILL id [--force]", "kill a replica's process", _order("kill")),
    "STOP": _form("STOP id [--force]", "stop a replica cleanly", _order("stop")),
    "START": _form("START id", "start a replica that is down", _order("start")),
    "RESTORE": _form(
        "RESTORE id [peer]", "restore a learner from a peer's snapshot", _make("admin", "restore")
    ),
    "HELP": _form("HELP [command]", "explain the commands", _make("program", "help")),
    "EXIT": _EXIT,
    "QUIT": _EXIT,
}
