"""Orders to replicas and to the coordinator, and the status of the whole cluster.

Rules: orders need the cluster file and the secret beside it; what was asked is done or refused,
never half. It knows nothing of keys and values.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

from kvrmi.access import links, verbs
from kvrmi.access.admins import Admins
from kvrmi.access.losing import RISKY, losing
from kvrmi.access.store import Store
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.file import find, load
from kvrmi.cluster.status import ClusterStatus, ReplicaEntry, absence, needs_of, successor_of
from kvrmi.errors import ConnectionFailed, KVError, UnknownOutcome, Unsupported

from . import blocks, byhand, past, why
from .admins import admins_of, coordinator_status
from .blocks import Report

__all__ = ["Admin", "Done"]

_SILENT = ("down", "not answering")
_SHOWN = ("state", "pid", "reason")
"""What the coordinator knows of a replica that does not answer."""


class Done(NamedTuple):
    """What an order did: as text, and as fields of JSON."""

    text: str
    fields: dict[str, object]


class Admin:
    """Carries out orders; reads the cluster file only when one is given."""

    def __init__(self, store: Store, config: str | None, named: str | None = None) -> None:
        """Order the cluster of `config`; None: of the file that connect() would find.

        `named`: the address or object that the user gave in place of a file.
        """
        self._store = store
        self._config = config
        self._named = named
        self._looking = threading.Lock()  # several replicas may be asked at the same time
        self._orders: dict[str, Callable[..., Done]] = {
            "cut": _cut,
            "fail": _fail,
            "fail_link": _link(verbs.fail_link),
            "fix_link": _link(verbs.fix_link),
            "heal": _heal,
            "kill": _process("kill"),
            "restart": _restart,
            "restore": _restore,
            "start": _start,
            "stop": _process("stop"),
            "transfer": self._transfer,
            "veto": _veto,
        }
        self._questions: dict[str, Callable[..., Report]] = {
            "chain": self._chain,
            "links": lambda admins: _report("links", verbs.links_of(admins, admins.ids)),
            "log": self._log,
            "printblockchain": self._of("printblockchain", verbs.blocks),
            "printkvstore": self._of("printkvstore", verbs.pairs),
            "printqueue": self._of("printqueue", verbs.queue),
            "server_reconnect": self._of("server_reconnect", verbs.reconnect),
            "settle": self._settle,
            "why": self._why,
        }

    def order(self, name: str, args: Sequence[object]) -> Done:
        """Carry out one order; raises a KVError."""
        return self._orders[name](self._admins(), *args)

    def answer(self, name: str, args: Sequence[object]) -> Report:
        """Answer a question that changes nothing, but needs the secret as orders do.

        Raises a KVError.
        """
        return self._questions[name](self._admins(), *args)

    def status(self) -> ClusterStatus:
        """Return the cluster's status; of silent replicas what the coordinator knows."""
        status = self._store.status()
        silent = [entry for entry in status["replicas"] if entry["state"] in _SILENT]
        reported = self._ask_coordinator(status) if silent else None
        known = {entry["id"]: entry for entry in reported["replicas"]} if reported else {}
        for entry in silent:
            better = known.get(entry["id"], entry)
            if better["state"] != "up":
                entry.update(cast(ReplicaEntry, {name: better.get(name) for name in _SHOWN}))
        return status

    def _admins(self) -> Admins:
        return admins_of(self._store, self._config, self._named, self._absence)

    def _absence(self, replica: int) -> str | None:
        """Say why a replica does not answer, as far as the coordinator knows."""
        with self._looking, contextlib.suppress(KVError):
            found = self.status()["replicas"]
            return next((absence(entry) for entry in found if entry["id"] == replica), None)
        return None

    def _ask_coordinator(self, status: ClusterStatus) -> ClusterStatus | None:
        """Ask the coordinator that the replicas name, or that of our own file if none answers."""
        where, cluster = status["coordinator"], status["cluster_id"]
        path = find(self._config)
        if where is None and self._named is None and path is not None:
            try:
                own = load(path)
            except ConfigError:
                return None
            where, cluster = own.coordinator, own.id
        return None if where is None else coordinator_status(where, cluster)

    def _transfer(self, admins: Admins, to: int) -> Done:
        status = self.status()
        replicas = status["replicas"]
        if not needs_of(replicas, len(replicas))["leader"]:
            raise Unsupported(f"engine {status['engine']} has no transfer; nothing was done")
        for entry in replicas:
            if entry["id"] == to:
                _able_to_lead(entry)
        if status["leader"] == to:
            return Done(f"replica {to} leads already; nothing was done", {"leader": to})
        if not _handed_over(admins, status["leader"], to, self._store.status):
            raise UnknownOutcome(
                f"replica {to} does not lead: it was not fit for it in time, as one is that lags, "
                "answers late or has a disk that hangs; STATUS shows who leads"
            )
        return Done(f"replica {to} leads{_for_how_long(status, to)}", {"leader": to})

    def _log(self, admins: Admins, id: int | None, first: int | None, most: int | None) -> Report:
        return blocks.log(admins, self._asked(id), first, most)

    def _chain(self, admins: Admins, id: int | None, all: bool) -> Report:
        return blocks.chain(admins, admins.ids if all else [self._asked(id)])

    def _of(self, name: str, verb: Callable[..., verbs.Shown]) -> Callable[..., Report]:
        """Make a question to one replica, the leader where none is named."""

        def ask(admins: Admins, id: int | None, *more: object) -> Report:
            return _report(name, verb(admins, self._asked(id), *more))

        return ask

    def losing(self, name: str, args: Sequence[object]) -> str | None:
        """Say what an order would lose, if that is the quorum as far as known; else None.

        Raises a KVError where no order can be given.
        """
        if name not in RISKY:
            return None
        admins_of(self._store, self._config, self._named)
        try:
            return losing(self._store.status(), name, args)
        except KVError:  # then there is nothing to lose, or the order finds out itself
            return None

    def _settle(self, admins: Admins, client: str, sequence: int) -> Report:
        found = admins.replica(self._asked(None), "settle", client, sequence, timeout=5.0)
        state, revision, answer = found
        about = {"op": "settle", "client": client, "sequence": sequence}
        fields = {**about, "value": state, "applied_at": revision, "answer": answer}
        return Report([past.outcome(client, sequence, found)], fields, past.outcome_status(state))

    def _why(self, admins: Admins, key: str) -> Report:
        return why.why(admins, self._asked(None), key)

    def _asked(self, wanted: int | None) -> int:
        return wanted or blocks.who_answers(self._store.status())


