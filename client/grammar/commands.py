"""The commands: how they are written, and what each asks of the store.

Rule: whatever cannot be understood is refused with the command's own usage, before anything is
sent. It runs nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from kvrmi.cli import started_as

from .lexer import Usage, shortened

__all__ = [
    "COMMANDS",
    "NOTES",
    "PROGRAMS",
    "Command",
    "explained",
    "parse",
    "unknown",
]


class Command(NamedTuple):
    """What to do: `name` an operation of the store, or of the program when `kind` says so."""

    kind: str
    name: str
    args: tuple[object, ...] = ()


class _Form(NamedTuple):
    usage: str
    help: str
    make: Callable[[Sequence[str]], Command]


def parse(words: Sequence[str]) -> Command:
    """Make a command of its words; raises Usage."""
    form = COMMANDS.get(words[0].upper())
    if form is None:
        raise Usage(unknown(words[0]))
    try:
        return form.make(words[1:])
    except (IndexError, ValueError):
        raise Usage(f"usage: {form.usage}") from None


def unknown(word: str) -> str:
    """Say that a word is no command, and what to do about it."""
    if word.lower() in PROGRAMS:
        return f"{word} is a program of its own: {started_as(word.lower())} --help, in a shell"
    return f"unknown command {shortened(word)!r}; HELP lists the commands"


def explained(forms: Iterable[_Form]) -> list[tuple[str, str]]:
    """Pair each command's usage with its explanation, its other names included."""
    names: dict[_Form, list[str]] = {}
    for name, form in COMMANDS.items():
        names.setdefault(form, []).append(name)
    return [
        (form.usage, "; also ".join([form.help, *names[form][1:]])) for form in dict.fromkeys(forms)
    ]


def _of_store(name: str, least: int, most: int) -> Callable[[Sequence[str]], Command]:
    def make(words: Sequence[str]) -> Command:
        return Command("store", name, tuple(_counted(words, least, most)))

    return make


def _of_program(name: str, most: int = 0, least: int = 0) -> Callable[[Sequence[str]], Command]:
    def make(words: Sequence[str]) -> Command:
        return Command("program", name, tuple(_counted(words, least, most)))

    return make


def _counted(words: Sequence[str], least: int, most: int) -> Sequence[str]:
    if not least <= len(words) <= most:
        raise ValueError("wrong number of words")
    return words


def _get(words: Sequence[str]) -> Command:
    key, *options = _counted(words, 1, 2)
    if options not in ([], ["--local"]):
        raise ValueError("unknown option")
    return Command("store", "get", (key, "local" if options else "linearizable"))


def _cas(words: Sequence[str]) -> Command:
    key, expected, value = _counted(words, 3, 3)
    return Command("store", "cas", (key, None if expected == "--absent" else expected, value))


def _put_many(words: Sequence[str]) -> Command:
    if not words or len(words) % 2:
        raise ValueError("not in pairs")
    pairs = [list(pair) for pair in zip(words[::2], words[1::2], strict=True)]
    return Command("store", "put_many", (pairs,))


def _get_many(words: Sequence[str]) -> Command:
    if not words:
        raise ValueError("no key")
    return Command("store", "get_many", (list(words),))


def _scan(words: Sequence[str]) -> Command:
    rest = list(words)
    prefix = rest.pop(0) if rest and not rest[0].startswith("--") else ""
    start: str | None = None
    limit: int | None = None
    while rest:
        option, text = rest.pop(0), rest.pop(0)
        if option == "--start":
            start = text
        elif option == "--limit" and int(text) > 0:
            limit = int(text)
        else:
            raise ValueError("unknown option")
    return Command("program", "scan", (prefix, start, limit))


def _order(name: str, roles: bool = False) -> Callable[[Sequence[str]], Command]:
    """Make the commands for one replica: ID, perhaps a role and seconds, perhaps --force."""

    def make(words: Sequence[str]) -> Command:
        rest = [word for word in words if word != "--force"]
        forced = len(rest) < len(words)
        replica, *more = _counted(rest, 1, 3 if roles else 1)
        role = _role(more[0]) if more else None
        seconds = float(more[1]) if len(more) == 2 else None
        return Command("admin", name, (int(replica), role, seconds, forced))

    return make


