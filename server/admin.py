"""The admin object: what operators, the coordinator and experiments may do to a replica.

Rules: who calls has proved the secret at the handshake; arguments are checked before anything is
done; refusals are the builtins that clients get. It decides nothing on its own.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

from msgspec import to_builtins

from kvrmi.cli import reason
from kvrmi.cluster.metrics import text
from kvrmi.cluster.naming import unknown_replica
from kvrmi.errors import InvalidRequest, to_builtin
from kvrmi.operations.arguments import KEY, Argument
from kvrmi.operations.interface import LINEARIZABLE, LOCAL, Operation, check
from kvrmi.operations.past import OUTCOME, SETTLE

from .about import about, clocks
from .engines.blocks import BLOCKS
from .engines.served import Actions, CatchUpFailed
from .objectdaemon import exposed
from .rolehost import Fenced
from .status import metrics

if TYPE_CHECKING:
    from .replica import Replica

_log = logging.getLogger("kvrmi.server.links")

P = ParamSpec("P")
T = TypeVar("T")

DAY = 86_400
EVENTS = 500
"""Events in one answer at most."""
LATEST = 1.0
"""Seconds that an order delays messages by, at most."""
VETOES = 1_000_000
"""Votes against transactions in one order at most."""
SHOWN = 40
"""Characters of a name that a refusal repeats."""
PAGE_KEYS = 1000
"""Keys in one answer at most."""


class Admin:
    """`kvrmi.replicaN.admin`."""

    def __init__(self, replica: Replica, stop: Callable[[], None]) -> None:
        """`stop` makes the process end cleanly, soon."""
        self._replica = replica
        self._stop = stop
        self._then = threading.local()

    @exposed
    def status(self) -> dict[str, object]:
        """Return this replica's entry of the cluster's status."""
        return self._replica.engine.status()

    @exposed
    def metrics(self) -> str:
        """Write what this replica has counted in Prometheus' text format."""
        return text(metrics(self._replica))

    @exposed
    def about(self) -> dict[str, object]:
        """Describe this process and its machine, for who examines the cluster; see about.py."""
        try:
            return about(self._replica)
        except OSError as error:
            raise to_builtin("UNAVAILABLE", reason(error)) from None

    @exposed
    def clocks(self) -> list[float]:
        """Read the time of day and the clock that leases are measured with."""
        return clocks()

    @exposed
    def identity(self) -> dict[str, object]:
        """Our disk's id, and the members' as recorded: for peers that have no cluster file."""
        identity = self._replica.identity
        return {"disk": identity.disk, "members": [list(pair) for pair in identity.members.items()]}

    @exposed
    def fail_role(self, role: object, back_after: object = None) -> bool:
        """Take a role down as if its thread had died; up again after so many seconds, or never.

        False: it was down.
        """
        name = self._role(role)
        if not self._replica.roles[name].incarnation:
            raise to_builtin("UNAVAILABLE", f"{name} is starting; nothing was done")
        return self._replica.fail_role(name, "failed on purpose", _seconds(back_after))

    @exposed
    def restart_role(self, role: object) -> int:
        """Take a role down and up again from its disk; its new incarnation."""
        name = self._role(role)
        try:
            return self._replica.restart_role(name)
        except (OSError, Fenced) as error:
            why = reason(error) if isinstance(error, OSError) else error
            raise to_builtin("UNAVAILABLE", f"{name} cannot start: {why}") from None

    @exposed
    def hang_disk(self, seconds: object) -> None:
        """Play a disk that does nothing for so many seconds, both files'; 0 ends it."""
        hung = _seconds(seconds)
        _log.warning("DISK HANGS seconds=%g", hung or 0.0)
        self._replica.hosts.hang(hung or 0.0)

    @exposed
    def cut(self, sender: object, receiver: object) -> bool:
        """Drop every message from replica `sender` to replica `receiver` here, until healed.

        False: they were dropped already.
        """
        self._linked()
        one, other = self._id(sender), self._id(receiver)
        if one == other:
            raise to_builtin("INVALID", f"replica {one} has no link to itself")
        is_new = self._replica.cuts.cut(one, other)
        if is_new:
            self._replica.journal.note("cut", f"CUT from={one} to={other}", other)
        return is_new

    @exposed
    def heal(self, sender: object = None, receiver: object = None) -> list[list[int]]:
        """Let messages from `sender` to `receiver` pass again, None: any; the cuts that ended."""
        self._linked()
        one, other = (None if end is None else self._id(end) for end in (sender, receiver))
        healed = self._replica.cuts.heal(one, other)
        for one_way, to in healed:
            self._replica.journal.note("healed", f"HEALED from={one_way} to={to}", to)
        return [list(pair) for pair in healed]

    @exposed
    def slow(self, sender: object, receiver: object, seconds: object) -> None:
        """Have each message of replica `sender` to `receiver` arrive so much later; 0 ends it."""
        self._linked()
        one, other = self._id(sender), self._id(receiver)
        if other != self._replica.me or one == other:
            raise to_builtin("INVALID", f"only what others send to replica {self._replica.me}")
        late = _number(seconds, LATEST, "the seconds by which messages are late")
        self._replica.cuts.slow(one, other, late)
        self._replica.journal.note("slow", f"SLOW from={one} to={other} seconds={late:g}", one)

    @exposed
    def events(self, cursor: object = 0, most: object = EVENTS) -> dict[str, object]:
        """List what happened after `cursor`, oldest first: elections, decisions, forwards, cuts.

        `next` is the cursor to ask with next, `missed` how many events since are not kept any more,
        `now` the time by the replica's clock. Each event has time (seconds of that clock), role,
        event, slot, ballot, peer, request and its line in replica.log as text.
        """
        if type(cursor) is not int or cursor < 0 or type(most) is not int or not 0 < most <= EVENTS:
            raise to_builtin("INVALID", f"usage: events(cursor from 0, at most 1 to {EVENTS})")
        journal = self._replica.journal
        further, missed, found = journal.recent.since(cursor, most)
        events = to_builtins(found)
        return {"next": further, "missed": missed, "now": journal.now(), "events": events}

    @exposed
    def moment(self) -> dict[str, object]:
        """Say what binds the roles just now: promise, grant, lease, what waits; see engines."""
        return _carried_out(self._able("moment", self._actions.moment))

    @exposed
    def log(self, first: object = None, most: object = 20) -> dict[str, object]:
        """List blocks of the log from slot `first` on, None: the last ones; see engines/blocks."""
        if type(most) is not int or not 0 < most <= BLOCKS:
            raise to_builtin("INVALID", f"usage: log(slot from 1 or None, at most 1 to {BLOCKS})")
        if first is not None and (type(first) is not int or first < 1):
            raise to_builtin("INVALID", f"usage: log(slot from 1 or None, at most 1 to {BLOCKS})")
        return _carried_out(self._able("log", self._actions.log), first, most)

    @exposed
    def chain(self) -> dict[str, object]:
        """Compute the log's hash chain anew from the disk; see engines/blocks."""
        return _carried_out(self._able("chain", self._actions.chain))

    @exposed
    def why(self, key: object) -> dict[str, object]:
        """Find the decision that gave a key its value; see engines/blocks."""
        (name,) = _checked((KEY,), key)
        return _carried_out(self._able("why", self._actions.why), name)

    @exposed
    def settle(self, client: object, sequence: object) -> object:
        """Say what became of a request; one that is open never takes effect from now on."""
        if not self._replica.intake.supports(OUTCOME.name):
            self._lacks(OUTCOME.name)
        settle = Operation(SETTLE, _checked(SETTLE.arguments, client, sequence), LINEARIZABLE)
        found = self._replica.engine.execute(settle, None)
        if found.code != "OK":
            raise to_builtin(found.code, str(found.value))
        return found.value

    @exposed
    def restore(self, peer: object = None) -> dict[str, object]:
        """Have the learner catch up with a peer: by its log, or by its snapshot; what that brought.

        `by` says which; a peer that is not ahead changes nothing and `missed` is 0.
        """
        restore = self._able("restore", self._actions.restore)
        source = self._next_peer() if peer is None else self._id(peer)
        if source == self._replica.me:
            raise to_builtin("INVALID", f"replica {source} is no peer of its own: name another")
        return _carried_out(restore, source)

    @exposed
    def transfer(self, to: object) -> bool:
        """Hand leadership to replica `to`; True once it leads, False if it did not in time.

        Only the leader can.
        """
        transfer = self._able("transfer", self._actions.transfer)
        return _carried_out(transfer, self._id(to))

    @exposed
    def veto(self, votes: object) -> None:
        """Have this replica vote ABORT on so many transactions from now on; 0 ends it."""
        veto = self._able("veto", self._actions.veto)
        if type(votes) is not int or not 0 <= votes <= VETOES:
            raise to_builtin("INVALID", f"usage: veto(votes from 0 to {VETOES})")
        _carried_out(veto, votes)
        _log.warning("VETO votes=%d", votes)

    @exposed
    def enter(self, number: object, members: object) -> None:
        """Take over who votes: of each member the replica, since which view, and its disk."""
        enter = self._able("views", self._actions.enter)
        rows = members if isinstance(members, list | tuple) else ()
        if not [self._id(one[0]) for one in rows if isinstance(one, list | tuple) and one]:
            raise to_builtin("INVALID", "usage: enter(number, [[replica, since, disk], ..])")
        try:
            _carried_out(enter, (number, members))
        except ValueError as error:
            raise to_builtin("INVALID", f"that is no view: {error}") from None

    @exposed
    def links(self) -> list[dict[str, object]]:
        """Say of each other replica whether we are connected to it, why not, and what is cut."""
        self._linked()
        return self._replica.connecting.links()

    @exposed
    def connect(self) -> list[dict[str, object]]:
        """Wait for connections to all other replicas, two seconds at most; then as `links`."""
        self._linked()
        return self._replica.connecting.connect()

    @exposed
    def reconnect(self, without: object = ()) -> list[dict[str, object]]:
        """Make the connections to all other replicas but some anew; then as `connect`."""
        self._linked()
        if not isinstance(without, list | tuple):
            raise to_builtin("INVALID", "usage: reconnect([ids of replicas to leave alone])")
        left = {self._id(one) for one in without}
        if self._replica.me in left:
            raise to_builtin("INVALID", f"replica {self._replica.me} has no link to itself")
        return self._replica.connecting.reconnect(left)

    @exposed
    def tentative(self) -> dict[str, object]:
        """List blocks that are accepted here and not known to be chosen; see engines/pending."""
        return _carried_out(self._able("log", self._actions.tentative))

    @exposed
    def pairs(self, start: object = None) -> dict[str, object]:
        """List a page of what this replica has applied, after key `start`, as key and value."""
        if start is not None and type(start) is not str:
            raise to_builtin("INVALID", "usage: pairs(start key or None)")
        vocabulary = self._replica.intake.vocabulary
        if "scan" not in vocabulary.clients:
            self._lacks("scan")
        page = check("scan", ("", start, PAGE_KEYS), vocabulary)._replace(consistency=LOCAL)
        found = self._replica.engine.execute(page, None)
        if found.code != "OK":
            raise to_builtin(found.code, str(found.value))
        return {"revision": found.revision, "pairs": found.value}

    @exposed
    def queue(self) -> dict[str, object]:
        """List the requests that are not answered yet: waiting, in flight, forwarded."""
        return _carried_out(self._able("queue", self._actions.queue))

    @exposed
    def kill(self) -> None:
        """End the process as SIGKILL does, once this was answered; nothing starts it again."""
        _log.warning("KILLED by an order")
        self._then.end = _killed

    @exposed
    def stop(self) -> None:
        """End the process cleanly, once this was answered."""
        self._then.end = self._stop

    def after_answer(self) -> None:
        """Do what an answer did not depend on, in the thread that gave it."""
        end: Callable[[], None] | None = self._then.__dict__.pop("end", None)
        if end is not None:
            end()

    @property
    def _actions(self) -> Actions:
        return self._replica.engine.actions

    def _able(self, what: str, order: T | None) -> T:
        """Return what carries out an order, or refuse one that the engine does not know."""
        return self._lacks(what) if order is None else order

    def _lacks(self, what: str) -> NoReturn:
        name = self._replica.engine.name
        raise to_builtin("UNSUPPORTED", f"engine {name} has no {what}; nothing was done")

    def _linked(self) -> None:
        """Refuse what is about links, where replicas have none."""
        if not self._replica.linked:
            self._lacks("links between replicas")

    def _id(self, replica: object) -> int:
        if type(replica) is not int or replica not in self._replica.cluster.ids:
            raise to_builtin("INVALID", unknown_replica(replica, self._replica.cluster.ids))
        return replica

    def _next_peer(self) -> int:
        """Choose the leader, who has everything; else any other."""
        others = [i for i in self._replica.cluster.ids if i != self._replica.me]
        if not others:
            raise to_builtin("UNAVAILABLE", "there is no other replica")
        leader = self._replica.engine.leader
        return leader if leader in others else others[0]

    def _role(self, role: object) -> str:
        roles = self._replica.roles
        if not roles:
            self._lacks("roles")
        if type(role) is not str:
            raise to_builtin("INVALID", f"roles are {', '.join(roles)}")
        if role not in roles:
            self._lacks(f"role {role[:SHOWN]!a}, only {', '.join(roles)}")
        return role


def _killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _checked(arguments: Sequence[Argument], *given: object) -> tuple[Any, ...]:
    """Check arguments as an operation's."""
    try:
        return tuple(one.check(value) for one, value in zip(arguments, given, strict=True))
    except InvalidRequest as error:
        raise to_builtin("INVALID", str(error)) from None


def _carried_out(order: Callable[P, T], *args: P.args, **names: P.kwargs) -> T:
    try:
        return order(*args, **names)
    except (Fenced, CatchUpFailed) as error:
        raise to_builtin("UNAVAILABLE", str(error)) from None


def _seconds(number: object) -> float | None:
    return None if number is None else _number(number, DAY, "the seconds until a role is back")


def _number(number: object, most: float, what: str) -> float:
    if not isinstance(number, int | float) or isinstance(number, bool) or not 0 <= number <= most:
        raise to_builtin("INVALID", f"{what} are a number from 0 to {most:g}")
    return number
