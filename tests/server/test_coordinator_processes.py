"""Child processes: started, adopted, ended; none outlives a test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.coordinator.processes import Process, command, environment, stop_all
from server.pidlock import PidLock, holder, holds, shared

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True);"
    "time.sleep(60)",
]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Process]]:
    processes: list[Process] = []
    yield processes
    for process in processes:
        process.kill()
        process.close()


def start(argv: list[str], folder: Path, started: list[Process]) -> Process:
    process = Process.start(argv, folder / "output")
    started.append(process)
    return process


def test_a_child_lives_until_it_is_killed(tmp_path: Path, started: list[Process]) -> None:
    process = start(SLEEPER, tmp_path, started)
    assert process.alive
    assert process.status is None
    assert process.kill()
    assert not process.alive
    assert process.status == -signal.SIGKILL


def test_the_exit_status_and_the_output_are_kept(tmp_path: Path, started: list[Process]) -> None:
    process = start([sys.executable, "-c", "print('gone'); exit(4)"], tmp_path, started)
    assert process.wait(60)
    assert process.status == 4
    assert (tmp_path / "output").read_text() == "gone\n"


def test_waiting_ends_at_its_deadline(tmp_path: Path, started: list[Process]) -> None:
    process = start(SLEEPER, tmp_path, started)
    before = time.monotonic()
    assert not process.wait(0.05)
    assert time.monotonic() - before < 5


def test_a_process_of_somebody_else_can_be_adopted(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEPER) as stranger:
        adopted = Process.adopt(stranger.pid)
        assert adopted is not None
        assert adopted.alive
        adopted.terminate()
        assert adopted.wait(60)
        assert adopted.status is None
        adopted.close()
    assert Process.adopt(stranger.pid) is None


def test_a_stopped_process_can_still_be_ended(tmp_path: Path, started: list[Process]) -> None:
    process = start(SLEEPER, tmp_path, started)
    process.signal(signal.SIGSTOP)
    process.terminate()
    assert process.wait(60)


def test_who_does_not_listen_is_killed(tmp_path: Path, started: list[Process]) -> None:
    kind, deaf = start(SLEEPER, tmp_path, started), start(DEAF, tmp_path, started)
    deadline = time.monotonic() + 10
    while "deaf" not in (tmp_path / "output").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert stop_all([kind, deaf], 0.3) == [deaf.pid]
    assert not kind.alive
    assert not deaf.alive


def test_a_closed_process_counts_as_gone(tmp_path: Path, started: list[Process]) -> None:
    process = start(SLEEPER, tmp_path, started)
    follower = Process.adopt(process.pid)
    assert follower is not None
    follower.close()
    follower.close()
    assert not follower.alive
    assert process.alive


def test_a_child_imports_what_we_import() -> None:
    paths = environment()["PYTHONPATH"].split(":")
    assert str(Path(__file__).parents[2]) in paths
    assert all(Path(path).is_absolute() for path in paths)
    assert command("nameserver", "--port", "1")[1:] == ["-P", "-m", "nameserver", "--port", "1"]


def test_a_lock_tells_its_holder_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert holder(path) is None
    lock = PidLock.take(path)
    assert lock is not None
    assert holder(path) == os.getpid(), "also while it is not signed"
    assert PidLock.take(path) is None
    lock.close()
    assert holder(path) is None


def test_whoever_signed_before_is_not_taken_for_the_holder(
    tmp_path: Path, started: list[Process]
) -> None:
    path = tmp_path / "lock"
    former = start(SLEEPER, tmp_path, started)
    path.write_text(f"{former.pid}\n")
    assert holder(path) is None, "signed, and alive, but nobody holds it"
    lock = PidLock.take(path)
    assert lock is not None
    assert holder(path) == os.getpid()
    assert not holds(former.pid, path)
    lock.close()


def test_whoever_only_reads_a_folder_is_not_taken_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with shared(path) as free:
        assert free
        assert holder(path) is None


def test_looking_keeps_no_owner_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            holder(path)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(300):
            lock = PidLock.take(path)
            assert lock is not None
            lock.close()
    finally:
        stop.set()
        looking.join()


def test_a_lock_is_found_with_the_child_of_one_that_died_before_signing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    taker = (
        "import os, pathlib, subprocess, sys\n"
        "from server.pidlock import PidLock\n"
        f"lock = PidLock.take(pathlib.Path({str(path)!r}))\n"
        f"child = subprocess.Popen({SLEEPER!r}, pass_fds=[lock.descriptor], "
        "stdout=subprocess.DEVNULL)\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", taker], stdout=subprocess.PIPE, env=environment(), check=False
    )
    child = Process.adopt(int(done.stdout))
    assert child is not None
    try:
        assert path.read_bytes() == b""
        assert holder(path) == child.pid
    finally:
        child.kill()
        child.close()
    assert holder(path) is None


def test_a_child_that_inherits_a_lock_holds_it(tmp_path: Path, started: list[Process]) -> None:
    path = tmp_path / "lock"
    lock = PidLock.take(path)
    assert lock is not None
    process = Process.start(SLEEPER, tmp_path / "output", keep=[lock.descriptor])
    started.append(process)
    lock.sign(process.pid)
    lock.close()
    assert holder(path) == process.pid
    process.kill()
    assert holder(path) is None
