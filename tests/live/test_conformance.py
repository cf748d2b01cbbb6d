"""Every engine keeps what the remote interface promises: one suite, and nothing in it names one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import Pyro5.api
import pytest
import redis

import kvrmi
from client.backup import export, import_
from client.options import parse
from client.workload import Settings, Workload
from kvrmi.checker.history import OK
from kvrmi.cluster import naming
from kvrmi.dump import Page, Reader, save
from kvrmi.operations.interface import WINDOW, Value
from server.engines.kinds import ENGINES

from .cluster import ROOT, TIMEOUT, LiveCluster, wait_for

pytestmark = pytest.mark.live

HOST = "127.0.0.1"
CLIENTS = 8
COUNTS = 6
NOTHING_DONE = ("NO_QUORUM: ", "UNAVAILABLE: ", "ABORTED: ")


@pytest.fixture(scope="module", params=sorted(ENGINES))
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveCluster]:
    """A cluster of each engine, the shared one where that is of it."""
    if request.param == "etcd":
        pytest.importorskip("etcd3gw")
        if shutil.which("etcd") is None:
            pytest.skip("no etcd on this machine: apt-get install etcd-server")
    if request.param == "paxos":
        yield request.getfixturevalue("shared")
        return
    data = tmp_path_factory.mktemp("engine") / "data"
    cluster = LiveCluster(data, "--engine", request.param, "--ephemeral", "--gateways")
    try:
        cluster.start()
        assert f"engine={request.param}" in cluster.ready_line
        yield cluster
    finally:
        left = cluster.sweep()
    assert left == [], "the coordinator left processes behind"


@pytest.fixture
def live(cluster: LiveCluster) -> LiveCluster:
    """That cluster, once it serves again."""
    wait_for(lambda: client(cluster, "HEALTH").returncode == 0, "it serves")
    return cluster


@pytest.fixture
def plain(live: LiveCluster) -> Iterator[Any]:
    """A stock Pyro5 client of any of its replicas."""
    with plain_client(live) as store:
        yield Patient(store)


class Patient:
    """Asks again as long as an answer allows it: a busy machine may lose a leader at any time."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(self._ask, name)

    def _ask(self, name: str, *arguments: Any) -> Any:
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                return getattr(self._store, name)(*arguments)
            except (RuntimeError, TimeoutError) as error:
                if time.monotonic() > deadline or not str(error).startswith(NOTHING_DONE):
                    raise


def plain_client(live: LiveCluster) -> Any:
    member = live.cluster.members[-1]
    where = f"PYRO:{naming.kvstore(member.id)}@{member.host}:{member.client}"
    return Pyro5.api.Proxy(where)


def client(
    live: LiveCluster, *words: str, typed: str = "", seconds: float = 2 * TIMEOUT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "client", "--config", str(live.config), *words],
        capture_output=True,
        input=typed,
        text=True,
        cwd=ROOT,
        timeout=seconds,
        check=False,
    )


def test_every_operation_answers_as_documented(plain: Any) -> None:
    key = "conformance/one"
    before = plain.size()
    revision = plain.put(key, "text")
    assert plain.get(key) == "text"
    assert plain.put(key, b"\x00\xff") > revision
    assert plain.get(key) == b"\x00\xff"
    assert plain.contains(key)
    assert plain.size() == before + 1
    assert plain.cas(key, "text", "no") is False
    assert plain.cas(key, b"\x00\xff", "yes") is True
    assert plain.get(key, "local") in ("yes", b"\x00\xff", "text", None)
    assert plain.get_many([key, "conformance/none"]) == ["yes", None]
    plain.put_many([["conformance/b", "2"], ["conformance/a", "1"], ["conformance/a", "3"]])
    assert plain.scan("conformance/") == [
        ["conformance/a", "3"],
        ["conformance/b", "2"],
        [key, "yes"],
    ]
    assert plain.scan("conformance/", "conformance/a", 1) == [["conformance/b", "2"]]
    found = plain.call("get", [key])
    assert (found["value"], found["stale"]) == ("yes", False)
    assert plain.delete(key) is True
    assert plain.delete(key) is False
    assert plain.get(key) is None
    assert plain.get("conformance/a") == "3"
    status = plain.status()
    assert (status["state"], status["engine"] in ENGINES) == ("up", True)


def test_many_pairs_are_one_step(plain: Any) -> None:
    """More than etcd takes as the steps of one transaction, if nobody asks for more."""
    keys = [f"conformance/many/{number}" for number in range(200)]
    plain.put_many([[key, "v"] for key in keys])
    assert plain.get_many(keys) == ["v"] * len(keys)