def _role(word: str) -> str:
    if word.lower() not in ("proposer", "acceptor", "learner"):
        raise ValueError("no such role")
    return word.lower()


def _fail(words: Sequence[str]) -> Command:
    _counted(words, 2, 3)
    return _order("fail", roles=True)(words)


def _ids(name: str, least: int, most: int) -> Callable[[Sequence[str]], Command]:
    def make(words: Sequence[str]) -> Command:
        return Command("admin", name, tuple(int(word) for word in _counted(words, least, most)))

    return make


def _ends(words: Sequence[str]) -> Command:
    _counted(words, *((2, 2) if words else (0, 0)))
    return Command("admin", "heal", tuple(int(word) for word in words))


def _health(words: Sequence[str]) -> Command:
    if not words:
        return Command("program", "health", (0.0,))
    option, seconds = _counted(words, 2, 2)
    if option != "--wait" or not 0 <= float(seconds) < 86400:
        raise ValueError("not a time")
    return Command("program", "health", (float(seconds),))


_PUT_MANY = _Form("PUT_MANY key value [key value ...]", "store all, in one step", _put_many)
_GET_MANY = _Form("GET_MANY key [key ...]", "print the values, at one revision", _get_many)
_EXIT = _Form("EXIT", "leave", _of_program("exit"))

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
COMMANDS: dict[str, _Form] = {
    "PUT": _Form("PUT key value", "store value under key", _of_store("put", 2, 2)),
    "GET": _Form("GET key [--local]", "print the value; --local: of this replica, maybe old", _get),
    "DELETE": _Form("DELETE key", "remove key", _of_store("delete", 1, 1)),
    "CONTAINS": _Form("CONTAINS key", "print true or false", _of_store("contains", 1, 1)),
    "SIZE": _Form("SIZE", "count the keys", _of_store("size", 0, 0)),
    "PUT_MANY": _PUT_MANY,
    "MPUT": _PUT_MANY,
    "GET_MANY": _GET_MANY,
    "MGET": _GET_MANY,
    "CAS": _Form(
        "CAS key expected value", "store value if key holds expected; --absent: nothing", _cas
    ),
    "SCAN": _Form(
        "SCAN [prefix] [--start key] [--limit n]", "print keys and values in order", _scan
    ),
    "STATUS": _Form("STATUS", "show every replica; exit status as HEALTH", _of_program("status")),
    "HEALTH": _Form(
        "HEALTH [--wait s]",
        "report whether the cluster serves: exit status 0, or 3 no quorum, 6 nobody answers; "
        "--wait: until it does, for s seconds at most",
        _health,
    ),
    "EXPORT": _Form("EXPORT file", "write all pairs into a file", _of_program("export", 1, 1)),
    "IMPORT": _Form(
        "IMPORT file", "put all pairs of an exported file; others stay", _of_program("import", 1, 1)
    ),
    "FAIL": _Form(
        "FAIL id role [seconds]",
        "fail a role (proposer, acceptor, learner); back after seconds, if given",
        _fail,
    ),
    "RESTART": _Form(
        "RESTART id [role] [--force]", "restart a role, or the replica", _order("restart", True)
    ),
    "CUT": _Form("CUT id id", "stop the messages between two replicas", _ids("cut", 2, 2)),
    "HEAL": _Form("HEAL [id id]", "end the cuts between two replicas, or all", _ends),
    "TRANSFER": _Form("TRANSFER id", "hand leadership to a replica", _ids("transfer", 1, 1)),
    "KILL": _Form("KILL id [--force]", "kill a replica's process", _order("kill")),
    "STOP": _Form("STOP id [--force]", "stop a replica cleanly", _order("stop")),
    "START": _Form("START id", "start a replica that is down", _order("start")),
    "RESTORE": _Form(
        "RESTORE id [peer]", "restore a learner from a peer's snapshot", _ids("restore", 1, 2)
    ),
    "HELP": _Form("HELP [command]", "explain the commands", _of_program("help", 1)),
    "EXIT": _EXIT,
    "QUIT": _EXIT,
}
