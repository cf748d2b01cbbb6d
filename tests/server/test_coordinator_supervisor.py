"""A supervisor launches, relaunches and leaves down; its charge is a short-lived process."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.coordinator.processes import Process
from server.coordinator.supervisor import PAUSE_CAP, Ending, Supervisor


class Charge:
    """A process that does nothing, and what the supervisor told about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = "import time; time.sleep(60)"
        self.launches = 0
        self.statuses: list[int | None] = []
        self.probed = threading.Event()
        self.leave_down: str | None = None
        self.refusal: str | None = None
        self.pause = PAUSE_CAP
        self.runs: Process | None = None

    def launch(self) -> Process:
        if self.refusal is not None:
            raise OSError(self.refusal)
        if self.runs is not None:
            return self.runs
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
def supervisor(charge: Charge, reports: list[str]) -> Iterator[Supervisor]:
    supervisor = Supervisor("sleeper", charge, time.monotonic, reports.append)
    yield supervisor
    process = supervisor.release()
    if process is not None:
        process.kill()
        process.close()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def test_it_is_launched_and_probed(supervisor: Supervisor, charge: Charge) -> None:
    supervisor.begin()
    assert supervisor.pid is not None
    assert not supervisor.held
    assert charge.probed.wait(60)
    assert charge.launches == 1


def test_the_log_says_which_process_was_launched_and_which_ran_already(
    charge: Charge, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "kvrmi.server.supervisor")
    ran = charge.launch()
    adopted = Process.adopt(ran.pid)
    for charge.runs, how in ((ran, "launched"), (adopted, "adopted")):
        supervisor = Supervisor("sleeper", charge, time.monotonic)
        supervisor.begin()
        assert supervisor.release() is charge.runs
        assert caplog.messages == [f"sleeper {how} pid={ran.pid}"]
        caplog.clear()
    assert adopted is not None
    adopted.close()
    ran.kill()
    ran.close()


def test_one_that_ends_is_launched_again(supervisor: Supervisor, charge: Charge) -> None:
    charge.program = "exit(3)"
    supervisor.begin()
    wait_for(lambda: charge.launches >= 3)
    assert charge.statuses[:2] == [3, 3]


def test_killed_on_purpose_it_stays_down_until_started(
    supervisor: Supervisor, charge: Charge
) -> None:
    supervisor.begin()
    supervisor.kill()
    assert supervisor.pid is None
    assert supervisor.held
    assert supervisor.reason == "killed on purpose"
    supervisor.start()
    assert supervisor.pid is not None
    assert charge.launches == 2
    assert charge.statuses == []


def test_starting_a_running_one_changes_nothing(supervisor: Supervisor, charge: Charge) -> None:
    supervisor.begin()
    before = supervisor.pid
    supervisor.start()
    assert supervisor.pid == before


def test_stopped_it_had_its_chance_to_end(supervisor: Supervisor, charge: Charge) -> None:
    charge.program = (
        "import pathlib, signal, sys, time\n"
        f"bye = pathlib.Path({str(charge.folder / 'bye')!r})\n"
        "signal.signal(signal.SIGTERM, lambda *_: (bye.touch(), sys.exit()))\n"
        f"pathlib.Path({str(charge.folder / 'ready')!r}).touch()\n"
        "time.sleep(60)"
    )
    supervisor.begin()
    wait_for((charge.folder / "ready").exists)
    supervisor.stop(10)
    assert supervisor.pid is None
    assert (charge.folder / "bye").exists()


def test_one_that_must_not_run_is_left_down(
    supervisor: Supervisor, charge: Charge, reports: list[str]
) -> None:
    charge.program, charge.leave_down = "exit(5)", "an invariant does not hold"
    supervisor.begin()
    wait_for(lambda: supervisor.reason is not None)
    assert supervisor.reason == "an invariant does not hold"
    wait_for(lambda: reports == ["sleeper is left down: an invariant does not hold"])
    assert not supervisor.held, "nobody asked for it"
    assert charge.launches == 1
    charge.program = "import time; time.sleep(60)"
    supervisor.start()
    assert supervisor.pid is not None
    assert supervisor.reason is None


def test_a_running_one_is_adopted_and_replaced_when_it_ends(
    supervisor: Supervisor, charge: Charge
) -> None:
    former = charge.launch()
    supervisor.adopt(former)
    supervisor.begin()
    assert supervisor.pid == former.pid
    former.kill()
    wait_for(lambda: charge.launches == 2)
    wait_for(lambda: supervisor.pid not in (None, former.pid))


def test_held_from_the_begin(supervisor: Supervisor, charge: Charge) -> None:
    supervisor.begin(held=True)
    assert supervisor.held
    assert charge.launches == 0
    supervisor.start()
    assert charge.launches == 1


def test_a_pause_ends_when_others_need_the_process(supervisor: Supervisor, charge: Charge) -> None:
    charge.program = "exit(3)"
    supervisor.begin()
    wait_for(lambda: charge.launches >= 5)  # the next pause is longer than a test waits
    charge.pause = 0.0
    before = charge.launches
    wait_for(lambda: charge.launches > before + 5)


def test_what_keeps_it_down_is_its_reason_and_is_reported_once_it_lasts(
    supervisor: Supervisor, charge: Charge, reports: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.coordinator.supervisor.LASTING", 0.3)
    charge.refusal, charge.pause = "its file system is gone", 0.0
    supervisor.begin()
    assert supervisor.reason == "its file system is gone"
    assert not supervisor.held
    assert reports == []
    wait_for(lambda: reports == ["sleeper is down: its file system is gone"])
    charge.refusal = None
    wait_for(lambda: supervisor.pid is not None)
    assert len(reports) == 1


def test_let_go_it_runs_on(supervisor: Supervisor) -> None:
    supervisor.begin()
    process = supervisor.release()
    assert process is not None
    assert process.alive
    process.kill()
    process.close()


def test_an_order_that_comes_after_the_end_starts_nothing(
    supervisor: Supervisor, charge: Charge
) -> None:
    """A restart that was under way when all processes were ended would leave one behind."""
    supervisor.begin()
    supervisor.stop(5.0)
    supervisor.release()
    with pytest.raises(OSError, match="ends"):
        supervisor.start()
    assert charge.launches == 1


def test_what_is_let_go_is_not_reaped_at_the_same_time(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends just then would be closed for one who is about to end it."""
    supervisor.begin()
    reaping, closed, let_go = threading.Event(), threading.Event(), threading.Event()

    def reap() -> None:
        with supervisor._lock:
            reaping.set()
            assert not let_go.wait(0.1)
            supervisor._forget()
            closed.set()

    def join(seconds: float) -> None:
        threading.Thread(target=reap, daemon=True).start()
        assert reaping.wait(60)

    child = None if supervisor._process is None else supervisor._process._child
    with monkeypatch.context() as patched:  # the fixture lets go once more
        patched.setattr(supervisor._thread, "join", join)
        found = supervisor.release()
    let_go.set()
    assert found is None
    assert closed.wait(60)
    assert child is not None
    child.kill()
    child.wait()
