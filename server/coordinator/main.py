"""The coordinator: founds or continues a cluster, starts it, watches it, and ends it when asked to.

Rules: one coordinator a data folder; the ready line is printed once the cluster serves, and alone
on standard output; whatever keeps it from starting is one line on standard error and status 1, or
2 where the command line is wrong.
Its sudden death stops nothing: the next one adopts what runs.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from kvrmi import cli
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.naming import join_address
from kvrmi.cluster.status import SERVING, health_of
from kvrmi.remote import guard
from kvrmi.remote.identity import Credentials, read_secret

from ..engines.kinds import kind_for
from ..folder import PRIVATE, FolderRefused
from ..logfile import Behind, LogFile
from ..pidlock import PidLock, holder
from . import chaos, event, founding, locks, options
from .beside import Beside
from .control import Control
from .endpoint import Endpoint
from .founding import Impossible, Refused, Wish
from .health import Admins
from .launch import Launcher
from .options import Options
from .processes import command, environment
from .views import Views

log = logging.getLogger("kvrmi.server.coordinator")

DATA = Path(".kvrmi")
FAILED = 1
"""Exit status of a start that was refused, and of a demo in which something did not hold."""
CLIENT_PATIENCE = 3.0
"""Seconds that the demo's prompt has to end."""
FOUNDING_PATIENCE = 1.0
"""Seconds from taking the lock to beginning to found, at most."""
LOCK_PATIENCE = 0.3
"""A child of a former coordinator has its lock for a moment, until it becomes the program."""
READY_ALL = 15.0
"""Seconds that all replicas have to come up; then a majority with a leader is enough."""
READY_ANY = 30.0
"""Seconds until the start is given up."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the coordinator; returns the exit status of the program."""
    chosen = options.parse(argv)
    stopping = threading.Event()
    cli.on_end(stopping.set)
    guard.install()
    data = _folder(chosen)
    status = _status(chosen, data, stopping)
    if chosen.temporary and not chosen.keep and status != FAILED:
        shutil.rmtree(data, ignore_errors=True)
    return status


def _folder(chosen: Options) -> Path:
    if chosen.temporary:
        return Path(tempfile.mkdtemp(prefix="kvrmi-"))
    return DATA if chosen.data is None else chosen.data


def _status(chosen: Options, data: Path, stopping: threading.Event) -> int:
    """Run the cluster; exit status, after what went wrong was said."""
    try:
        return _coordinate(chosen, data, stopping)
    except Impossible as error:
        cli.complain(str(error))
        return cli.USAGE
    except (Refused, FolderRefused) as error:
        problem = str(error)
    except OSError as error:
        if stopping.is_set():  # the terminal was closed: it cannot show how all ended
            cli.mute()
            return _cut_short(chosen)
        problem = cli.reason(error)
    cli.complain(problem)
    return FAILED


def _cut_short(chosen: Options) -> int:
    return cli.INTERRUPTED if chosen.demo else 0


def _coordinate(chosen: Options, data: Path, stopping: threading.Event) -> int:
    wish = Wish(
        data,
        replicas=chosen.replicas,
        host=chosen.host,
        advertise=chosen.advertise,
        base_port=chosen.base_port,
        ephemeral=chosen.ephemeral,
        engine=chosen.engine,
        gateways=chosen.gateways,
        tcp=chosen.tcp_port,
        udp=chosen.udp_port,
        metrics=chosen.metrics_port,
        settings=chosen.settings,
        log_requests=chosen.log_requests,
    )
    if holder(data / locks.COORDINATOR) is None:
        founding.refuse_new(wish)  # before a folder and a lock are left there
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"{data} cannot be made: {error.strerror}") from error
    os.umask(PRIVATE)
    lock = _lock(data)
    if lock is None:
        return _runs_already(chosen, wish, stopping)
    with contextlib.closing(lock):
        lock.sign(os.getpid())
        cluster, founded = founding.prepare(wish, cli.complain)
        _log_to(data / "coordinator.log")
        log.info("cluster %s %s", cluster.id, "founded" if founded else "continued")
        try:
            status = _run(chosen, cluster, data, stopping, founded)
        except (Refused, FolderRefused, OSError) as error:
            why = cli.reason(error) if isinstance(error, OSError) else error
            log.error("the coordinator stops: %s", why)
            raise
        log.info("the coordinator stops, with status %d", status)
        return status


def _lock(data: Path) -> PidLock | None:
    """Be the only coordinator of `data`; None if there is one."""
    deadline = time.monotonic() + LOCK_PATIENCE
    while (lock := PidLock.take(data / locks.COORDINATOR)) is None:
        if time.monotonic() > deadline:
            return None
        time.sleep(0.02)
    return lock


def _runs_already(chosen: Options, wish: Wish, stopping: threading.Event) -> int:
    """Answer the same command given twice as the first one was. Raises Refused for another one."""
    pid = holder(wish.data / locks.COORDINATOR)
    runs = f"a coordinator (pid {pid}) already runs the cluster in {wish.data}"
    if chosen.event is not None or chosen.chaos is not None:
        raise Refused(f"{runs}: choose another folder, or --ephemeral, for this")
    _await_founding(wish.data, stopping)
    cluster = founding.unchanged(wish, runs)
    credentials = Credentials(
        cluster.id, 0, "coordinator", read_secret(wish.data / founding.SECRET)
    )
    admins = Admins(cluster, credentials)
    deadline = time.monotonic() + READY_ANY
    while health_of(admins.reported(), len(cluster.ids)) != SERVING:
        if time.monotonic() > deadline:
            raise Refused(f"{runs}, which does not serve now: STATUS shows why")
        if stopping.wait(0.1):
            return 0
    _say_ready(cluster, wish.data)
    stop = f"{cli.started_as('stop')} --data {wish.data}"
    cli.complain(f"{runs}, nothing was changed; to end it: {stop}")
    return 0


