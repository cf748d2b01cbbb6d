"""One thread that waits for everything: descriptors, jobs of other threads, timers."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from kvrmi.remote.reactor import NEVER, Reactor

from .rig import until


@contextlib.contextmanager
def turning(reactor: Reactor) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=reactor.run, name="reactor")
    thread.start()
    try:
        yield thread
    finally:
        reactor.stop()
        thread.join(60)
        assert not thread.is_alive()


def test_jobs_of_any_thread_run_in_its_own() -> None:
    reactor, done = Reactor(), threading.Event()
    where: list[str] = []

    def job() -> None:
        where.append(threading.current_thread().name)
        if len(where) < 3:
            reactor.soon(job)
        else:
            done.set()

    with turning(reactor):
        reactor.soon(job)
        assert done.wait(60)
    assert where == ["reactor"] * 3


def test_jobs_that_come_of_jobs_for_ever_leave_the_others_their_turn() -> None:
    """As those of clients that pipeline: descriptors are read and timers act all the same."""
    reactor, seen = Reactor(), threading.Event()
    ours, theirs = socket.socketpair()
    acted: list[float] = []

    def again() -> None:
        reactor.soon(again)

    reactor.watch(ours.fileno(), lambda _: seen.set())
    reactor.add_timer(lambda: NEVER if acted else 0.0, lambda: acted.append(monotonic()))
    with turning(reactor):
        reactor.soon(again)
        theirs.send(b"x")
        assert seen.wait(60)
        until(lambda: acted)
    ours.close()
    theirs.close()


def test_what_is_ready_together_is_finished_together() -> None:
    rounds: list[list[str]] = [[]]
    reactor = Reactor(lambda: rounds.append([]))
    ends = [socket.socketpair() for _ in range(3)]
    for number, (ours, theirs) in enumerate(ends):
        theirs.send(b"x")

        def read(_: int, ours: socket.socket = ours, number: int = number) -> None:
            ours.recv(1)
            rounds[-1].append(str(number))

        reactor.watch(ours.fileno(), read)
    with turning(reactor):
        until(lambda: len(rounds) > 1)
    assert sorted(rounds[0]) == ["0", "1", "2"]
    for one in (*ends[0], *ends[1], *ends[2]):
        one.close()


def test_it_sleeps_until_a_timer_is_due_and_no_longer() -> None:
    reactor = Reactor()
    due, acted = NEVER, threading.Event()
    looks = 0

    def left() -> float:
        nonlocal looks
        looks += 1
        return due - monotonic()

    def act() -> None:
        nonlocal due
        due = NEVER
        acted.set()

    reactor.add_timer(left, act)
    with turning(reactor):
        until(lambda: looks)
        before = looks
        assert not acted.wait(0.2)
        assert looks <= before + 2  # it slept
        begun = monotonic()
        due = begun + 0.1
        reactor.hurry(0.1)
        assert acted.wait(60)
        assert monotonic() - begun >= 0.1


def test_work_that_comes_just_before_it_sleeps_is_done() -> None:
    reactor, done = Reactor(), threading.Event()
    comes = iter([True])

    def left() -> float:
        if next(comes, False):
            other = threading.Thread(target=reactor.soon, args=(done.set,))
            other.start()
            other.join()
        return NEVER

    reactor.add_timer(left, lambda: None)
    with turning(reactor):
        assert done.wait(60)


def test_nobody_who_hurries_it_is_missed() -> None:
    """Whenever it comes, also just before it sleeps."""
    reactor, count = Reactor(), 0
    with turning(reactor):
        for number in range(2000):

            def job() -> None:
                nonlocal count
                count += 1

            reactor.soon(job)
            if number % 50 == 0:
                until(lambda: count == number + 1)  # noqa: B023
        until(lambda: count == 2000)


def test_a_descriptor_that_is_forgotten_is_not_read() -> None:
    reactor = Reactor()
    reads, writes = os.pipe()
    seen: list[int] = []
    reactor.watch(reads, seen.append)
    reactor.forget(reads)
    reactor.forget(reads)
    os.write(writes, b"x")
    passed = threading.Event()
    with turning(reactor):
        reactor.soon(passed.set)
        assert passed.wait(60)
    assert seen == []
    os.close(reads)
    os.close(writes)


def test_who_rouses_one_that_has_ended_writes_into_no_other_file(tmp_path: Path) -> None:
    """Its number may be another's by then: a log's, or a disk's."""
    reactor = Reactor()
    with turning(reactor):
        pass
    files = [(tmp_path / str(number)).open("wb") for number in range(8)]  # they take free numbers
    reactor._asleep_until = NEVER  # who rouses it looked just before it woke up and ended
    reactor.soon(lambda: None)
    for file in files:
        file.close()
    assert {path.stat().st_size for path in tmp_path.iterdir()} == {0}


def test_what_was_ready_before_it_was_stopped_is_dealt_with() -> None:
    """A replica cuts its clients and stops it at once: else their sockets would never be closed."""
    reactor = Reactor()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ended: list[int] = []
        reactor.soon(lambda: reactor.watch(ours.fileno(), ended.append))
        ours.shutdown(socket.SHUT_RDWR)
        reactor.stop()
        reactor.run()
        assert ended


def test_descriptors_are_free_once_nobody_has_it() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        reactor = Reactor()
        with turning(reactor):
            pass
    del reactor
    until(lambda: len(os.listdir("/proc/self/fd")) <= before)