def test_a_store_moves_here_whatever_engine_it_was_on(live: LiveCluster, tmp_path: Path) -> None:
    """The file of an EXPORT is imported whole, and an EXPORT here has it with the same digest."""
    pairs: list[tuple[str, Value]] = [(f"move/{number:03}", str(number)) for number in range(300)]
    pairs += [("move/bytes", bytes(range(256))), ("move/empty", ""), ("move/ünï\0", "\n")]
    wanted = save(tmp_path / "from", "another", iter([Page(7, sorted(pairs))]))
    with kvrmi.connect(config=live.config, timeout=TIMEOUT) as store:
        assert import_(store, tmp_path / "from").summary.digest == wanted.digest
        export(store, tmp_path / "to")
        with (tmp_path / "to").open("rb") as file:
            there = [pair for pair in Reader(file) if pair[0].startswith("move/")]
    assert save(tmp_path / "again", "here", iter([Page(7, there)])).digest == wanted.digest


def test_gateways_speak_for_any_engine(live: LiveCluster) -> None:
    """redis-py, a pipeline and typed lines over TCP; a datagram that comes again, over UDP."""
    tcp, udp = live.cluster.gateways_of(1)
    with redis.Redis(port=tcp, socket_timeout=TIMEOUT) as one:
        assert one.set("gateway/a", "1")
        assert one.incr("gateway/a") == 2
        assert one.setnx("gateway/a", "x") == 0
        assert one.mget("gateway/a", "gateway/none") == [b"2", None]
        pipe = one.pipeline(transaction=False)
        for number in range(300):
            pipe.set(f"gateway/{number % 3}", number)
        assert pipe.get("gateway/0").execute()[-1] == b"297"
    with socket.create_connection((HOST, tcp), timeout=TIMEOUT) as one:
        one.sendall(b'PUT gateway/b "light blue"\r\nGET gateway/b\r\nQUIT\r\n')
        assert b"".join(iter(lambda: one.recv(4096), b"")) == b"+OK\r\n$10\r\nlight blue\r\n+OK\r\n"
    name = f"udp{os.urandom(5).hex()}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two:
        two.settimeout(TIMEOUT)
        for _ in range(2):
            two.sendto(f"{name} 1 SETNX gateway/{name} 1".encode(), (HOST, udp))
            assert two.recv(1 << 16) == f"{name} 1 :1\r\n".encode()


def test_what_is_wrong_is_refused_and_changes_nothing(plain: Any) -> None:
    digest = plain.scan("")
    refused: list[Callable[[], object]] = [
        lambda: plain.put("", "v"),
        lambda: plain.put("k", None),
        lambda: plain.put("k" * 1025, "v"),
        lambda: plain.put_many([["k", "v"], ["", "v"]]),
        lambda: plain.call("fly", []),
        lambda: plain.put("k", "v", ["c", 0]),
    ]
    for wrong in refused:
        with pytest.raises((ValueError, TypeError), match="INVALID"):
            wrong()
    assert plain.scan("") == digest


def test_a_repeated_request_takes_effect_once(live: LiveCluster, plain: Any) -> None:
    name = os.urandom(8).hex()
    first = plain.put("conformance/once", "1", [name, 1])
    assert plain.cas("conformance/once", "1", "2", [name, 2]) is True
    assert plain.cas("conformance/once", "1", "2", [name, 2]) is True, "the first answer again"
    assert plain.put("conformance/once", "1", [name, 1]) == first
    assert plain.get("conformance/once") == "2"
    with pytest.raises(ValueError, match="INVALID"):
        plain.put("conformance/once", "another", [name, 2])
    with plain_client(live) as another:
        assert Patient(another).delete("conformance/once", [name, 3]) is True
    assert plain.delete("conformance/once", [name, 3]) is True
    for sequence in range(4, WINDOW + 2):
        plain.put("conformance/once", "later", [name, sequence])
    assert plain.cas("conformance/once", "1", "2", [name, 2]) is True, "still in the window"
    for sequence in range(WINDOW + 2, WINDOW + 6):
        plain.put("conformance/once", "later", [name, sequence])
    for id in ([name, 1], [os.urandom(8).hex(), 7]):
        with pytest.raises(TimeoutError, match="UNKNOWN_OUTCOME: session expired"):
            plain.put("conformance/once", "1", id)


