"""One replica as a process: `python -m server ID --config FILE`.

Exit status: 0 stopped cleanly; 1 refused to start; 2 usage; 3 the storage or a role failed; 4 the
disk was lost or is an old copy; 5 an invariant was broken. One line on stderr says why, and so does
DATA/replicaN/ended.json (endings.py). Everything else is in DATA/replicaN/replica.log.
"""

from __future__ import annotations

from kvrmi import early  # noqa: F401, before all else

# isort: split

import argparse
import contextlib
import errno
import gc
import importlib
import logging
import os
import resource
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from kvrmi import cli
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.file import find, load
from kvrmi.cluster.naming import unknown_replica
from kvrmi.remote import guard
from kvrmi.remote.identity import make_secret, read_secret
from kvrmi.roles.invariants import DiskLost, InvariantBroken
from kvrmi.storage.interface import Corrupt, StorageFailed

from . import allocator, endings, ways
from .alone import cluster_of, counted_in
from .cpus import Cpus
from .endpoint import Endpoint
from .engines.kinds import DEFAULT, kind_for, settings_of
from .engines.votes import ACTIVE, ALL
from .folder import (
    PRIVATE,
    Folder,
    FolderRefused,
    Foreign,
    format_folder,
    open_folder,
    refuse_within,
)
from .logfile import start_log
from .replica import Replica
from .service import Service
from .status import metrics

_log = logging.getLogger("kvrmi.server.main")

_PROGRAMS = ("export", "inspect")
"""First words of a command line that runs no replica: modules of offline/."""

_EPILOG = "For a stopped replica's folder, each with --help: inspect FOLDER, export FOLDER FILE."

DATA = Path(".kvrmi")
_ALONE = ("peers", "data", "engine", "etcd_endpoints", "votes")
"""Options of a replica that is started without a cluster file, besides its address."""

LAST_WORDS = 2.0
"""Seconds to say why the process ends; a disk that hangs would take for ever."""

FILES = 4096
"""Connections cost a descriptor each."""


