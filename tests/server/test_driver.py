"""Flat combining: one drives for all, and nobody waits past its deadline."""

from __future__ import annotations

import threading
import time

from server.driver import Driver

from .stubs import until


class Slip:
    """A submission."""

    def __init__(self) -> None:
        self.answer: object | None = None


class Network:
    """Answers submissions from `collect` when told to; a poke ends the wait."""

    def __init__(self) -> None:
        self.woken = threading.Event()
        self.collecting = threading.Event()
        self.together = 0
        self.most = 0
        self.answers: list[Slip] = []

    def collect(self, timeout: float) -> None:
        self.together += 1
        self.most = max(self.most, self.together)
        self.collecting.set()
        self.woken.wait(timeout)
        self.woken.clear()
        for slip in self.answers:
            slip.answer = "done"
        self.together -= 1

    def driver(self) -> Driver:
        driver = Driver(self.collect, self.woken.set, lambda: driver.settled(), time.monotonic)
        return driver


def test_who_waits_drives_and_sees_its_answer() -> None:
    network, slip = Network(), Slip()
    network.answers = [slip]
    assert network.driver().wait(slip, time.monotonic() + 5)
    assert slip.answer == "done"


def test_one_drives_for_all() -> None:
    network = Network()
    driver = network.driver()
    slips = [Slip() for _ in range(8)]
    threads = [
        threading.Thread(target=driver.wait, args=(slip, time.monotonic() + 5)) for slip in slips
    ]
    for thread in threads:
        thread.start()
    assert network.collecting.wait(5)
    network.answers = slips
    network.woken.set()
    for thread in threads:
        thread.join(5)
    assert all(slip.answer for slip in slips)
    assert network.most == 1


def test_who_is_settled_does_not_wait_for_the_next_driver() -> None:
    network = Network()
    driver = network.driver()
    late, early = Slip(), Slip()
    driving = threading.Thread(target=driver.wait, args=(late, time.monotonic() + 5))
    driving.start()
    assert network.collecting.wait(5)
    waiting = threading.Thread(target=driver.wait, args=(early, time.monotonic() + 5))
    waiting.start()
    network.answers = [early]
    waiting.join(2)
    assert not waiting.is_alive()
    assert driving.is_alive()
    network.answers = [late]
    driving.join(5)


def test_the_place_passes_from_one_who_gives_up_to_one_who_waits() -> None:
    network = Network()
    driver = network.driver()
    first = threading.Thread(target=driver.wait, args=(Slip(), time.monotonic() + 0.1))
    first.start()
    assert network.collecting.wait(5)
    slip = Slip()
    second = threading.Thread(target=driver.wait, args=(slip, time.monotonic() + 5))
    second.start()
    first.join(5)
    network.answers = [slip]
    second.join(5)
    assert slip.answer == "done"
    assert network.most == 1


def test_nobody_waits_past_its_deadline() -> None:
    network = Network()
    driver = network.driver()
    until_when = time.monotonic() + 0.1
    long = threading.Thread(target=driver.wait, args=(Slip(), time.monotonic() + 1))
    long.start()
    assert network.collecting.wait(5)
    assert not driver.wait(Slip(), until_when)
    assert time.monotonic() < until_when + 0.5
    long.join(5)


def test_an_answer_that_another_thread_brought_ends_the_drivers_wait() -> None:
    network, slip = Network(), Slip()
    driver = network.driver()
    waiting = threading.Thread(target=driver.wait, args=(slip, time.monotonic() + 5))
    waiting.start()
    assert network.collecting.wait(5)
    slip.answer = "done elsewhere"
    driver.settled()
    waiting.join(5)
    assert not waiting.is_alive()


def test_our_own_thread_drives_while_nobody_waits_and_makes_way() -> None:
    network, slip = Network(), Slip()
    driver = network.driver()
    own = threading.Thread(target=driver.run_idle)
    own.start()
    until(network.collecting.is_set)
    network.answers = [slip]
    assert driver.wait(slip, time.monotonic() + 5)
    assert network.most == 1
    driver.stop()
    own.join(5)
    assert not own.is_alive()
