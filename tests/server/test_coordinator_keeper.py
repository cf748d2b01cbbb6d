"""A keeper launches, relaunches and leaves down; its charge is a short-lived process."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.coordinator.keeper import PAUSE_CAP, Ending, Keeper
from server.coordinator.processes import Process


class Charge:
    """A process that does nothing, and what the keeper told about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = "import time; time.sleep(60)"
        self.launches = 0
        self.statuses: list[int | None] = []
        self.probed = threading.Event()
        self.leave_down: str | None = None
        self.refusal: str | None = None
        self.pause = PAUSE_CAP

    def launch(self) -> Process:
        if self.refusal is not None:
            raise OSError(self.refusal)
        self.launches += 1
        return Process.start([sys.executable, "-c", self.program], self.folder / "output")

    def probe(self) -> None:
        self.probed.set()

    def ended(self, pid: int, status: int | None) -> Ending:
        self.statuses.append(status)
        return Ending(self.leave_down or "ended", again=self.leave_down is None)

    def longest_pause(self) -> float:
        return self.pause


@pytest.fixture
def charge(tmp_path: Path) -> Charge:
    return Charge(tmp_path)


@pytest.fixture
def reports() -> list[str]:
    return []


@pytest.fixture
def keeper(charge: Charge, reports: list[str]) -> Iterator[Keeper]:
    keeper = Keeper("sleeper", charge, time.monotonic, reports.append)
    yield keeper
    process = keeper.release()
    if process is not None:
        process.kill()
        process.close()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def test_it_is_launched_and_probed(keeper: Keeper, charge: Charge) -> None:
    keeper.begin()
    assert keeper.pid is not None
    assert not keeper.held
    assert charge.probed.wait(10)
    assert charge.launches == 1


def test_one_that_ends_is_launched_again(keeper: Keeper, charge: Charge) -> None:
    charge.program = "exit(3)"
    keeper.begin()
    wait_for(lambda: charge.launches >= 3)
    assert charge.statuses[:2] == [3, 3]


def test_killed_on_purpose_it_stays_down_until_started(keeper: Keeper, charge: Charge) -> None:
    keeper.begin()
    keeper.kill()
    assert keeper.pid is None
    assert keeper.held
    assert keeper.reason == "killed on purpose"
    keeper.start()
    assert keeper.pid is not None
    assert charge.launches == 2
    assert charge.statuses == []


def test_starting_a_running_one_changes_nothing(keeper: Keeper, charge: Charge) -> None:
    keeper.begin()
    before = keeper.pid
    keeper.start()
    assert keeper.pid == before


def test_stopped_it_had_its_chance_to_end(keeper: Keeper, charge: Charge) -> None:
    charge.program = (
        "import pathlib, signal, sys, time\n"
        f"bye = pathlib.Path({str(charge.folder / 'bye')!r})\n"
        "signal.signal(signal.SIGTERM, lambda *_: (bye.touch(), sys.exit()))\n"
        f"pathlib.Path({str(charge.folder / 'ready')!r}).touch()\n"
        "time.sleep(60)"
    )
    keeper.begin()
    wait_for((charge.folder / "ready").exists)
    keeper.stop(10)
    assert keeper.pid is None
    assert (charge.folder / "bye").exists()


def test_one_that_must_not_run_is_left_down(
    keeper: Keeper, charge: Charge, reports: list[str]
) -> None:
    charge.program, charge.leave_down = "exit(5)", "an invariant does not hold"
    keeper.begin()
    wait_for(lambda: keeper.reason is not None)
    assert keeper.reason == "an invariant does not hold"
    wait_for(lambda: reports == ["sleeper is left down: an invariant does not hold"])
    assert not keeper.held, "nobody asked for it"
    assert charge.launches == 1
    charge.program = "import time; time.sleep(60)"
    keeper.start()
    assert keeper.pid is not None
    assert keeper.reason is None


def test_a_running_one_is_adopted_and_replaced_when_it_ends(keeper: Keeper, charge: Charge) -> None:
    former = charge.launch()
    keeper.adopt(former)
    keeper.begin()
    assert keeper.pid == former.pid
    former.kill()
    wait_for(lambda: charge.launches == 2)
    wait_for(lambda: keeper.pid not in (None, former.pid))


def test_held_from_the_begin(keeper: Keeper, charge: Charge) -> None:
    keeper.begin(held=True)
    assert keeper.held
    assert charge.launches == 0
    keeper.start()
    assert charge.launches == 1


def test_a_pause_ends_when_others_need_the_process(keeper: Keeper, charge: Charge) -> None:
    charge.program = "exit(3)"
    keeper.begin()
    wait_for(lambda: charge.launches >= 5)  # the next pause is longer than a test waits
    charge.pause = 0.0
    before = charge.launches
    wait_for(lambda: charge.launches > before + 5)


def test_what_keeps_it_down_is_its_reason_and_is_reported_once_it_lasts(
    keeper: Keeper, charge: Charge, reports: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.coordinator.keeper.LASTING", 0.3)
    charge.refusal, charge.pause = "its file system is gone", 0.0
    keeper.begin()
    assert keeper.reason == "its file system is gone"
    assert not keeper.held
    assert reports == []
    wait_for(lambda: reports == ["sleeper is down: its file system is gone"])
    charge.refusal = None
    wait_for(lambda: keeper.pid is not None)
    assert len(reports) == 1


def test_let_go_it_runs_on(keeper: Keeper) -> None:
    keeper.begin()
    process = keeper.release()
    assert process is not None
    assert process.alive
    process.kill()
    process.close()


def test_an_order_that_comes_after_the_end_starts_nothing(keeper: Keeper, charge: Charge) -> None:
    """A restart that was under way when all processes were ended would leave one behind."""
    keeper.begin()
    keeper.stop(5.0)
    keeper.release()
    with pytest.raises(OSError, match="ends"):
        keeper.start()
    assert charge.launches == 1


def test_what_is_let_go_is_not_reaped_at_the_same_time(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends just then would be closed for one who is about to end it."""
    keeper.begin()
    reaping, closed, let_go = threading.Event(), threading.Event(), threading.Event()

    def reap() -> None:
        with keeper._lock:
            reaping.set()
            assert not let_go.wait(0.1)
            keeper._forget()
            closed.set()

    def join(seconds: float) -> None:
        threading.Thread(target=reap, daemon=True).start()
        assert reaping.wait(10)

    child = None if keeper._process is None else keeper._process._child
    monkeypatch.setattr(keeper._thread, "join", join)
    found = keeper.release()
    let_go.set()
    assert found is None
    assert closed.wait(10)
    assert child is not None
    child.kill()
    child.wait()
