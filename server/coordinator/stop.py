"""`kvrmi-cluster stop`: end a running cluster, whoever started it, and wait until it is down.

Rules: the coordinator is asked first, since it would start again what ended; then whatever still
runs is found by its lock, so a cluster whose coordinator died is ended as well. Data stay.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from kvrmi.cli import Parser, complain, folder, reason
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.file import load

from .. import pidlock
from . import founding, processes
from .etcd import members_of
from .launch import Launcher
from .processes import Process

COMMAND = "stop"
DATA = Path(".kvrmi")
COORDINATOR_PATIENCE = 20.0
"""Seconds in which a coordinator ends its cluster and itself: it may have to kill."""
TIMEOUT = 5.0


def main(argv: Sequence[str]) -> int:
    """Stop the cluster; returns the exit status: 0 also if none ran."""
    data = _parser().parse_args(argv).data
    try:
        cluster = load(data / founding.CONFIG)
        ended = stop(cluster, data)
        left = _locked(cluster, data)
    except ConfigError as error:
        complain(f"no cluster was stopped: {error}", COMMAND)
        return 1
    except PermissionError as error:
        complain(f"{reason(error)}; stop as the user who started it", COMMAND)
        return 1
    except OSError as error:
        complain(f"not everything may be stopped: {reason(error)}", COMMAND)
        return 1
    if left:
        complain(f"still running: {', '.join(left)}; stop as the user who started it", COMMAND)
        return 1
    print(f"stopped in {data}: {', '.join(ended)}" if ended else f"nothing runs in {data}")
    return 0


def stop(cluster: Cluster, data: Path) -> list[str]:
    """End all processes of the cluster in `data`; names of those that ran. Raises OSError."""
    launcher = Launcher(data / founding.CONFIG)
    ran = _running(launcher, cluster)
    coordinator = ran.get("coordinator")
    if coordinator is not None:
        processes.stop_all([coordinator], COORDINATOR_PATIENCE)
    left = _running(launcher, cluster)  # of a coordinator that died, before or now
    processes.stop_all([*left.values()], TIMEOUT)
    for process in (*ran.values(), *left.values()):
        process.close()
    (data / founding.HELD).unlink(missing_ok=True)
    return list(ran)


def _running(launcher: Launcher, cluster: Cluster) -> dict[str, Process]:
    found = {"coordinator": launcher.find_coordinator()}
    found |= {f"replica {one}": launcher.find_replica(one) for one in cluster.ids}
    found |= {"name server": launcher.find_nameserver()}
    found |= {name: launcher.find_other(name) for name in members_of(cluster)}
    return {name: process for name, process in found.items() if process is not None}


def _locked(cluster: Cluster, data: Path) -> list[str]:
    """Name what still holds a lock: another user's process cannot be seen, but its lock can."""
    locks = {"coordinator": [data / founding.COORDINATOR_LOCK]}
    locks |= {f"replica {one}": [*founding.replica_locks(data, one)] for one in cluster.ids}
    locks |= {"name server": [data / founding.NAMESERVER_LOCK]}
    locks |= {name: [data / f"{name}.lock"] for name in members_of(cluster)}
    return [name for name, paths in locks.items() if any(map(_is_locked, paths))]


def _is_locked(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError), pidlock.shared(path) as free:
        return not free
    return False


def _parser() -> Parser:
    parser = Parser("Stop a running cluster; its data is kept.", command=COMMAND)
    parser.add_argument(
        "--data", type=folder, default=DATA, metavar="DIR", help=f"the cluster's folder ({DATA})"
    )
    return parser
