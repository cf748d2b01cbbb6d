"""Metrics over HTTP, for a Prometheus that asks for them: `--metrics-port`.

Rules: it is one of a replica's endpoints, and a silent or slow caller costs one of its few threads
for some seconds, nothing else. prometheus_client is imported by this file alone, and this file only
where a port is given. What is counted, it does not know.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import Metric

from kvrmi.cluster.metrics import Family
from kvrmi.remote.listener import Client

__all__ = ["MetricsEndpoint"]

BACK_OFF_SECONDS = 0.05
"""After a caller that could not be accepted, who is still there."""

AT_ONCE = 8
"""Callers that are answered at the same time; the next one's connection is closed."""
SILENT_SECONDS = 5.0
"""For each part of a request to come, and of an answer to be taken."""


class MetricsEndpoint:
    """Serves one replica's metrics on a port of its own; prometheus_client collects from it."""

    def __init__(self, host: str, port: int, metrics: Callable[[], Iterable[Family]]) -> None:
        """`metrics` makes the families, at each request."""
        self._host = host
        self._port = port
        self._metrics = metrics
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        registry = CollectorRegistry()
        registry.register(self)
        self._app = make_wsgi_app(registry)

    def collect(self) -> Iterator[Metric]:
        """Make prometheus_client's form of the metrics as they are now."""
        for family in self._metrics():
            metric = Metric(family.name, family.help, family.kind)
            for sample in family.samples:
                metric.add_sample(sample.name, dict(sample.labels), sample.value)
            yield metric

    @property
    def alive(self) -> bool:
        """True while it accepts connections."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def connections(self) -> int:
        """None of its callers counts as a client."""
        return 0

    @property
    def clients(self) -> list[Client]:
        """None of its callers has a name."""
        return []

    def open(self) -> None:
        """Listen and serve. Raises OSError."""
        self.cut()
        self._server = server = _Server(self._host, self._port)
        server.set_app(self._app)
        self._thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Stop listening; a caller that is being answered has its answer within seconds."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each of a few callers."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._places = threading.BoundedSemaphore(AT_ONCE)
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise OSError(error.errno, f"port {port} on {host}: {error.strerror}") from error

    def server_bind(self) -> None:
        """Bind; the standard library's also asks the network for our name, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def get_request(self) -> tuple[Any, Any]:
        """Accept a caller; where that fails, as without a free descriptor, not at full speed."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(BACK_OFF_SECONDS)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # the machine has no thread for it
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that go or are silent."""


class _Handler(WSGIRequestHandler):
    """Gives up on who is silent, and writes no line for each request."""

    timeout = SILENT_SECONDS

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""
