"""A console and the replica that it belongs to, put together.

Rules: a console asks its own replica as any other, by its admin object, so that it can do nothing
that a client could not; where no coordinator does so, it has the replica restored after its start.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from kvrmi.access import verbs
from kvrmi.access.admins import Admins
from kvrmi.errors import KVError

from ..replica import Replica
from .commands import COMMANDS, Commands
from .terminal import LogLines, Terminal, fit

__all__ = ["console_of"]

RESTORE_SECONDS = 1.0
"""Between two attempts, while no other replica is up."""

_log = logging.getLogger("kvrmi.server.console")


def console_of(replica: Replica, end: Callable[[], None]) -> Terminal:
    """Make the console of a replica that serves; `end` ends the process cleanly."""
    admins = Admins(replica.cluster, replica.credentials)
    lines = LogLines()
    logging.getLogger().addHandler(lines)
    commands = Commands(replica.me, admins, kill=_kill, show_log=lines.show, fit=fit)
    if not admins.coordinated:
        restoring = threading.Thread(target=_restore, args=(admins, replica.me), daemon=True)
        restoring.start()
    names = [form.name for form in COMMANDS]
    return Terminal(f"server {replica.me}> ", names, commands.run, end)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _restore(admins: Admins, me: int) -> None:
    """Catch up with a peer, as a coordinator has it done; once, as soon as one is up."""
    while True:
        try:
            shown = verbs.restore(admins, me)
        except KVError:
            threading.Event().wait(RESTORE_SECONDS)
            continue
        found: Any = shown.fields["value"]
        if found["slot"]:  # else the cluster is new
            _log.warning("%s", shown.lines[0])
        return
