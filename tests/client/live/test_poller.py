"""Looks at replicas: one that hangs delays nobody; a cluster that is not there is looked for."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any, cast

import pytest

from client.live.poller import CALM, PATIENCE, Members, News, Poller, Trouble
from client.live.view import Look
from kvrmi.access.store import Store
from kvrmi.errors import ConnectionFailed
from server.ports import free_block

TIMEOUT = 60.0


class FakeStore:
    """Knows where replicas are, of a cluster of which nobody has answered yet."""

    def __init__(self, ports: list[int]) -> None:
        self.ports = ports

    def status(self) -> dict[str, Any]:
        entries = [
            {"id": id, "address": f"127.0.0.1:{port}"}
            for id, port in enumerate(self.ports, start=1)
        ]
        return {"replicas": entries, "cluster_id": None, "coordinator": None}

    def __enter__(self) -> FakeStore:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing."""


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of somebody who takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    """A port where nobody listens."""
    return free_block("127.0.0.1", 1, random.Random())


def looks(news: SimpleQueue[News], until: int) -> list[Look]:
    """The looks up to the first at this replica."""
    found: list[Look] = []
    while not found or found[-1].entry["id"] != until:
        one = news.get(timeout=TIMEOUT)
        found += [one] if isinstance(one, Look) else []
    return found


def test_one_that_hangs_delays_its_own_row_alone(silent: int, closed: int) -> None:
    news: SimpleQueue[News] = SimpleQueue()
    poller = Poller(lambda: cast(Store, FakeStore([closed, silent])), None, None, news.put)
    poller.start()
    try:
        assert isinstance(news.get(timeout=TIMEOUT), Members)
        before = looks(news, until=2)
        assert before[-1].entry["state"] == "not answering"
        others = [one for one in before if one.entry["id"] == 1]
        assert {one.entry["state"] for one in others} == {"down"}
        assert len(others) >= PATIENCE / CALM.oftenest / 2, "it was looked at all the time"
    finally:
        poller.close()


def test_a_cluster_that_is_not_there_is_looked_for_again(closed: int) -> None:
    news: SimpleQueue[News] = SimpleQueue()
    stores: list[FakeStore] = []

    def opened() -> Store:
        if not stores:
            stores.append(FakeStore([closed]))
            raise ConnectionFailed("there is no cluster file here")
        return cast(Store, stores[0])

    poller = Poller(opened, None, None, news.put)
    began = time.monotonic()
    poller.start()
    try:
        assert news.get(timeout=TIMEOUT) == Trouble("there is no cluster file here")
        while not isinstance(news.get(timeout=TIMEOUT), Members):
            assert time.monotonic() - began < TIMEOUT
    finally:
        poller.close()