def _await_founding(data: Path, stopping: threading.Event) -> None:
    """Wait for the cluster file that a coordinator, begun just before, may still be writing."""
    began = time.monotonic()
    while not (data / founding.CONFIG).exists() and time.monotonic() - began < READY_ANY:
        recent = time.monotonic() - began < FOUNDING_PATIENCE
        if not (recent or (data / founding.FOUNDING).exists()) or stopping.wait(0.05):
            return


def _say_ready(cluster: Cluster, data: Path) -> None:
    print(
        f"ready replicas={len(cluster.members)} engine={cluster.engine} "
        f"nameserver={cluster.nameserver} config={data / founding.CONFIG}{_others(cluster)}",
        flush=True,
    )


def _others(cluster: Cluster) -> str:
    """Say where gateways and metrics of the first replica listen; the others count on."""
    host = cluster.members[0].host
    ways = (cluster.gateways._asdict() | {"metrics": cluster.metrics_port}).items()
    return "".join(f" {name}={join_address(host, port)}" for name, port in ways if port)


def _run(
    chosen: Options, cluster: Cluster, data: Path, stopping: threading.Event, founded: bool
) -> int:
    config = data / founding.CONFIG
    secret = read_secret(data / founding.SECRET)
    credentials = Credentials(cluster.id, 0, "coordinator", secret)
    admins = Admins(cluster, credentials)
    flags = [founding.LOG_REQUESTS] * chosen.log_requests
    launcher = Launcher(config, *flags)
    control = Control(cluster, launcher, admins, cli.complain)
    warning = kind_for(cluster).warning(len(cluster.members))
    if warning is not None:
        cli.complain(warning)
    control.check_members()
    beside = Beside(kind_for(cluster).programs(cluster), launcher, cli.complain)
    with contextlib.ExitStack() as stack:
        stack.callback(beside.stop)
        beside.begin(stopping)
        stack.callback(control.stop_all)
        control.begin()
        views = Views(cluster, data, control.said, control.held, admins, founded=founded)
        stack.callback(views.stop)
        views.begin()
        endpoint = Endpoint(cluster, control, credentials, secret)
        stack.callback(endpoint.close)
        endpoint.open()
        _await_ready(control, data, stopping)
        if stopping.is_set():
            return _cut_short(chosen)
        _say_ready(cluster, data)
        return _serve(chosen, control, admins, config, stopping)


def _serve(
    chosen: Options, control: Control, admins: Admins, config: Path, stopping: threading.Event
) -> int:
    if chosen.demo and chosen.event is not None:
        status = _demo(chosen, chosen.event, control, admins, config, stopping)
        if sys.stdin.isatty() and sys.stdout.isatty() and not stopping.is_set():
            _client(config, stopping)
        return status
    if chosen.chaos is not None:
        return chaos.run(chosen.chaos, config, stopping, plain=chosen.plain)
    if chosen.event is not None:
        play = threading.Thread(
            target=_play, args=(chosen.event, control, stopping), name="event", daemon=True
        )
        play.start()
    stopping.wait()
    return 0


def _demo(
    chosen: Options,
    script: event.ScriptedEvent,
    control: Control,
    admins: Admins,
    config: Path,
    stopping: threading.Event,
) -> int:
    from .. import demo  # needs rich, which nothing else here does

    show = demo.Show(plain=chosen.plain)
    kept = chosen.keep or not chosen.temporary
    return demo.run(control, admins, config, script, chosen.seed, stopping, show, kept=kept)


def _play(script: event.ScriptedEvent, control: Control, stopping: threading.Event) -> None:
    try:
        event.play(script, control, stopping, lambda line: print(line, flush=True))
    except Exception as error:  # the cluster goes on, whatever became of the event
        log.exception("event")
        print(f"event: it could not be completed: {error}", file=sys.stderr, flush=True)


def _client(config: Path, stopping: threading.Event) -> None:
    """Leave the terminal to the interactive client until it ends."""
    print("The cluster stays up until EXIT. Clients in other terminals find it after:")
    print(f"export KVRMI_CONFIG={config.resolve()}", flush=True)
    before = signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is the client's, here
    child = subprocess.Popen(command("client", "--config", str(config)), env=environment())
    try:
        while child.poll() is None and not stopping.wait(0.1):
            pass
    finally:
        _end(child)
        signal.signal(signal.SIGINT, before)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(CLIENT_PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _await_ready(control: Control, data: Path, stopping: threading.Event) -> None:
    began = time.monotonic()
    while (problem := control.unready()) is not None:
        waited = time.monotonic() - began
        if waited > READY_ALL and control.serves():
            cli.complain(f"continuing, although {problem}")
            return
        if waited > READY_ANY:
            raise Refused(f"the cluster did not start: {problem}; its logs are in {data}")
        if stopping.wait(0.05):
            return


def _log_to(file: Path) -> None:
    form = "%(asctime)s.%(msecs)03d [%(name)s] %(message)s"
    log = LogFile(file)
    log.setFormatter(logging.Formatter(form, "%Y-%m-%d %H:%M:%S"))
    logging.basicConfig(handlers=[Behind([log])], level=logging.INFO)
    # It calls every replica that is down an error; what that means is logged by us.
    logging.getLogger("Pyro5").setLevel(logging.CRITICAL)
