"""The command `python -m nameserver`, installed as kvrmi-nameserver.

Rule: what keeps it from starting is one line on standard error and status 1; a signal ends it
with status 0. It keeps nothing: replicas register their names again when it was away.
"""

from __future__ import annotations

from kvrmi import early  # noqa: F401, before all else

# isort: split

import errno
import logging
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kvrmi import cli
from kvrmi.cluster import naming
from kvrmi.cluster.checks import ConfigError
from kvrmi.cluster.file import find, load
from kvrmi.remote import guard
from kvrmi.remote.daemon import Daemon, caller
from kvrmi.remote.identity import read_secret

from .gate import Gate
from .service import NameServer

HOST = "127.0.0.1"
SECRET = Path(".kvrmi") / "secret"
"""Where replicas that were started without a cluster file have theirs."""
CONNECTIONS = 200
MESSAGE_BYTES = 1 << 20
IDLE_SECONDS = 600.0
LOOK_SECONDS = 0.5


class Options(NamedTuple):
    """Where to listen, whom to believe, and under which host it is known (empty: the same)."""

    host: str
    port: int
    secret: Path
    cluster: str | None
    known: str = ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the name server until a signal ends it; the exit status."""
    stop = threading.Event()
    cli.on_end(stop.set)
    try:
        return serve(options(argv), stop)
    except ConfigError as error:
        return _refuse(str(error))
    except BrokenPipeError:
        status = _refuse("whoever read its output has gone")
        cli.mute()  # Python must not fail again when it flushes
        return status


def options(argv: Sequence[str] | None) -> Options:
    """Read the command line and the cluster file. Raises ConfigError; exits 2 on a bad flag."""
    given = _parser().parse_args(argv)
    host, port, secret, cluster_id = HOST, naming.NAMESERVER_PORT, given.cluster_secret, None
    known = ""
    file = None if secret else find(given.config)
    if file is not None:
        cluster = load(file)
        public, port = naming.split_address(cluster.nameserver)
        host = cluster.listens_on(public)
        known = public if host != public and not given.host else ""
        secret, cluster_id = file.parent / "secret", cluster.id
    return Options(given.host or host, given.port or port, secret or SECRET, cluster_id, known)


def serve(options: Options, stop: threading.Event) -> int:
    """Serve until `stop` is set; the exit status."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s [%(name)s] %(message)s")
    guard.install()
    try:
        daemon = _listen(options)
    except OSError as error:
        return _refuse(_reason(options, error))
    try:
        _warn_without(options.secret)
        print(f"nameserver {_location(options)}", flush=True)
        while not stop.wait(LOOK_SECONDS):
            if not daemon.alive:
                return _refuse("accepts no connections any more")
    finally:
        daemon.cut()
    return 0


def _listen(options: Options) -> Daemon:
    gate = Gate(options.secret, options.cluster)
    daemon = Daemon(
        options.host,
        options.port,
        admit=gate.admit,
        pool=CONNECTIONS,
        max_message=MESSAGE_BYTES,
        idle=IDLE_SECONDS,
    )
    daemon.register(NameServer(_location(options), caller), naming.NAMESERVER)
    daemon.start()
    return daemon


def _location(options: Options) -> str:
    return naming.join_address(options.known or options.host, options.port)


def _warn_without(secret: Path) -> None:
    """Warn at once of what would else show as names that never appear."""
    try:
        read_secret(secret)
    except OSError as error:
        why = (error.strerror or str(error)).partition(";")[0]  # there may be no cluster yet
        cli.complain(f"warning: no name can be registered, no secret in {secret}: {why}")


def _reason(options: Options, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {options.port} on {options.host} is already in use: "
            "stop what uses it, or choose another with --port"
        )
    return f"cannot listen: {error.strerror or error}"


def _refuse(line: str) -> int:
    cli.complain(line)
    return 1


def _parser() -> cli.Parser:
    parser = cli.Parser("Give Pyro5 clients the addresses of the replicas; Ctrl-C ends it.")
    parser.add_argument("--host", metavar="H", help=f"address to listen on ({HOST})")
    parser.add_argument("--port", type=cli.whole(1, 65_535), metavar="P", help="port (9090)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--config", metavar="F", help="cluster file (.kvrmi/cluster.toml)")
    source.add_argument(
        "--cluster-secret",
        type=Path,
        metavar="FILE",
        help="secret of those who may register, without a cluster file (.kvrmi/secret)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
