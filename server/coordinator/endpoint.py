"""Where the coordinator can be reached: its daemon, and its entry in the name server.

Rules: anybody may connect, who shows credentials must have true ones, and only such may give
orders; without a name server all of it works, its address is in the cluster file.
It does not know what an order does.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from kvrmi.cluster import naming
from kvrmi.cluster.config import Cluster
from kvrmi.errors import ConnectionFailed
from kvrmi.remote.daemon import caller
from kvrmi.remote.identity import Challenge, Credentials, challenge
from kvrmi.remote.names import register

from ..objectdaemon import Limits, ObjectDaemon
from .control import Control
from .servant import CoordinatorServant

log = logging.getLogger("kvrmi.server.endpoint")

LIMITS = Limits(pool=40, max_message=1 << 20, idle=60.0)
REGISTER_EVERY = 1.0
"""A name server that was started again knows the coordinator after at most twice this."""
TIMEOUT = 0.5


class Endpoint:
    """`kvrmi.coordinator` as others see it."""

    def __init__(
        self, cluster: Cluster, control: Control, credentials: Credentials, secret: bytes
    ) -> None:
        """Listen to nobody yet."""
        self._cluster = cluster
        self._credentials = credentials
        self._secret = secret
        self._closing = threading.Event()
        host, port = naming.split_address(cluster.coordinator)
        self._daemon = ObjectDaemon(
            cluster.listens_on(host),
            port,
            naming.COORDINATOR,
            CoordinatorServant(control, lambda: caller() is not None),
            LIMITS,
            admit=self._admit,
        )
        self._registrar = threading.Thread(target=self._register, name="names", daemon=True)

    def open(self) -> None:
        """Listen, and be found. Raises OSError."""
        self._daemon.open()
        self._registrar.start()

    def close(self) -> None:
        """Take no more orders."""
        self._closing.set()
        self._daemon.cut()

    def _admit(self, data: object) -> Challenge | None:
        """Let everybody in; credentials that are shown have to be true."""
        if not isinstance(data, Mapping):
            return None
        return challenge(self._secret, self._cluster.id, naming.COORDINATOR, data)

    def _register(self) -> None:
        uri = f"PYRO:{naming.COORDINATOR}@{self._cluster.coordinator}"
        names = {naming.COORDINATOR: (uri, frozenset[str]())}
        while True:
            try:
                register(self._cluster.nameserver, names, self._credentials, TIMEOUT)
            except ConnectionFailed as error:
                log.debug("no name server: %s", error)
            if self._closing.wait(REGISTER_EVERY):
                return