def _able_to_lead(entry: ReplicaEntry) -> None:
    """Refuse a replica that does not take leadership as it is now. Raises ConnectionFailed."""
    replica, state = entry["id"], entry["state"]
    if state != "up":
        why = f" ({entry['reason']})" if entry.get("reason") else ""
        raise ConnectionFailed(
            f"{absence(entry) or f'replica {replica} is {state}{why}'}; nothing was done"
        )
    roles = (entry.get("roles") or {}).items()
    down = next((name for name, role in roles if role["state"] != "up"), None)
    if down is not None:
        first = f"RESTART {replica} {down} comes first"
        raise ConnectionFailed(f"replica {replica}: {down} is down: {first}; nothing was done")


def _for_how_long(status: ClusterStatus, to: int) -> str:
    """Say that it does not last, where one that comes first could lead."""
    able = (status["leader"], successor_of(status["replicas"]))
    first = min(one for one in (to, *able) if one is not None)
    back = f"; replica {first} gets leadership back once nothing has failed for some seconds"
    return back if first < to else ""


def _handed_over(
    admins: Admins, leader: int | None, to: int, look: Callable[[], ClusterStatus]
) -> bool:
    """Have the leader hand over to `to`; whether it did, asking the next one if it leads no more.

    Raises ConnectionFailed, with nothing done.
    """
    if leader is None:
        raise ConnectionFailed("there is no leader now; nothing was done")
    if leader == to:
        return True
    try:
        return bool(admins.replica(leader, "transfer", to, timeout=5.0))
    except ConnectionFailed:
        now = look()["leader"]
        if now in (None, leader):
            raise
    return now == to or bool(admins.replica(now, "transfer", to, timeout=5.0))


