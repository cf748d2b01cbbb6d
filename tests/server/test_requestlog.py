"""What `--log-requests` writes of calls over Pyro5: a line for each request, one for its reply."""

from __future__ import annotations

import contextlib
import logging
import re

import Pyro5.api
import pytest

from kvrmi.remote.daemon import origin
from server.intake import Intake
from server.kvstore import kvstore
from server.objectdaemon import Limits, ObjectDaemon
from server.requestlog import LoggedIntake

from .stubs import StubEngine, at_once

NAME = "kvrmi.replica1"


def test_calls_of_clients_are_logged_with_their_origin(caplog: pytest.LogCaptureFixture) -> None:
    store = kvstore(LoggedIntake(Intake(StubEngine(), at_once), origin))
    daemon = ObjectDaemon("127.0.0.1", 0, NAME, store, Limits(10, 1 << 20, 60.0))
    daemon.open()
    try:
        with caplog.at_level(logging.INFO, "kvrmi.server.requests"):
            _call(f"PYRO:{NAME}@127.0.0.1:{_port(daemon)}")
    finally:
        daemon.cut()
    lines = [re.sub(r"127\.0\.0\.1:\d+|, [\d.]+ ms$", "", line) for line in caplog.messages]
    numbers = [int(re.findall(r"\d+", line)[0]) for line in lines]
    assert numbers[::2] == numbers[1::2]
    assert [re.sub(r" \d+:", ":", line) for line in lines] == [
        "rpc  (ana) request: put city and 6 bytes",
        "rpc  (ana) reply: 7",
        "rpc  (ana) request: put_many 2 items",
        "rpc  (ana) reply: 7",
        r"rpc  (ana) request: get \x1b[2J\n",
        "rpc  (ana) reply: 7",
        "rpc  (ana) request: put  and nothing",
        "rpc  (ana) reply: INVALID: the key must not be empty",
        "rpc  (ana) request: status",
        "rpc  (ana) reply: its entry",
    ]


def _call(where: str) -> None:
    with Pyro5.api.Proxy(where) as proxy:
        proxy._pyroHandshake = {"name": "ana"}
        proxy.put("city", "Zürich"[:5])
        proxy.put_many([["a", "1"], ["b", "2"]])
        proxy.get("\x1b[2J\n")
        with contextlib.suppress(ValueError, TypeError):
            proxy.put("", None)
        proxy.status()


def _port(daemon: ObjectDaemon) -> int:
    opened = daemon._daemon
    assert opened is not None
    return int(opened.locationStr.rsplit(":", 1)[1])
