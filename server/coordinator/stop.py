"""`kvrmi-cluster stop`: end a running cluster, whoever started it, and wait until it is down.

Rules: the coordinator is asked first, since it would start again what ended; then whatever still
runs is found by its lock, so a cluster whose coordinator died is ended as well. Data stay. It knows
no engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kvrmi.cli import Parser, complain, folder, reason
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.file import load

from . import founding, locks, processes
from .launch import find
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
        if not locks.running(data):
            load(data / founding.CONFIG)  # is there a cluster at all?
        ended = stop(data)
        left = locks.running(data)
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


def stop(data: Path) -> list[str]:
    """End all processes of the cluster in `data`; names of those that ran. Raises OSError.

    They are found by their locks: the cluster file may be broken or gone while they run.
    """
    ran = _running(data)
    coordinator = ran.get("coordinator")
    if coordinator is not None:
        processes.stop_all([coordinator], COORDINATOR_PATIENCE)
    left = _running(data)  # of a coordinator that died, before or now
    processes.stop_all([*left.values()], TIMEOUT)
    for process in (*ran.values(), *left.values()):
        process.close()
    (data / founding.HELD).unlink(missing_ok=True)
    return list(ran)


def _running(data: Path) -> dict[str, Process]:
    found = {name: map(find, paths) for name, paths in locks.there(data).items()}
    first = {name: next((one for one in each if one), None) for name, each in found.items()}
    return {name: process for name, process in first.items() if process is not None}


def _parser() -> Parser:
    parser = Parser("Stop a running cluster; its data is kept.", command=COMMAND)
    parser.add_argument(
        "--data", type=folder, default=DATA, metavar="DIR", help=f"the cluster's folder ({DATA})"
    )
    return parser
