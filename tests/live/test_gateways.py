"""Gateways of a cluster: redis-py, redis-cli, redis-benchmark, datagrams, beside Pyro5."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis

import kvrmi
from server.ports import free_block

from .cluster import ROOT, TIMEOUT, LiveCluster, running, wait_for

pytestmark = pytest.mark.live
HOST = "127.0.0.1"


def tool(name: str) -> str:
    """Find a program of Redis, or skip the test."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: redis-tools)")
    return found


def tcp(live: LiveCluster, replica: int) -> int:
    return live.cluster.gateways_of(replica).tcp


def client(live: LiveCluster, replica: int) -> Any:
    return redis.Redis(port=tcp(live, replica), socket_timeout=TIMEOUT)


def datagram(port: int, data: bytes) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(TIMEOUT)
        sock.sendto(data, (HOST, port))
        return sock.recv(1 << 16)


@pytest.fixture
def ran(live: LiveCluster) -> Iterator[Any]:
    with closing(kvrmi.connect(config=str(live.config), timeout=TIMEOUT)) as store:
        yield store


def test_redis_py_reads_at_any_replica_what_it_wrote_at_another(
    live: LiveCluster, ran: Any
) -> None:
    with client(live, 1) as one, client(live, 2) as two:
        assert one.set("redis-py/text", "café") is True
        assert two.get("redis-py/text") == "café".encode()
        assert ran.get("redis-py/text") == "café"
        assert one.set("redis-py/bytes", b"\x00\xff")
        assert ran.get("redis-py/bytes") == b"\x00\xff"
        assert one.set("redis-py/text", "x", nx=True) is None
        assert two.setnx("redis-py/new", "1") == 1
        assert [two.incr("redis-py/count") for _ in range(3)] == [1, 2, 3]
        assert one.mset({"redis-py/a": "1", "redis-py/b": "2"})
        assert two.mget("redis-py/a", "redis-py/none", "redis-py/b") == [b"1", None, b"2"]
        assert one.exists("redis-py/a", "redis-py/none") == 1
        assert two.delete("redis-py/a", "redis-py/none") == 1
        names = {b"bytes", b"text", b"new", b"count", b"b"}
        keys = {b"redis-py/" + name for name in names}
        assert set(one.scan_iter("redis-py/*", count=2)) == keys == set(two.keys("redis-py/*"))
        assert one.ping()
        assert one.echo("x") == b"x"
        assert one.dbsize() >= len(keys)
        assert one.info()["replica"] == 1
        with pytest.raises(redis.ResponseError, match="nothing expires"):
            one.set("redis-py/text", "x", ex=10)
        assert one.get("redis-py/text") == "café".encode()


def test_a_pipeline_of_a_thousand_sees_its_own_writes(live: LiveCluster) -> None:
    follower = live.followers()[0]
    with client(live, follower) as one:
        pipe = one.pipeline(transaction=False)
        for number in range(500):
            pipe.set(f"pipe/{number % 7}", number)
        for number in range(490):
            pipe.get(f"pipe/{number % 7}")
        for number in range(5):
            pipe.set("pipe/0", number).get("pipe/0")
        answers = pipe.execute()
    assert answers[:500] == [True] * 500
    last = [b"497", b"498", b"499", b"493", b"494", b"495", b"496"]
    assert answers[500:990] == last * 70
    assert answers[991::2] == [b"%d" % number for number in range(5)]


def test_redis_cli(live: LiveCluster) -> None:
    cli = [tool("redis-cli"), "-p", str(tcp(live, 1))]

    def said(*words: str, typed: str = "") -> str:
        done = subprocess.run(
            [*cli, *words], input=typed, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout

    assert said("SET", "cli/a", "hello") == "OK\n"
    assert said("GET", "cli/a") == "hello\n"
    assert said("--scan", "--pattern", "cli/*") == "cli/a\n"
    assert said(typed="DEL cli/a\nGET cli/a\nBLA\n").splitlines()[:2] == ["1", ""]
    assert "kvrmi_version:" in said("INFO")


def test_redis_benchmark_runs_to_its_end(live: LiveCluster) -> None:
    argv = [tool("redis-benchmark"), "-p", str(tcp(live, live.leader() or 1)), "--csv"]
    done = subprocess.run(
        [*argv, "-t", "ping,set,get,mset", "-n", "2000", "-c", "20", "-P", "16", "-r", "50"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "rror" not in done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 6, "a head, both kinds of ping, and the three"


def test_a_datagram_that_comes_again_takes_effect_once(live: LiveCluster, ran: Any) -> None:
    first, second = (live.cluster.gateways_of(one).udp for one in live.cluster.ids[:2])
    name = f"udp{random.getrandbits(40)}"
    data = f"{name} 1 PUT udp/once first".encode()
    assert datagram(first, data) == f"{name} 1 +OK\r\n".encode()
    ran.put("udp/once", "second")
    assert datagram(second, data) == f"{name} 1 +OK\r\n".encode(), "its answer was kept"
    assert ran.get("udp/once") == "second"
    assert datagram(second, f"{name} 2 DEL udp/once".encode()) == f"{name} 2 :1\r\n".encode()
    assert datagram(first, f"{name} 2 DEL udp/once".encode()) == f"{name} 2 :1\r\n".encode()
    unknown = datagram(first, b"nobody 9 PUT udp/once x")
    assert b"-ERR UNKNOWN_OUTCOME: session expired" in unknown


def test_the_client_finds_the_gateways_by_the_file(live: LiveCluster) -> None:
    for protocol in ("tcp", "udp"):
        flags = ["--config", str(live.config), "--protocol", protocol]
        argv = [sys.executable, "-m", "client", *flags]
        done = subprocess.run(
            argv,
            input=f"PUT by/{protocol} 1\nGET by/{protocol}\nGET by/none\nSIZE\n",
            capture_output=True,
            text=True,
            timeout=60,
            cwd=ROOT,
        )
        assert done.stdout.splitlines()[:2] == ["OK", "1"]
        assert (done.returncode, done.stderr) == (1, "not found: by/none\n")


def test_one_process_of_another_engine_has_them_too(tmp_path: Path) -> None:
    base = free_block(HOST, 3, random.Random())
    udp = free_block(HOST, 1, random.Random(), socket.SOCK_DGRAM)
    flags = ["--address", f"{HOST}:{base}", "--engine", "single", "--data", str(tmp_path)]
    ways = ["--tcp-port", str(base + 2), "--udp-port", str(udp), "--format"]
    process = subprocess.Popen([sys.executable, "-m", "server", "1", *flags, *ways], cwd=ROOT)
    try:
        with redis.Redis(port=base + 2, socket_timeout=TIMEOUT) as one:
            wait_for(lambda: answers(one), "it serves")
            assert one.pipeline(transaction=False).set("a", "1").get("a").execute() == [True, b"1"]
        for _ in range(2):
            assert datagram(udp, b"ann 1 SETNX b 1") == b"ann 1 :1\r\n"
    finally:
        process.terminate()
        assert process.wait(TIMEOUT) == 0
    assert running(tmp_path) == []


def answers(one: Any) -> bool:
    try:
        return bool(one.ping())
    except redis.ConnectionError:
        return False
