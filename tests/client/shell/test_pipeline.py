"""Commands of a pipe that are open at the same time: order, errors, Ctrl-C, EXIT."""

from __future__ import annotations

import io
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Barrier, Event, Lock

import pytest

from client.__main__ import main
from client.shell.calls import AT_ONCE
from kvrmi.access.store import Store
from kvrmi.cli import INTERRUPTED
from kvrmi.errors import NoQuorum, UnknownOutcome
from tests.client.conftest import Run
from tests.client.fake import Cluster

Captured = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch
DEADLINE = 90.0


def pipe(monkeypatch: Patch, *lines: str) -> None:
    text = "".join(f"{line}\n" for line in lines)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8"))


def before_each_call(monkeypatch: Patch, act: Callable[[str, object], object]) -> None:
    """Have `act` called with each operation and its first argument; what it raises is raised."""
    call = Store.call

    def after(store: Store, name: str, *args: object) -> dict[str, object]:
        act(name, args[0] if args else None)
        return call(store, name, *args)

    monkeypatch.setattr("kvrmi.access.store.Store.call", after)


def puts(count: int) -> list[str]:
    return [f"PUT {number} v" for number in range(count)]


def test_several_are_open_and_the_first_is_alone(
    cluster: Cluster, run: Run, capsys: Captured, monkeypatch: Patch
) -> None:
    others = Barrier(AT_ONCE)
    before_each_call(monkeypatch, lambda name, key: key == "0" or others.wait(DEADLINE))
    pipe(monkeypatch, *puts(1 + 2 * AT_ONCE))
    assert run("--at-once", str(AT_ONCE)) == 0
    assert capsys.readouterr().out.startswith("OK revision 1\n")
    assert len(cluster.contents.rows) == 1 + 2 * AT_ONCE


def test_with_one_at_once_each_waits_for_the_one_before(
    cluster: Cluster, run: Run, capsys: Captured, monkeypatch: Patch
) -> None:
    asking = Lock()

    def alone(name: str, key: object) -> None:
        assert asking.acquire(blocking=False)
        time.sleep(0.002)  # long enough for another to be met
        asking.release()

    before_each_call(monkeypatch, alone)
    pipe(monkeypatch, *puts(20))
    assert run() == 0
    assert capsys.readouterr().out == "".join(f"OK revision {n}\n" for n in range(1, 21))


def test_results_are_shown_in_the_order_of_the_lines(
    cluster: Cluster, run: Run, capsys: Captured, monkeypatch: Patch
) -> None:
    last = Event()

    def late(name: str, key: object) -> None:
        if key == "a":
            last.wait(DEADLINE)
        elif key == "c":
            last.set()

    cluster.contents.rows |= {key: f"of {key}" for key in "abc0"}
    before_each_call(monkeypatch, late)
    pipe(monkeypatch, "GET 0", "GET a", "GET b", "GET z", "GET c")
    assert run("--at-once", str(AT_ONCE)) == 1
    assert capsys.readouterr().out == "of 0\nof a\nof b\nof c\n"


@pytest.mark.parametrize("seed", range(4))
def test_it_is_as_if_one_ran_after_the_other(
    cluster: Cluster, run: Run, capsys: Captured, monkeypatch: Patch, seed: int
) -> None:
    """All but revisions: what a command reads is what those before it wrote."""
    rng = random.Random(seed)
    pipe(monkeypatch, *(lines := script(rng, 150)))
    one_by_one = run(), shown(capsys), dict(cluster.contents.rows)
    cluster.contents.rows.clear()
    delays = random.Random(seed)
    before_each_call(monkeypatch, lambda *_: time.sleep(delays.choice((0, 0, 0.003))))
    pipe(monkeypatch, *lines)
    assert (
        run("--at-once", str(AT_ONCE)),
        shown(capsys),
        dict(cluster.contents.rows),
    ) == one_by_one


def script(rng: random.Random, length: int) -> list[str]:
    def key() -> str:
        return rng.choice("abcdefgh")

    makers: list[Callable[[], str]] = [
        lambda: f"PUT {key()} {rng.randrange(100)}",
        lambda: f"PUT {key()} {rng.randrange(100)}",
        lambda: f"GET {key()}",
        lambda: f"DELETE {key()}",
        lambda: f"CAS {key()} --absent {rng.randrange(100)}",
        lambda: f"MPUT {key()} 1 {key()} 2",
        lambda: f"MGET {key()} {key()}",
        lambda: f"CONTAINS {key()} {key()}",
        lambda: f"DELETE {key()} {key()}",
        lambda: "SCAN",
        lambda: "SIZE",
        lambda: "BAD",
    ]
    return [rng.choice(makers)() for _ in range(length)]


def shown(capsys: Captured) -> tuple[str, str]:
    out, err = capsys.readouterr()
    return re.sub(r"revision \d+", "revision N", out), err


def test_after_a_failure_the_next_waits_until_one_is_carried_out_again(
    cluster: Cluster, run: Run, capsys: Captured, monkeypatch: Patch
) -> None:
    asked: list[object] = []
    others = Barrier(AT_ONCE)

    def fail(name: str, key: object) -> None:
        asked.append(key)
        if key in ("0", "1", "2"):
            time.sleep(0.05)  # long enough for others to be begun
            assert len(asked) == int(str(key)) + 1, "nothing else is open"
            raise NoQuorum("no majority")
        if key != "3":
            others.wait(DEADLINE)

    before_each_call(monkeypatch, fail)
    pipe(monkeypatch, *puts(4 + AT_ONCE))
    assert run("--at-once", str(AT_ONCE)) == 3
    out, err = capsys.readouterr()
    assert out.count("OK revision") == 1 + AT_ONCE
    assert [line[:25] for line in err.splitlines()] == [
        f"NO_QUORUM: line {n}: no maj" for n in (1, 2, 3)
    ]


