"""`--protocol tcp|udp`: the program against gateways that answer, are silent, or are gone."""

from __future__ import annotations

import dataclasses
import io
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from client.__main__ import main
from kvrmi.cluster.file import dump
from kvrmi.cluster.gateways import Gateways
from tests.cluster.test_config import cluster
from tests.server.gateways.world import HOST, World, world

Captured = pytest.CaptureFixture[str]
Run = Callable[..., int]
PROTOCOLS = ("tcp", "udp")


@pytest.fixture
def gate() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture(params=PROTOCOLS)
def run(request: pytest.FixtureRequest, gate: World, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the program over one of the protocols, with `typed` as its standard input."""
    port = (gate.tcp if request.param == "tcp" else gate.udp).port

    def run(*words: str, typed: str = "") -> int:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        return main(["--protocol", request.param, "--address", f"{HOST}:{port}", *words])

    return run


@pytest.mark.parametrize(
    ("lines", "out", "err", "status"),
    [
        ("PUT a 1|GET a", "OK\n1\n", "", 0),
        ("PUT a 'x y'|Get a", "OK\nx y\n", "", 0),
        ("GET a", "", "not found: a", 1),
        ("PUT a 1|DELETE a|DELETE a", "OK\nOK\n", "not found: a", 1),
        ("PUT a 1|CONTAINS a|CONTAINS b", "OK\ntrue\nfalse\n", "", 1),
        ("MPUT a 1 b 2|MGET a c b|SIZE", "OK\n1\n\n2\n2\n", "not found: c", 1),
        ("CAS a --absent 1|CAS a --absent 2", "OK\n", "not swapped: a", 1),
        ("PUT a 1|CAS a 1 2|CAS a 1 3|GET a", "OK\nOK\n2\n", "not swapped: a", 1),
        ("MPUT a 1 b 2|DELETE a b", "OK\nOK 2 of 2 keys were deleted\n", "", 0),
        ("PUT a 1|DELETE a b a", "OK\nOK 1 of 2 keys were deleted\n", "not found: b", 1),
        ("MPUT a 1 b 2|CONTAINS a b", "OK\ntrue\ntrue\n", "", 0),
        ("PUT a 1|CONTAINS b a b", "OK\nfalse\ntrue\nfalse\n", "", 1),
        ("STATUS|PUT a 1", "OK\n", "there are CAS, CONTAINS, DELETE, GET, MGET, MPUT, PUT", 5),
        ("GET a --local", "", "GET has no options: use --protocol rpc; nothing was done", 5),
        ("BLA|PUT a 1", "OK\n", "INVALID: line 1: unknown command", 2),
        ("PUT a 1|EXIT|PUT a 2", "OK\n", "", 0),
    ],
)
def test_commands_of_a_pipe(
    run: Run, capsys: Captured, lines: str, out: str, err: str, status: int
) -> None:
    assert run(typed=lines.replace("|", "\n") + "\n") == status
    shown = capsys.readouterr()
    assert shown.out == out
    assert err in shown.err
    assert bool(shown.err) == bool(err)


def test_a_command_of_the_command_line(run: Run, capsys: Captured, gate: World) -> None:
    assert run("PUT", "city", "New York") == 0
    assert run("--json", "GET", "city") == 0
    shown = capsys.readouterr().out.splitlines()
    assert json.loads(shown[-1]) == {"ok": True, "op": "get", "key": "city", "value": "New York"}
    assert gate.engine.store.get("city") == "New York"


def test_bytes_in_json_are_as_over_rpc(run: Run, capsys: Captured, gate: World) -> None:
    gate.engine.store.put(1, "logo", b"\x89PNG")
    assert run("--json", "GET", "logo") == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["value"], found["encoding"]) == ("iVBORw==", "base64")


def test_several_keys_end_at_the_first_error_with_how_far_it_came(
    run: Run, capsys: Captured
) -> None:
    assert run("PUT", "a", "1") == 0
    assert run("DELETE", "a", "k" * 1025, "b") == 2
    error = capsys.readouterr().err
    assert error.startswith("INVALID: 1 of 3 keys were deleted, kkk")
    assert error.endswith("CONTAINS of them shows which are left\n")
    assert run("--json", "CONTAINS", "a", "b") == 1
    found = json.loads(capsys.readouterr().out)
    assert found == {"ok": True, "op": "contains", "keys": ["a", "b"], "value": [False, False]}


def test_help_and_exit_need_nobody(run: Run, capsys: Captured) -> None:
    assert run("HELP") == 0
    assert "PUT key value" in capsys.readouterr().out
    assert run("EXIT") == 0


def test_what_the_store_refuses_has_its_code(run: Run, capsys: Captured) -> None:
    assert run("PUT", "k" * 1025, "1") == 2
    assert "INVALID: " in capsys.readouterr().err


def silent(kind: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, kind)
    made.bind((HOST, 0))
    if kind == socket.SOCK_STREAM:
        made.listen()
    return made


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("words", "code", "status"),
    [(["PUT", "a", "1"], "UNKNOWN_OUTCOME", 4), (["GET", "a"], "UN", 6)],
)
def test_who_is_silent_is_not_waited_for_for_ever(
    capsys: Captured, protocol: str, words: list[str], code: str, status: int
) -> None:
    with silent(socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM) as made:
        address = "{}:{}".format(*made.getsockname())
        flags = ["--protocol", protocol, "--timeout", "0.3", "--address", address]
        assert main([*flags, *words]) == status
    assert capsys.readouterr().err.startswith(code)


def test_where_nobody_listens_it_says_so(capsys: Captured) -> None:
    with silent(socket.SOCK_STREAM) as made:
        address = "{}:{}".format(*made.getsockname())
    assert main(["--protocol", "tcp", "--address", address, "PUT", "a", "1"]) == 6
    note, error = capsys.readouterr().err.splitlines()
    assert note == f"{address} does not answer: connection refused"
    assert error.startswith("UNAVAILABLE: no gateway answers; nothing was done")


def test_a_server_that_ended_the_connection_is_connected_to_anew(
    gate: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lines(io.StringIO):
        def __iter__(self) -> Iterator[str]:  # type: ignore[override]
            yield "PUT a 1\n"
            gate.tcp.cut()
            gate.tcp.open()
            yield "GET a\n"

    monkeypatch.setattr(sys, "stdin", Lines())
    port = gate.tcp.port
    assert main(["--protocol", "tcp", "--address", f"{HOST}:{port}"]) == 0


def relay(gate: World, lost: int) -> tuple[socket.socket, threading.Thread]:
    """Pass datagrams on to the gateway, and its answers back, but lose the first answers."""
    made = silent(socket.SOCK_DGRAM)
    made.settimeout(60)

    def work() -> None:
        for number in range(lost + 1):
            data, peer = made.recvfrom(1 << 16)
            answer = gate.datagram(data)
            if number == lost:
                made.sendto(answer, peer)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return made, thread


def test_a_datagram_without_an_answer_is_sent_again_with_its_id(
    gate: World, capsys: Captured
) -> None:
    made, thread = relay(gate, lost=1)
    with made:
        address = "{}:{}".format(*made.getsockname())
        assert main(["--protocol", "udp", "--address", address, "PUT", "a", "1"]) == 0
        thread.join(60)
    first, second = gate.engine.asked
    assert first == second
    assert first[1] is not None
    assert f"{address} does not answer; asking again" in capsys.readouterr().err


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_gateways_of_the_cluster_file_are_asked_in_turn(
    gate: World, tmp_path: Path, capsys: Captured, protocol: str
) -> None:
    port = (gate.tcp if protocol == "tcp" else gate.udp).port
    config = tmp_path / "cluster.toml"
    gateways = Gateways(**{protocol: port - 1})
    config.write_text(dump(dataclasses.replace(cluster(), gateways=gateways)), encoding="utf-8")
    flags = ["--config", str(config), "--protocol", protocol]
    assert main([*flags, "--replica", "2", "PUT", "a", "1"]) == 0
    assert capsys.readouterr() == ("OK\n", "")
    assert main([*flags, "GET", "a"]) == 0, "replica 1 is not there"
    shown = capsys.readouterr()
    assert shown.out == "1\n"
    assert f":{port - 1} does not answer" in shown.err


def test_a_file_without_gateways_is_refused(tmp_path: Path, capsys: Captured) -> None:
    config = tmp_path / "cluster.toml"
    config.write_text(dump(cluster()), encoding="utf-8")
    assert main(["--config", str(config), "--protocol", "udp", "SIZE"]) == 2
    assert "has no udp gateways: start the cluster with --gateways" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--object", "kvrmi.replica1"], "--object names a Pyro object"),
        (["--address", "x:y"], "an address is host:port"),
        (["--config", "nowhere.toml"], "nowhere.toml: cannot be read"),
    ],
)
def test_what_names_no_gateway_is_refused(capsys: Captured, flags: list[str], why: str) -> None:
    assert main(["--protocol", "tcp", *flags, "SIZE"]) == 2
    assert why in capsys.readouterr().err