def test_what_became_of_a_write_is_known_and_can_be_settled(live: LiveCluster, plain: Any) -> None:
    """An unknown outcome names OUTCOME, so every engine has it."""
    name, key = os.urandom(8).hex(), "conformance/outcome"
    revision = plain.put(key, "1", [name, 1])
    plain.cas(key, "no", "2", [name, 2])
    assert plain.outcome(name, 1) == ["applied", revision, revision]
    assert (plain.outcome(name, 2)[0], plain.outcome(name, 2)[2]) == ("applied", False)
    assert plain.outcome(name, 3)[0] == "open"
    assert plain.outcome(os.urandom(8).hex(), 3)[0] == "forgotten"
    settle(live, name, 1, "applied at", 0)
    settle(live, name, 3, "never will be", 1)
    with pytest.raises(ValueError, match="INVALID"):
        plain.put(key, "late", [name, 3])
    assert plain.outcome(name, 3)[0] == "never"
    assert plain.get(key) == "1"


def settle(live: LiveCluster, name: str, sequence: int, word: str, status: int) -> None:
    """Settle a request, again while nobody leads: it stays what it became."""

    def settled() -> bool:
        done = client(live, "OUTCOME", name, str(sequence), "--settle")
        return done.returncode == status and word in done.stdout + done.stderr

    wait_for(settled, f"request {sequence} is settled: {word}")


def test_clients_exclude_each_other(live: LiveCluster) -> None:
    """Each adds one, by compare and swap; none is lost and none counted twice."""
    with kvrmi.connect(config=live.config) as store:
        store["conformance/counter"] = "0"
        in_threads(CLIENTS, lambda number: count(live, COUNTS))
        assert store["conformance/counter"] == str(CLIENTS * COUNTS)


def count(live: LiveCluster, times: int) -> None:
    with kvrmi.connect(config=live.config) as store:
        while times:
            now = store["conformance/counter"]
            times -= store.cas("conformance/counter", now, str(int(now) + 1))


def in_threads(many: int, work: Callable[[int], None]) -> None:
    failed: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * TIMEOUT)
    assert failed == []


def test_what_an_engine_lacks_is_unsupported(live: LiveCluster) -> None:
    """Whatever it is: the line names engine and order, and nothing was done."""
    kind = ENGINES[live.cluster.engine]
    roles = {role for each in ENGINES.values() for role in each.declared.daemons}
    lacking = sorted(roles - {*kind.declared.daemons})
    orders = [f"{order} 1 {role}" for role in lacking for order in ("FAIL", "RESTART")]
    orders += ["CUT 1 2", "HEAL", "HEAL 1 2", "fixLink(1,2)", "RESTORE 1", "LINKS"] * (
        not kind.declared.requests
    )
    orders += _OF_THE_PAST * (not knows_the_past(live))
    orders += ["TRANSFER 1"] * (not kind.declared.serving.leader)
    orders += ["VETO 1"] * (kind.declared.serving.among is None)
    done = client(live, typed="\n".join(orders))
    lines = done.stderr.splitlines()
    assert len(lines) == len(orders), done.stdout + done.stderr
    for line in lines:
        assert line.startswith("UNSUPPORTED: ")
        assert f": engine {live.cluster.engine} has no " in line
        assert line.count("nothing was") == 1
    assert done.returncode == (5 if orders else 0)


_OF_THE_PAST = ["HISTORY k", "GET k --at 1", "LOG", "WHY k"]
_OF_THE_PAST += ["CHAIN VERIFY", "CHAIN VERIFY --all", "printBlockchain"]


def knows_the_past(live: LiveCluster) -> bool:
    with plain_client(live) as store:
        try:
            store.history("conformance/none")
        except RuntimeError as error:
            if not str(error).startswith("UNSUPPORTED"):
                raise
            return False
    return True


def test_what_was_answered_survives_a_killed_process(live: LiveCluster, tmp_path: Path) -> None:
    """A recorded workload, a SIGKILL in its middle: the history is linearizable."""
    file = tmp_path / "history.jsonl"
    options = parse(["--config", str(live.config)])
    with file.open("w", encoding="utf-8") as stream:
        load = Workload(options.opened, live.cluster.ids, stream, Settings())
        outcomes = load.recorder.outcomes
        load.start()
        wait_for(lambda: outcomes[OK] > 100, "a hundred operations")
        live.signal(live.cluster.ids[0], signal.SIGKILL)
        after = outcomes[OK]
        wait_for(lambda: outcomes[OK] > after + 50, "it goes on")
        load.stop()
        assert (load.read_all(), load.recorder.surprises) == (None, [])
    done = client(live, "verify", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
