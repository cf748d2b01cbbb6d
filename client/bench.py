"""The benchmark: throughput and latency of the store, beside an unreplicated plain server.

Rules: only ratios of one run count, so both are measured in turn, by the same clients, and the
medians of the rounds are compared. It changes keys named bench0, bench1, .. and no other.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from kvrmi import cli
from kvrmi.access.store import Store
from kvrmi.cluster.naming import kvstore
from kvrmi.cluster.status import ReplicaEntry, in_charge
from kvrmi.errors import ConnectionFailed, KVError
from kvrmi.operations.arguments import VALUE_BYTES

from . import failover
from .exits import EXIT_STATUS
from .load import BATCH, Tally
from .render import Printer
from .tables import table
from .workers import TIMEOUT, Work, line_of, measure, percentile, process

__all__ = ["Row", "main"]


class Row(NamedTuple):
    """One line of the result: throughput in calls a second, latencies in microseconds."""

    op: str
    clients: int
    target: str
    ops_per_s: float
    p50_us: float
    p99_us: float
    errors: dict[str, int]
    ratio: float | None

    @property
    def keys_per_s(self) -> float:
        """Keys written or read a second."""
        return self.ops_per_s * (BATCH if self.op == "put_many" else 1)


def main(words: Sequence[str], find: Callable[[], Store], *, as_json: bool) -> int:
    """Run the benchmark as the command line says; returns the exit status.

    `find` opens the store, once the command line is known to be right.
    """
    options = _parser().parse_args(words)
    printer = Printer(as_json=as_json or options.json)
    try:
        with find() as store:
            if options.failover:
                return _failover(options.failover, store, printer)
            rows = _measure(options, store)
    except KVError as error:
        printer.error(error.code, str(error))
        return EXIT_STATUS[error.code]
    except KeyboardInterrupt:
        _progress("")
        printer.error("INTERRUPTED", "nothing was measured; keys named bench.. may be left")
        return cli.INTERRUPTED
    _report(rows, printer, options)
    return 0 if all(row.ops_per_s for row in rows) else EXIT_STATUS["UNAVAILABLE"]


def _failover(kills: int, store: Store, printer: Printer) -> int:
    seconds = failover.failover(store, kills, _progress)
    _progress("")
    half, most = (failover.percentile(seconds, part) for part in (0.5, 0.99))
    lines = (
        f"{kills} leaders killed; seconds until the next write was acknowledged:",
        f"  p50 {half:.2f}   p99 {most:.2f}   max {max(seconds):.2f}",
    )
    about = {"op": "bench", "failover": [round(each, 3) for each in seconds]}
    printer.result(lines, about | {"p50_s": round(half, 3), "p99_s": round(most, 3)})
    return 0


def _measure(options: argparse.Namespace, store: Store) -> list[Row]:
    status = store.status()
    leader = in_charge(status)
    if leader is None:
        raise ConnectionFailed("there is no leader to measure; STATUS shows which replicas are up")
    up = [entry for entry in status["replicas"] if entry["state"] == "up"]
    measured = {
        "kvrmi": [
            f"PYRO:{kvstore(entry['id'])}@{entry['address']}"
            for entry in up
            if options.at == "all" or entry["id"] == leader
        ]
    }
    _preload(store, options)
    cpus = sorted(os.sched_getaffinity(0))
    busy = _cpu_of(leader, up, cpus)  # where the leader runs, and hence the baseline too
    free = [cpu for cpu in cpus if cpu != busy]
    with contextlib.ExitStack() as stack:
        if options.baseline:
            plain = process("baseline", busy, options.keys, options.value_bytes)
            uri = line_of(stack.enter_context(plain), TIMEOUT).strip()
            measured = {"baseline": [uri]} | measured
        # The clients keep away from the measured server as long as there are other CPUs.
        workers = [stack.enter_context(process("load", cpu)) for cpu in [*free, busy]]
        rows: list[Row] = []
        for clients in options.clients:
            used = workers[: options.processes or max(1, len(free))]
            rows += _compare(options, clients, measured, used)
        return rows


def _cpu_of(leader: int, entries: Sequence[ReplicaEntry], cpus: Sequence[int]) -> int:
    """Find the CPU to which the leader keeps, or where it would were it on this machine."""
    pid = next(entry["pid"] for entry in entries if entry["id"] == leader) or 0
    with contextlib.suppress(OSError):
        kept = os.sched_getaffinity(pid)
        if len(kept) == 1:
            return kept.pop()
    return cpus[(leader - 1) % len(cpus)]


def _compare(
    options: argparse.Namespace,
    clients: int,
    measured: dict[str, list[str]],
    workers: Sequence[subprocess.Popen[str]],
) -> list[Row]:
    """Measure all kinds of servers in turn, round by round."""
    rounds: dict[str, list[Row]] = {target: [] for target in measured}
    work = Work(options.op, options.seconds, options.keys, options.value_bytes)
    for number in range(options.rounds):
        for target, uris in measured.items():
            _progress(f"{options.op}, {clients} clients, {target}, round {number + 1}")
            tally = measure(work, clients, uris, workers)
            rounds[target].append(_row(options, clients, target, tally))
    _progress("")
    rows = [_median(several) for several in rounds.values()]
    plain = rows[0].ops_per_s if rows[0].target == "baseline" else 0
    return [row._replace(ratio=row.ops_per_s / plain if plain else None) for row in rows]


def _row(options: argparse.Namespace, clients: int, target: str, tally: Tally) -> Row:
    calls = sum(tally.latencies.values())
    p50, p99 = (percentile(tally.latencies, part) for part in (0.5, 0.99))
    rate = calls / options.seconds
    return Row(options.op, clients, target, rate, p50, p99, tally.errors, None)


def _median(rows: Sequence[Row]) -> Row:
    errors: Counter[str] = Counter()
    for row in rows:
        errors.update(row.errors)
    return rows[0]._replace(
        ops_per_s=statistics.median(row.ops_per_s for row in rows),
        p50_us=statistics.median(row.p50_us for row in rows),
        p99_us=statistics.median(row.p99_us for row in rows),
        errors=dict(errors),
    )


def _preload(store: Store, options: argparse.Namespace) -> None:
    if options.op in ("get", "mixed"):
        value = "v" * options.value_bytes
        size = max(1, min(BATCH, 500_000 // (options.value_bytes + 20)))
        for first in range(0, options.keys, size):
            last = min(first + size, options.keys)
            store.put_many([(f"bench{number}", value) for number in range(first, last)])


def _progress(text: str) -> None:
    """Show a waiting person what goes on; an empty text wipes the line."""
    if sys.stderr.isatty():
        print(f"\r{text:<60}", end="\r" if not text else "", file=sys.stderr, flush=True)


def _report(rows: Sequence[Row], printer: Printer, options: argparse.Namespace) -> None:
    if printer.as_json:
        results = [row._asdict() | {"keys_per_s": row.keys_per_s} for row in rows]
        about = {"op": "bench", "at": options.at, "cpus": os.cpu_count(), "results": results}
        printer.result((), about | {"seconds": options.seconds, "rounds": options.rounds})
        return
    columns = [
        "op",
        "clients",
        "target",
        "calls/s",
        "keys/s",
        "p50 us",
        "p99 us",
        "errors",
        "ratio",
    ]
    lines = [
        [
            row.op,
            str(row.clients),
            row.target,
            f"{row.ops_per_s:.0f}",
            f"{row.keys_per_s:.0f}",
            f"{row.p50_us:.0f}",
            f"{row.p99_us:.0f}",
            " ".join(f"{name}={count}" for name, count in row.errors.items()) or "0",
            "-" if row.ratio is None else f"{row.ratio:.2f}",
        ]
        for row in rows
    ]
    table(sys.stdout, columns, lines)


def _parser() -> cli.Parser:
    parser = cli.Parser("Measure throughput and latency of the store.", command="bench")
    add = parser.add_argument
    add(
        "--op",
        choices=("put", "get", "mixed", "put_many"),
        default="put",
        help="operation to measure (put)",
    )
    add(
        "--clients",
        type=cli.wholes(1, 1000),
        default=[1, 16, 64],
        metavar="N,N",
        help="how many at once (1,16,64)",
    )
    add(
        "--seconds",
        type=cli.above_zero("seconds", 3600),
        default=2.0,
        metavar="S",
        help="length of each measurement (2)",
    )
    add(
        "--rounds",
        type=cli.whole(1, 20),
        default=2,
        metavar="N",
        help="measurements of each kind; medians count (2)",
    )
    add(
        "--value-bytes",
        type=cli.whole(1, VALUE_BYTES),
        default=100,
        metavar="N",
        help="size of a value (100)",
    )
    add(
        "--keys",
        type=cli.whole(1, 10_000_000),
        default=1000,
        metavar="N",
        help="different keys (1000)",
    )
    add(
        "--at",
        choices=("leader", "all"),
        default="leader",
        help="replicas to call (leader; where none leads, the first)",
    )
    add(
        "--processes",
        type=cli.whole(1, 10_000_000),
        metavar="N",
        help="that run the clients (one for each free CPU)",
    )
    add("--baseline", action="store_true", help="also measure plain Pyro5, and print the ratio")
    add(
        "--failover",
        type=cli.whole(1, 1000),
        metavar="N",
        help="instead: SIGKILL the leader N times, and measure how long no write is acknowledged; "
        "on the replicas' machine, with a coordinator that starts them again",
    )
    add("--json", action="store_true", help="print one JSON object")
    return parser
