"""The live view in a pseudo-terminal: a cluster that is failed and healed by its keys."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kvrmi import connect
from kvrmi.errors import KVError
from tests.terminal import Terminal

from .cluster import ROOT, LiveCluster, given_by

pytestmark = pytest.mark.live


@contextmanager
def written(live: LiveCluster) -> Iterator[None]:
    """Somebody writes all the time."""
    ended = threading.Event()

    def write() -> None:
        with connect(config=live.config) as store:
            while not ended.wait(0.05):
                try:
                    store.put("live/view", "v")
                except KVError:
                    continue

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        ended.set()
        writer.join()


def live_view(config: Path) -> Terminal:
    return Terminal.python("-m", "client", "--config", str(config), "live")


def test_the_leader_dies_and_comes_back_before_ones_eyes(live: LiveCluster) -> None:
    with written(live), live_view(live.config) as view:
        leader = int(view.see(r"serving: replica (\d) leads")[1])
        view.see(r"^writes/s  [1-9]\d* now")
        view.see(rf"^ {leader} up +P\d+ A\d+ L\d+ +{leader} ")
        view.keys(f"{leader}k")
        view.see(rf"^>{leader} held \(killed on purpose\)")
        down = rf"(?=(.*\n)*?.*replica {leader} is down\n)"  # seen before or after the next leader
        view.see(rf"> KILL {leader}\n{down}(.*\n)*?.*leads, ballot")
        successor = view.see(r"serving: replica (\d) leads")[1]
        view.see(rf"^(?=[ \d]*x)[ \dx]*{successor}[ \dx]*$")  # in either order
        view.keys("t")
        view.see(rf"^>{leader} up ")
        live.settle()
        view.keys("q")
        assert view.end() == 0
        assert view.as_usual


def test_roles_and_links_fail_and_are_healed_by_keys(live: LiveCluster) -> None:
    with live_view(live.config) as view:
        view.see("serving")
        one, two = live.followers()[:2]
        view.keys(f"{one}fa")
        view.see(rf"^>{one} up +P\d+ A- L\d+")
        view.see(rf"replica {one}: acceptor failed")
        view.keys("ra")
        view.see(rf"replica {one}: acceptor is back, incarnation \d")
        view.keys(f"c{two}")
        view.see(rf"cut: {min(one, two)}-{max(one, two)}")
        view.keys("hh")
        view.see(rf"healed: {min(one, two)}-{max(one, two)}")
        view.keys("?")
        view.see("1-9, arrows +choose the replica")
        view.keys("?")
        view.see("^events")
        view.resize(140, 40)
        view.see("errors/s p50ms")
        view.keys("\x03")
        assert view.end() == 0
        assert view.as_usual


def test_what_loses_the_quorum_is_asked_first(live: LiveCluster) -> None:
    one, two, three, *_ = live.followers()
    with live_view(live.config) as view, live.orders() as coordinator:
        view.see("serving")
        coordinator.kill(one)
        coordinator.kill(two)
        try:
            view.see(r"serving: .*3 of 5 up")
            view.keys(f"{three}k")
            view.see(f"killing replica {three} would lose the majority (.|\\n)*Go\\s+on\\? y/N")
            view.keys("n")
            view.see(f"KILL {three}: nothing was done")
            view.keys("q")
            assert view.end() == 0
            assert live.entries()[three] is not None
        finally:
            coordinator.start(one)
            coordinator.start(two)


def test_elsewhere_it_is_one_picture_or_json(live: LiveCluster) -> None:
    shown, found = given_by(lambda: seen_elsewhere(live), "a cluster that serves in both")
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert [row["id"] for row in found[0]["replicas"]] == [1, 2, 3, 4, 5]
    assert found[1]["time"] - found[0]["time"] > 0.5
    assert found[1]["replicas"][0]["memory_bytes"] > 1 << 20


def seen_elsewhere(live: LiveCluster) -> tuple[str, list[Any]] | None:
    """Take one picture and two lines; None where somebody was too busy to answer just then."""
    command = [sys.executable, "-m", "client", "--config", str(live.config)]
    picture = subprocess.Popen([*command, "live"], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    lines = subprocess.Popen(
        [*command, "--json", "live", "--count", "2"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    shown, _ = picture.communicate(timeout=60)
    found = [json.loads(line) for line in lines.communicate(timeout=60)[0].splitlines()]
    if picture.returncode or lines.returncode:
        return None
    serves = {one["health"] for one in found} == {"serving"} and len(found) == 2
    serves = serves and all(row["memory_bytes"] for row in found[1]["replicas"])
    return (shown, found) if serves and "serving: replica" in shown.splitlines()[0] else None


def test_a_cluster_that_is_not_there_is_waited_for(live: LiveCluster, tmp_path: Path) -> None:
    config = tmp_path / "cluster.toml"
    with live_view(config) as view:
        view.see(r"cannot\s+be\s+read:\s+No\s+such\s+file")
        (tmp_path / "secret").symlink_to(live.data / "secret")
        config.symlink_to(live.config)
        view.see(r"serving: replica \d leads")
        view.child.kill(signal.SIGTERM)
        assert view.end() == 128 + signal.SIGTERM
        assert view.as_usual


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(tmp_path: Path) -> None:
    with Terminal("bash", "--norc", "-i", environment={"PS1": "shell: "}) as shell:
        shell.see("^shell:$")
        config = tmp_path / "none.toml"
        shell.keys(f"{sys.executable} -m client --config {config} live\r")
        shell.see("no cluster is found")
        assert not shell.cursor_is_seen
        shell.keys("\x1a")
        shell.see("Stopped")
        assert shell.cursor_is_seen
        shell.keys("echo $((6 * 7))\r")
        shell.see("^42$")
        shell.keys("fg\r")
        shell.see_no_more("^42$")
        assert not shell.cursor_is_seen
        shell.keys("q")
        shell.see("^shell:$")
        shell.keys("echo status $?\r")
        shell.see("^status 0$")
        shell.keys("exit\r")
        assert shell.end() == 0


def test_a_terminal_that_is_closed_ends_it(tmp_path: Path) -> None:
    with live_view(tmp_path / "none.toml") as view:
        view.see("no cluster is found")
        assert view.hang_up() != 0