def _report(name: str, shown: verbs.Shown) -> Report:
    return Report(shown.lines, {"op": name, **shown.fields})


def _fail(admins: Admins, replica: int, role: str, seconds: float | None, _: bool) -> Done:
    failed = admins.replica(replica, "fail_role", role, seconds)
    back = "" if seconds is None else f", back in {seconds:g} s"
    done = f"failed{back}" if failed else "was down already, as ordered before"
    fields = {"replica": replica, "role": role, "value": failed}
    return Done(f"replica {replica}: {role} {done}", fields)


def _restart(admins: Admins, replica: int, role: str | None, _: object, force: bool) -> Done:
    if role is None:
        return _process("restart")(admins, replica, None, None, force)
    incarnation = admins.replica(replica, "restart_role", role)
    text = f"replica {replica}: {role} restarted, incarnation {incarnation}"
    return Done(text, {"replica": replica, "role": role, "incarnation": incarnation})


def _process(method: str) -> Callable[..., Done]:
    def order(admins: Admins, replica: int, _role: object, _seconds: object, force: bool) -> Done:
        if not admins.coordinated:
            text = byhand.end(admins, method, replica, force)
            return Done(text, {"replica": replica, "state": "down", "pid": None})
        return _process_done(replica, admins.coordinator(method, replica, force))

    return order


def _start(admins: Admins, replica: int, _role: object, _seconds: object, _force: object) -> Done:
    if not admins.coordinated:
        byhand.start(replica)
    return _process_done(replica, admins.coordinator("start", replica))


def _restore(admins: Admins, replica: int, peer: int | None = None) -> Done:
    if not admins.coordinated:
        return _done(verbs.restore(admins, replica, peer))
    result = admins.coordinator("restore", replica, peer)
    return Done(verbs.caught_up(replica, result, peer), {"replica": replica, "value": result})


def _done(shown: verbs.Shown) -> Done:
    return Done("\n".join(shown.lines), shown.fields)


def _veto(admins: Admins, replica: int, votes: int = 1) -> Done:
    admins.replica(replica, "veto", votes)
    many = f"the next {votes} transactions" if votes > 1 else "the next transaction"
    what = f"votes ABORT on {many}" if votes else "votes freely"
    return Done(f"replica {replica} {what}", {"replica": replica, "votes": votes})


def _link(verb: Callable[..., verbs.Shown]) -> Callable[..., Done]:
    def order(admins: Admins, one: int, other: int, both: bool, _force: object) -> Done:
        return _done(verb(admins, one, other, both))

    return order


def _cut(admins: Admins, one: int, other: int, _force: object = False) -> Done:
    new = links.cut(admins, one, other)
    already = "" if new else " already, nothing was done"
    text = f"replicas {one} and {other} are cut off from each other{already}"
    return Done(text, {"cut": [one, other]})


def _heal(admins: Admins, *ends: int) -> Done:
    healed = links.heal(admins, (ends[0], ends[1]) if ends else None)
    none = f"the link {ends[0]}-{ends[1]} was not cut" if ends else "no link was cut"
    text = f"healed: {links.named(healed)}" if healed else f"{none}, nothing was done"
    return Done(text, {"healed": [list(pair) for pair in healed]})


def _process_done(replica: int, entry: dict[str, object]) -> Done:
    pid, reason = entry["pid"], entry.get("reason")
    state = f"down until START {replica}" if entry["state"] == "held" else entry["state"]
    at = f", pid {pid}" if pid else ""
    if entry.get("changed", True):
        text = f"replica {replica} is {state}{at}"
    else:
        why = f" ({reason})" if reason else ""
        text = f"replica {replica} is already {state}{at}{why}; nothing was done"
    return Done(text, {"replica": replica, "state": entry["state"], "pid": pid})
