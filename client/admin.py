"""Orders to replicas and to the coordinator, and the status of the whole cluster.

Rules: orders need the cluster file and the secret beside it; what was asked is done or refused,
never half, except that a cut or heal names the replicas that it could not reach.
It knows nothing of keys and values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kvrmi import naming
from kvrmi.config import Cluster, ConfigError, find, load
from kvrmi.errors import ConnectionFailed, InvalidRequest, KVError, UnknownOutcome, from_builtin
from kvrmi.remote.identity import Badge, read_secret
from kvrmi.remote.proxy import connect
from kvrmi.session import Store

__all__ = ["Admin", "Done"]

_QUICK = 2.0
"""Seconds for what a process does at once."""
_SLOW = 65.0
"""Seconds for what waits for a process to start, stop or restore."""
_TOLD = ("state", "pid", "reason")
"""What the coordinator knows of a replica that does not answer."""


class Done(NamedTuple):
    """What an order did: as text, and as fields of JSON."""

    text: str
    fields: dict[str, object]


class Admin:
    """Carries out orders; reads the cluster file only when one is given."""

    def __init__(self, store: Store, config: str | None) -> None:
        """`config` names the cluster file; None: where connect() would look for it."""
        self._store = store
        self._config = config
        self._orders: dict[str, Callable[..., Done]] = {
            "cut": self._cut,
            "fail": self._fail,
            "heal": self._heal,
            "kill": self._process("kill"),
            "restart": self._restart,
            "restore": self._restore,
            "start": self._start,
            "stop": self._process("stop"),
            "transfer": self._transfer,
        }

    def order(self, name: str, args: Sequence[object]) -> Done:
        """Carry out one order; raises a KVError."""
        return self._orders[name](*args)

    def status(self) -> dict[str, Any]:
        """Return the cluster's status; of silent replicas what the coordinator knows."""
        status = self._store.status()
        if any(entry["state"] == "down" for entry in status["replicas"]):
            try:
                told = self._coordinator("status", patience=_QUICK)
            except KVError:
                return status  # nobody knows better
            known = {entry["id"]: entry for entry in told["replicas"]}
            for entry in status["replicas"]:
                if entry["state"] == "down" and known.get(entry["id"], entry)["state"] != "up":
                    entry |= {name: known[entry["id"]].get(name) for name in _TOLD}
        return status

    def _fail(self, replica: int, role: str, seconds: float | None, _: bool) -> Done:
        failed = self._replica(replica, "fail_role", role, seconds)
        back = "" if seconds is None else f", back in {seconds:g} s"
        done = f"failed{back}" if failed else "was down already, as ordered before"
        fields = {"replica": replica, "role": role, "value": failed}
        return Done(f"replica {replica}: {role} {done}", fields)

    def _restart(self, replica: int, role: str | None, _: object, force: bool) -> Done:
        if role is None:
            return self._process("restart")(replica, None, None, force)
        incarnation = self._replica(replica, "restart_role", role)
        text = f"replica {replica}: {role} restarted, incarnation {incarnation}"
        return Done(text, {"replica": replica, "role": role, "incarnation": incarnation})

    def _process(self, method: str) -> Callable[..., Done]:
        def order(replica: int, _role: object, _seconds: object, force: bool) -> Done:
            return _process_done(replica, self._coordinator(method, replica, force))

        return order

    def _start(self, replica: int, _role: object, _seconds: object, _force: object) -> Done:
        return _process_done(replica, self._coordinator("start", replica))

    def _restore(self, replica: int, peer: int | None = None) -> Done:
        told = self._coordinator("restore", replica, peer)
        brought = " ".join(f"{name}={value}" for name, value in told.items())
        return Done(f"replica {replica} restored: {brought}", {"replica": replica, "value": told})

    def _transfer(self, to: int) -> Done:
        leader = self._store.status()["leader"]
        if leader is None:
            raise ConnectionFailed("there is no leader now; nothing was done")
        if leader != to and not self._replica(leader, "transfer", to, patience=5.0):
            raise UnknownOutcome(f"replica {to} does not lead yet; STATUS shows who does")
        return Done(f"replica {to} leads", {"leader": to})

    def _cut(self, one: int, other: int) -> Done:
        for here in (one, other):
            self._replica(here, "cut", one, other)
            self._replica(here, "cut", other, one)
        return Done(
            f"replicas {one} and {other} are cut off from each other", {"cut": [one, other]}
        )

    def _heal(self) -> Done:
        silent = []
        for member in self._cluster().members:
            try:
                self._replica(member.id, "heal")
            except ConnectionFailed:
                silent.append(member.id)  # one that starts anew has no cuts
        also = f"; not reached: {silent}" if silent else ""
        return Done(f"all cuts are healed{also}", {"unreached": silent})

    def _replica(self, replica: int, method: str, *args: object, patience: float = _QUICK) -> Any:
        cluster = self._cluster()
        if replica not in cluster.ids:
            raise InvalidRequest(f"there is no replica {replica}, only {list(cluster.ids)}")
        member = cluster.member(replica)
        where = (member.host, member.admin, naming.admin(replica))
        return _call(where, method, args, patience, _badge(cluster), f"replica {replica}")

    def _coordinator(self, method: str, *args: object, patience: float = _SLOW) -> Any:
        cluster = self._cluster()
        where = (*naming.split_address(cluster.coordinator), naming.COORDINATOR)
        return _call(where, method, args, patience, _badge(cluster), "the coordinator")

    def _cluster(self) -> Cluster:
        path = find(self._config)
        if path is None:
            raise InvalidRequest("orders need the cluster file: name it with --config")
        try:
            return load(path)
        except ConfigError as error:
            raise InvalidRequest(f"cluster file {error}") from error


def _process_done(replica: int, entry: dict[str, object]) -> Done:
    pid = entry["pid"]
    # A process that does not answer yet, just after an order, is coming up.
    state = "starting" if entry["state"] == "down" and pid else entry["state"]
    state = f"down until START {replica}" if state == "held" else state
    text = f"replica {replica} is {state}" + (f", pid {pid}" if pid else "")
    return Done(text, {"replica": replica, "state": entry["state"], "pid": pid})


def _badge(cluster: Cluster) -> Badge:
    folder = cluster.folder or Path()
    try:
        return Badge(cluster.id, 0, "client", read_secret(folder / "secret"))
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"orders need the cluster's secret: {error}") from error


def _call(
    where: tuple[str, int, str],
    method: str,
    args: Sequence[object],
    patience: float,
    badge: Badge,
    who: str,
) -> Any:
    try:
        proxy = connect(*where, timeout=_QUICK, badge=badge)
        proxy._pyroBind()
    except Exception as error:
        raise ConnectionFailed(
            f"{who} does not answer at {where[0]}:{where[1]}: {error}"
        ) from error
    with proxy:
        proxy._pyroTimeout = patience
        try:
            return getattr(proxy, method)(*args)
        except Exception as error:
            answered = from_builtin(error)
            raise answered or UnknownOutcome(
                f"{who} did not answer to {method}: {error}"
            ) from error
