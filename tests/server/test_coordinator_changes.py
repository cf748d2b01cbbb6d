"""What would change a cluster that runs, or is of another engine, is refused and named."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from typing import Any

import pytest

from server import ports
from server.coordinator import folders, founding
from server.coordinator.founding import Impossible, Refused, Wish, prepare, unchanged
from server.pidlock import PidLock


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.mark.parametrize(
    "said",
    [{"replicas": 5}, {"host": "127.0.0.2"}, {"advertise": "127.0.0.1"}, {"base_port": 13000},
     {"engine": "single"}],
)  # fmt: skip
def test_other_values_for_a_running_cluster_are_refused(data: Path, said: dict[str, Any]) -> None:
    base = ports.free_block("127.0.0.1", 17, random.Random())
    prepare(Wish(data, 3, "127.0.0.1", "localhost", base))
    option = next(iter(said)).replace("_", "-")
    with pytest.raises(Refused, match=f"it runs, which --{option} would change: stop it first"):
        unchanged(Wish(data, **said), "it runs")


def test_settings_of_another_engine_are_no_change_of_this_one(data: Path) -> None:
    prepare(Wish(data, 3, ephemeral=True))
    for ask in (prepare, lambda wish: unchanged(wish, "it runs")):
        with pytest.raises(Impossible, match="--votes is for engine 2pc, and this one is paxos"):
            ask(Wish(data, settings={"votes": "all"}))


def test_other_settings_for_a_running_cluster_are_refused(data: Path) -> None:
    prepare(Wish(data, 3, ephemeral=True, engine="2pc"))
    with pytest.raises(Refused, match="it runs, which --votes would change"):
        unchanged(Wish(data, settings={"votes": "active"}), "it runs")


def test_what_would_move_a_running_cluster_is_named(data: Path) -> None:
    prepare(Wish(data, 3, ephemeral=True))
    lock = PidLock.take(folders.of(data, 1) / "lock")
    assert lock is not None
    with contextlib.closing(lock), pytest.raises(Refused, match="leave out --gateways, or stop"):
        prepare(Wish(data, gateways=True))


def test_requests_are_logged_by_replicas_that_were_started_so_alone(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(Wish(data, 3, ephemeral=True))
    wish = Wish(data, log_requests=True)
    unchanged(wish, "it runs")  # nobody does
    lock = PidLock.take(data / "replica1.lock")
    assert lock is not None
    with contextlib.closing(lock):
        with pytest.raises(Refused, match="it runs, which --log-requests would change: stop it"):
            unchanged(wish, "it runs")
        with pytest.raises(Refused, match="were started without --log-requests: leave it out"):
            prepare(wish)
        assert unchanged(Wish(data), "it runs").members
        flag = Path("/proc/self/cmdline").read_text().split("\0")[0]  # one that this process has
        monkeypatch.setattr(founding, "LOG_REQUESTS", flag)
        unchanged(wish, "it runs")