def _parser() -> cli.Parser:
    parser = cli.Parser("Run one replica of a kvrmi cluster.", epilog=_EPILOG)
    parser.add_argument("id", type=cli.whole(1, 99), help="the replica's number, from 1")
    parser.add_argument("--config", metavar="F", help="the cluster file (cluster.toml)")
    parser.add_argument("--address", metavar="H:P", help="without a cluster file: its address")
    parser.add_argument(
        "--peers",
        metavar="A,B,..",
        type=cli.listed,
        default=(),
        help="all replicas' addresses, by id; an own one not among them counts as one more",
    )
    parser.add_argument(
        "--data", metavar="DIR", type=cli.folder, help=f"its folder, with --address ({DATA})"
    )
    parser.add_argument(
        "--etcd-endpoints", metavar="H:P,..", help="with --engine etcd: the cluster that keeps all"
    )
    parser.add_argument(
        "--votes", choices=(ALL, ACTIVE), help="with --engine 2pc: whose count (all)"
    )
    parser.add_argument("--engine", help=f"with --address: how they agree ({DEFAULT})")
    parser.add_argument("--format", action="store_true", help="format this replica's folder first")
    parser.add_argument(
        "--console",
        action="store_true",
        help="prompt for commands on this terminal (help lists them); log to stdout where there "
        "is no terminal",
    )
    parser.add_argument(
        "--metrics-port",
        type=cli.whole(1, 65_535),
        metavar="P",
        help="serve what it counts over HTTP, for Prometheus",
    )
    ways.add_flags(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the command line asks for, by itself a replica until a signal; the exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    if not words or words[0] not in _PROGRAMS:
        return _main(words)
    program = importlib.import_module(f".offline.{words[0]}", __package__)  # no replica needs it
    return cli.heard(program.main, words[1:])


def _main(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    problem = _contradiction(options)
    if problem is not None:
        _parser().error(problem)
    try:
        return _run(options)
    except (ConfigError, FolderRefused) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"replica {options.id} cannot start: {cli.reason(error)}")


def _contradiction(options: argparse.Namespace) -> str | None:
    """Say what does not go together; nothing that was asked for is left out without a word."""
    if options.address is None:
        lone = ", ".join(f"--{one}" for one in _ALONE if getattr(options, one) not in (None, ()))
        return f"{lone}: with --address only, in place of a cluster file" if lone else None
    return "--config or --address, not both" if options.config is not None else None


def _run(options: argparse.Namespace) -> int:
    cluster, data = _cluster(options)
    if options.id not in cluster.ids:
        _parser().error(unknown_replica(options.id, cluster.ids))
    declared = kind_for(cluster).declared
    home = data / f"replica{options.id}"
    os.umask(PRIVATE)
    if options.format:
        refuse_within(data)  # before the secret is made
    secret = _secret(data / "secret", make=options.address is not None)
    if options.format:
        _check_ports(cluster, options)
        known = cluster.member(options.id).disk  # another than this one is lost
        format_folder(home, declared, cluster.id, options.id, recovering=bool(known))
    try:
        folder = _opened(options, home, cluster)
        prompts = options.console and _is_terminal()
        start_log(home / "replica.log", console=options.console and not prompts)
        _prepare_process(cluster)
        cpus = Cpus(options.id, pin=cluster.pin)
        fatal = partial(_fatal, home, _terminal_kept(prompts))
        logged = options.log_requests
        replica = Replica(
            cluster, options.id, folder, secret, fatal, lead=cpus.lead, log_requests=logged
        )
        replica.endpoints += _metrics(replica, options)
        replica.endpoints += ways.gateways(replica, options)
        return _serve(replica, home, prompts=prompts)
    except (Corrupt, DiskLost, StorageFailed, InvariantBroken) as error:
        return _leave(home, endings.ending("start", error))


def _check_ports(cluster: Cluster, options: argparse.Namespace) -> None:
    """Refuse to format a folder for ports that cannot be had now. Raises OSError."""
    from .ports import is_free  # once in the life of a folder

    member = cluster.member(options.id)
    host = cluster.listens_on(member.host)
    metrics_port = options.metrics_port or cluster.metrics_port_of(options.id)
    for port in (*member.ports.values(), metrics_port):
        try:
            free = not port or is_free(host, port)
            why = os.strerror(errno.EADDRINUSE)
        except OSError as error:
            free, why = False, error.strerror or str(error)
        if not free:
            raise OSError(f"port {port} on {host}: {why}; nothing was formatted")


def _opened(options: argparse.Namespace, home: Path, cluster: Cluster) -> Folder:
    """Open the replica's folder. Raises FolderRefused, Corrupt."""
    try:
        return open_folder(home, cluster.id, options.id, kind_for(cluster).declared)
    except Foreign as error:
        if options.address is None:
            raise
        file = home.parent / "cluster.toml"
        advice = "give the --address and --peers that it was formatted with, in the same order"
        if file.exists():
            advice = f"start it with --config {file} in place of --address and --peers"
        raise FolderRefused(f"{error.whose}: {advice}") from None


def _metrics(replica: Replica, options: argparse.Namespace) -> list[Endpoint]:
    """Make what serves metrics, where a flag or the cluster file gives it a port."""
    port = options.metrics_port or replica.cluster.metrics_port_of(replica.me)
    if not port:
        return []
    from .metrics import MetricsEndpoint  # an HTTP server, for those who ask for it

    host = replica.cluster.listens_on(replica.member.host)
    return [MetricsEndpoint(host, port, lambda: metrics(replica))]


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _terminal_kept(prompts: bool) -> Callable[[], None]:
    """Return what lets the terminal be as it is now; nothing where nobody will prompt."""
    if not prompts:
        return lambda: None
    from .console.modes import Modes

    return Modes().put_back


def _serve(replica: Replica, home: Path, *, prompts: bool) -> int:
    service = Service(replica)
    cli.on_end(service.end)
    try:
        service.start()
        endings.clear(home)
        if sys.stdout.isatty():
            print(f"replica {replica.me} runs; its log is {home / 'replica.log'}", flush=True)
        gc.collect()
        gc.freeze()
        with _console(service, replica) if prompts else contextlib.nullcontext():
            service.wait()
    finally:
        service.close()
    return 0


def _console(service: Service, replica: Replica) -> contextlib.AbstractContextManager[None]:
    from .console.console import console_of  # half a second, for people only

    return console_of(replica, service.end)


def _cluster(options: argparse.Namespace) -> tuple[Cluster, Path]:
    if options.address is not None:
        peers = options.peers
        data, engine = options.data or DATA, options.engine or DEFAULT
        try:
            settings = settings_of(options.etcd_endpoints, options.votes)
            alone = cluster_of(options.id, options.address, peers, data, engine, settings)
        except ConfigError as error:
            _parser().error(str(error))
        one_more = counted_in(options.id, options.address, peers)
        if one_more is not None:
            cli.complain(one_more)
        return alone, data
    file = find(options.config)
    if file is None:
        _parser().error("no cluster file found: give --config FILE, or --address and --peers")
    cluster = load(file)
    return cluster, Path(file).resolve().parent


def _secret(file: Path, *, make: bool) -> bytes:
    if make and not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # another replica made it just now
            make_secret(file)
    try:
        return read_secret(file)
    except FileNotFoundError:
        raise ConfigError(
            f"{file} is missing; nothing was done. Copy it from where the cluster was founded: "
            "all replicas share it"
        ) from None


def _prepare_process(cluster: Cluster) -> None:
    allocator.limit_heaps()
    guard.install()
    warning = kind_for(cluster).warning(len(cluster.ids))
    if warning:
        _log.warning("%s", warning)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    # Few collections: no hot path makes cycles, and what a mistake lets lie stays in bounds.
    gc.set_threshold(5_000, 10, 100)


def _fatal(home: Path, restore: Callable[[], None], part: str, error: BaseException) -> NoReturn:
    """End at once: nothing that was acknowledged rests on what this process still holds.

    `restore` lets a console's terminal be as it was. Saying why may fail as well, on the same full
    disk, or hang with it; ending may not.
    """
    ended = endings.ending(part, error)
    try:
        late = threading.Timer(LAST_WORDS, os._exit, (ended.status,))
        late.daemon = True
        late.start()
        _log.critical("the process ends: %s", ended.line, exc_info=error)
        restore()
        _leave(home, ended)
        logging.shutdown()
    finally:
        restore()  # once more, as late as can be: a prompt that shows a line sets its modes anew
        os._exit(ended.status)


def _leave(home: Path, ended: endings.Ended) -> int:
    endings.leave(home, ended)
    cli.complain(ended.line)
    return ended.status


def _refuse(line: str) -> int:
    cli.complain(line)
    return endings.REFUSED_STATUS


if __name__ == "__main__":
    sys.exit(main())
