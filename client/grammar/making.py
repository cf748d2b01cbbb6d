"""What a command asks for, made of its arguments.

Rule: arguments come checked one by one (arguments, pattern); here they are only put in order. It
runs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kvrmi.operations.arguments import CHANGES_MOST
from kvrmi.operations.interface import LINEARIZABLE, LOCAL

from .arguments import Like
from .lexer import Usage
from .pattern import Given

__all__ = [
    "Command",
    "MakeCommand",
    "Output",
    "blockchain",
    "cas",
    "chain",
    "cut",
    "delete",
    "direct",
    "each",
    "get",
    "get_many",
    "health",
    "history",
    "link",
    "listing",
    "log",
    "of_one",
    "order",
    "outcome",
    "put_many",
    "reconnect",
    "server",
]


class Output(NamedTuple):
    """How a value is wanted: uncut, as its bytes and nothing else, into a file."""

    full: bool = False
    raw: bool = False
    file: str = ""


class Command(NamedTuple):
    """What to do: `name` an operation of the store, or what else `kind` says.

    kind: store; each, an operation on each of a list of keys; admin, an order; answer, what needs
    the secret and changes nothing; program.
    """

    kind: str
    name: str
    args: tuple[object, ...] = ()
    output: Output = Output()

    @property
    def keys(self) -> frozenset[str]:
        """The keys that operations of the store are to use; none for all other commands."""
        if self.kind not in ("store", "each") or not self.args:
            return frozenset()
        first: Any = self.args[0]
        items = first if isinstance(first, list) else [first]
        return frozenset(item if isinstance(item, str) else item[0] for item in items)


MakeCommand = Callable[[Given], Command]
CHANGES = 20
"""Changes that HISTORY shows if nobody says how many."""
BLOCKS = 500
"""Blocks that a replica gives for one LOG at most."""


def direct(kind: str, name: str) -> MakeCommand:
    """Make commands whose arguments are those that are typed."""
    return lambda given: Command(kind, name, given.args)


def get(given: Given) -> Command:
    """GET: how to read, and where the value goes."""
    if "--at" in given.options:
        at = (*given.args, given.options["--at"], _consistency(given))
        return Command("store", "get_at", at, _output(given))
    return Command("store", "get", (*given.args, _consistency(given)), _output(given))


def history(given: Given) -> Command:
    """HISTORY: up to which revision, None for all, and how many changes."""
    upto, most = given.options.get("--upto"), _last(given, CHANGES_MOST) or CHANGES
    return Command(
        "store", "history", (*given.args, upto, most, _consistency(given)), _output(given)
    )


def outcome(given: Given) -> Command:
    """OUTCOME: of whose request, whether it shall be settled."""
    settled = "--settle" in given.options
    return Command("answer" if settled else "store", "settle" if settled else "outcome", given.args)


def _consistency(given: Given) -> str:
    return LOCAL if "--local" in given.options else LINEARIZABLE


def delete(given: Given) -> Command:
    """DELETE, of keys or of all with a prefix; whether there is no question."""
    if "--prefix" not in given.options:
        return each("delete")(given)
    return Command("program", "delete_prefix", (*given.args, "--yes" in given.options))


def each(name: str) -> MakeCommand:
    """Make an operation on one key, or that on each of several."""

    def make(given: Given) -> Command:
        if len(given.args) == 1:
            return Command("store", name, given.args)
        return Command("each", name, (list(given.args),))

    return make


def cas(given: Given) -> Command:
    """CAS: None is what an absent key holds."""
    key, *expected, value = given.args
    return Command("store", "cas", (key, expected[0] if expected else None, value))


def put_many(given: Given) -> Command:
    """MPUT: a list of pairs."""
    pairs = zip(given.args[::2], given.args[1::2], strict=True)
    return Command("store", "put_many", ([list(pair) for pair in pairs],))


def get_many(given: Given) -> Command:
    """MGET: a list of keys."""
    return Command("store", "get_many", (list(given.args),), _output(given))


def listing(name: str) -> MakeCommand:
    """Make SCAN and KEYS: what the keys are like, start and limit."""

    def make(given: Given) -> Command:
        like = given.args[0] if given.args else Like("")
        start, limit = given.options.get("--start"), given.options.get("--limit")
        return Command("program", name, (like, start, limit), _output(given))

    return make


def order(name: str) -> MakeCommand:
    """Make the commands for one replica: its number, a role and seconds or None, --force."""

    def make(given: Given) -> Command:
        replica, role, seconds = (*given.args, None, None)[:3]
        return Command("admin", name, (replica, role, seconds, "--force" in given.options))

    return make


def log(given: Given) -> Command:
    """LOG: a replica or None, the first slot or None, how many blocks or None."""
    replica, options = given.args[0] if given.args else None, given.options
    return Command("answer", "log", (replica, options.get("--from"), _last(given, BLOCKS)))


def chain(given: Given) -> Command:
    """CHAIN VERIFY: a replica or None, whether of all."""
    replica = given.args[1] if len(given.args) > 1 else None
    return Command("answer", "chain", (replica, "--all" in given.options))


def link(name: str) -> MakeCommand:
    """Make the orders for a link in one direction: from, to, whether both, --force."""

    def make(given: Given) -> Command:
        one, other, *both = given.args
        return Command("admin", name, (one, other, bool(both), "--force" in given.options))

    return make


def cut(given: Given) -> Command:
    """CUT: two replicas, --force."""
    return Command("admin", "cut", (*given.args, "--force" in given.options))


def of_one(name: str) -> MakeCommand:
    """Make a question to one replica; None stands for the leader."""
    return lambda given: Command("answer", name, given.args or (None,))


def blockchain(given: Given) -> Command:
    """PRINTBLOCKCHAIN: a replica or None, how many blocks or 0 for all."""
    last = given.options.get("--last", 0)
    return Command("answer", "printblockchain", (*(given.args or (None,)), last))


def server(given: Given) -> Command:
    """SERVER id RECONNECT: a replica, and those whom it shall leave alone."""
    replica, _, *without = given.args
    return Command("answer", "server_reconnect", (replica, tuple(without)))


def health(given: Given) -> Command:
    """HEALTH: seconds to wait."""
    return Command("program", "health", (given.options.get("--wait", 0.0),))


def reconnect(given: Given) -> Command:
    """RECONNECT: a replica, or None for the leader."""
    return Command("program", "reconnect", given.args or (None,))


def _last(given: Given, most: int) -> object:
    """Return how many are wanted, None where nobody said. Raises Usage for more than `most`."""
    wanted = given.options.get("--last")
    if isinstance(wanted, int) and wanted > most:
        raise Usage(f"--last takes a whole number from 1 to {most}, not {wanted}")
    return wanted


def _output(given: Given) -> Output:
    options = given.options
    output = Output("--full" in options, "--raw" in options, str(options.get(">", "")))
    if output.raw and output.file:
        raise Usage("> writes the bytes as they are; leave out --raw")
    return output