def test_an_unknown_outcome_among_others_is_named_by_its_line(
    cluster: Cluster, run: Run, capsys: Captured, monkeypatch: Patch
) -> None:
    def doubt(name: str, key: object) -> None:
        if (name, key) == ("put", "2"):
            raise UnknownOutcome("no answer; it may or may not take effect")

    before_each_call(monkeypatch, doubt)
    pipe(monkeypatch, *puts(6), "GET 2")
    assert run("--at-once", str(AT_ONCE)) == 4
    out, err = capsys.readouterr()
    assert out.count("OK revision") == 5
    assert err == (
        "UNKNOWN_OUTCOME: line 3: no answer; it may or may not take effect; GET 2 shows whether "
        "it does\nnot found: 2\n"
    )


def test_nothing_after_exit_is_begun(
    cluster: Cluster, run: Run, capsys: Captured, monkeypatch: Patch
) -> None:
    before_each_call(monkeypatch, lambda name, key: time.sleep(0.01))
    pipe(monkeypatch, *puts(5), "EXIT", "PUT never v")
    assert run("--at-once", str(AT_ONCE)) == 0
    assert capsys.readouterr().out.count("OK revision") == 5
    assert "never" not in cluster.contents.rows


def test_what_is_no_plain_operation_runs_alone(
    cluster: Cluster, run: Run, capsys: Captured, monkeypatch: Patch
) -> None:
    before_each_call(monkeypatch, lambda name, key: time.sleep(0.01 if name == "put" else 0))
    pipe(monkeypatch, *puts(5), "SIZE", *puts(9), "KEYS", "DELETE --prefix 1 --yes", "SIZE")
    assert run("--at-once", str(AT_ONCE)) == 0
    out = [line for line in capsys.readouterr().out.splitlines() if "revision" not in line]
    assert out == ["5", *map(str, range(9)), "OK 1 of 1 keys were deleted", "8"]


def test_after_ctrl_c_it_is_known_what_became_of_all_that_was_open(
    cluster: Cluster, run: Run, capsys: Captured, monkeypatch: Patch
) -> None:
    monkeypatch.setattr("client.shell.calls._GRACE", 0.5)
    never = Event()

    asked: list[object] = []

    def hang(name: str, key: object) -> None:
        asked.append(key)
        if key == "2":
            _until(lambda: len(asked) > AT_ONCE // 2)
            os.kill(os.getpid(), signal.SIGINT)
        if key in ("2", "4"):
            never.wait()
        elif "2" in asked:
            time.sleep(0.1)

    before_each_call(monkeypatch, hang)
    pipe(monkeypatch, *puts(2 * AT_ONCE))
    status = run("--at-once", str(AT_ONCE))
    never.set()
    assert status == INTERRUPTED
    out, err = capsys.readouterr()
    lines = err.splitlines()
    doubts = [line for line in lines if "nothing was sent" in line]
    assert [line.split(":")[1] for line in doubts] == [" line 3", " line 5"]
    last = re.fullmatch(r"INTERRUPTED: what follows line (\d+) was not begun", lines[-1])
    assert last, err
    assert len(doubts) + out.count("OK revision") == int(last[1]), "each has its line"
    assert len(lines) == len(doubts) + 1


def test_ctrl_c_while_nothing_is_open_ends_it_as_ever(
    run: Run, capsys: Captured, monkeypatch: Patch
) -> None:
    class Interrupted:
        def isatty(self) -> bool:
            return False

        def __iter__(self) -> Iterator[str]:
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Interrupted())
    assert run("--at-once", str(AT_ONCE)) == INTERRUPTED
    assert capsys.readouterr() == ("", "")


def test_a_fail_over_of_many_at_once_is_one_line(
    cluster: Cluster, capsys: Captured, monkeypatch: Patch, tmp_path: Path
) -> None:
    def kill(name: str, key: object) -> None:
        if key == "20":
            cluster.nodes[0].kill()

    before_each_call(monkeypatch, kill)
    pipe(monkeypatch, *puts(60))
    assert main(["--config", str(cluster.write_file(tmp_path / "f" / "cluster.toml"))]) == 0
    out, err = capsys.readouterr()
    assert out.count("OK revision") == 60
    assert len(cluster.contents.applied) == 60
    one_line = r"replica 1 does not answer \(.*\); replica 2 answers now and .*\n"
    assert re.fullmatch(one_line, err), err


def test_an_answer_is_shown_before_the_next_line_is_there(cluster: Cluster) -> None:
    """As for a program that writes a command and reads its answer."""
    name, _, address = cluster.addresses[0].partition("@")
    argv = [sys.executable, "-m", "client", "--object", name, "--address", address]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as client:
        assert client.stdin
        assert client.stdout
        for number in range(1, 4):
            client.stdin.write("PUT k v\n")
            assert client.stdout.readline() == f"OK revision {number}\n"
        client.stdin.write("PUT a 1\nPUT b 2\r\nGET ")
        client.stdin.flush()
        assert {client.stdout.readline(), client.stdout.readline()} == {
            "OK revision 4\n",
            "OK revision 5\n",
        }
        client.stdin.write("b")
        client.stdin.close()
        assert client.stdout.read() == "2\n"
    assert client.returncode == 0


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)
