"""Metrics over HTTP: what Prometheus reads there, and callers who only hold a connection."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kvrmi.cluster.metrics import families, text
from server import metrics
from server.metrics import MetricsEndpoint
from server.ports import free_block

from ..cluster.test_metrics import entry
from .stubs import until

HOST = "127.0.0.1"


@pytest.fixture
def endpoint() -> Iterator[MetricsEndpoint]:
    made = MetricsEndpoint(HOST, free_port(), lambda: families([entry()]))
    made.open()
    yield made
    made.cut()
    until(lambda: not made.alive)


def free_port() -> int:
    return free_block(HOST, 1, random.Random())


def read(endpoint: MetricsEndpoint) -> str:
    with urlopen(f"http://{HOST}:{endpoint._port}/metrics", timeout=60) as answer:
        body: bytes = answer.read()
    return body.decode()


def test_what_is_served_is_what_metrics_shows(endpoint: MetricsEndpoint) -> None:
    shown = list(text_string_to_metric_families(text(families([entry()]))))
    assert list(text_string_to_metric_families(read(endpoint))) == shown
    assert len(shown) > 15


def test_silent_callers_cost_places_for_a_moment(
    endpoint: MetricsEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection((HOST, endpoint._port), 10))
            for _ in range(metrics.AT_ONCE + 1)
        ]
        assert silent[-1].recv(1) == b"", "one more than there are places"
        monkeypatch.setattr(metrics._Handler, "timeout", 0.05)
        for one in silent[:2]:
            one.close()
        until(lambda: served(endpoint))
    until(lambda: served(endpoint))


def test_who_is_silent_for_too_long_is_left(
    endpoint: MetricsEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 0 < metrics._Handler.timeout < 10
    monkeypatch.setattr(metrics._Handler, "timeout", 0.05)
    with socket.create_connection((HOST, endpoint._port), 10) as silent:
        assert silent.recv(1) == b""


def served(endpoint: MetricsEndpoint) -> bool:
    try:
        return "kvrmi_up" in read(endpoint)
    except OSError:
        return False


def test_what_cannot_be_accepted_is_not_tried_at_full_speed() -> None:
    server = metrics._Server(HOST, 0)
    server.server_close()
    began = time.monotonic()
    with pytest.raises(OSError, match="descriptor"):
        server.get_request()
    assert time.monotonic() - began >= metrics.BACK_OFF_SECONDS


def test_one_that_is_cut_can_be_opened_again(endpoint: MetricsEndpoint) -> None:
    endpoint.cut()
    until(lambda: not endpoint.alive)
    assert not served(endpoint)
    endpoint.open()
    assert endpoint.alive
    assert served(endpoint)


def test_a_taken_port_is_named(endpoint: MetricsEndpoint) -> None:
    with pytest.raises(OSError, match=f"port {endpoint._port} on 127.0.0.1: .*in use"):
        MetricsEndpoint(HOST, endpoint._port, list).open()
