"""What any Pyro client can and cannot call."""

from __future__ import annotations

import base64
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator

import Pyro5.api
import Pyro5.errors
import pytest

from kvrmi.remote.daemon import Daemon
from kvrmi.remote.frames import CORRELATED, INVOKE, PING, pack
from kvrmi.remote.payload import SERPENT, Call, dump_call

from .rig import NAME, TIMEOUT, Raw, Target, exposed, serve

STRANGER = """
import sys, Pyro5.api
assert not any(name.startswith("kvrmi") for name in sys.modules)
with Pyro5.api.Proxy(sys.argv[1]) as proxy:
    assert proxy.echo("text") == "text"
    assert proxy.echo("it's \\\\ \\n \\0 \\u20ac") == "it's \\\\ \\n \\0 \\u20ac"
    assert proxy.receive(b"\\x00\\xff'") == b"'\\xff\\x00", proxy.receive(b"\\x00")
    tree = [1, -2, 2.5, None, True, {"a": ["b"]}]
    assert proxy.echo(value=tree) == tree
    try:
        proxy.fail("value")
    except ValueError as error:
        assert str(error) == "INVALID: value"
        assert not getattr(error, "_pyroTraceback", None)
    else:
        raise AssertionError
    batch = Pyro5.api.BatchProxy(proxy)
    batch.echo(1)
    batch.echo("two")
    assert list(batch()) == [1, "two"]
    proxy._pyroClaimOwnership()
    proxy._pyroBind()
print("served")
"""


class Tolerant(Target):
    """Takes serpent's form of bytes, as the store does."""

    @exposed
    def receive(self, data: object) -> bytes:
        if isinstance(data, dict):
            data = base64.b64decode(data["data"])
        assert isinstance(data, bytes)
        return data[::-1]


@pytest.fixture
def proxy(daemon: Daemon) -> Iterator[Pyro5.api.Proxy]:
    with Pyro5.api.Proxy(f"PYRO:{NAME}@{daemon.locationStr}") as made:
        yield made


def test_a_plain_proxy_in_another_process_with_default_settings_is_served() -> None:
    daemon = serve(Tolerant())
    try:
        command = [sys.executable, "-c", STRANGER, f"PYRO:{NAME}@{daemon.locationStr}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    finally:
        daemon.cut()
    assert (done.returncode, done.stdout) == (0, "served\n"), done.stderr


@pytest.mark.parametrize("serializer", ["serpent", "json", "msgpack"])
def test_three_serializers_are_taken(daemon: Daemon, serializer: str) -> None:
    with Pyro5.api.Proxy(f"PYRO:{NAME}@{daemon.locationStr}") as proxy:
        proxy._pyroSerializer = serializer
        assert proxy.echo("x") == "x"
        assert list(proxy.echo([1, "ü"])) == [1, "ü"]
        with pytest.raises(ValueError, match="INVALID: value"):
            proxy.fail("value")


def test_json_carries_bytes_as_serpent_does(daemon: Daemon) -> None:
    with Pyro5.api.Proxy(f"PYRO:{NAME}@{daemon.locationStr}") as proxy:
        proxy._pyroSerializer = "json"
        assert proxy.large(3) == {"data": "AAAA", "encoding": "base64"}


@pytest.mark.parametrize(
    ("kind", "raised"),
    [("value", ValueError), ("time", TimeoutError), ("key", KeyError), ("own", ValueError)],
)
def test_errors_arrive_as_builtins_without_traceback(
    proxy: Pyro5.api.Proxy, kind: str, raised: type[Exception]
) -> None:
    with pytest.raises(raised) as caught:
        proxy.fail(kind)
    assert type(caught.value) is raised
    assert caught.value.args == (f"INVALID: {kind}",)
    assert not getattr(caught.value, "_pyroTraceback", None)


def test_what_cannot_be_written_is_an_error_and_the_connection_stays(
    proxy: Pyro5.api.Proxy,
) -> None:
    proxy._pyroSerializer = "msgpack"
    with pytest.raises(TypeError):
        proxy.unwritable()
    with pytest.raises(ValueError, match="more than"):
        proxy.large(2 << 20)
    assert proxy.echo(1) == 1


@pytest.mark.parametrize("name", ["hidden", "_private", "trap", "__init__", "__class__", "nothing"])
def test_what_is_not_exposed_is_not_reached(daemon: Daemon, target: Target, name: str) -> None:
    with Raw(daemon.port) as raw:
        raw.shaken().call(name)
        assert raw.answer()["__class__"] == "builtins.AttributeError"
    assert target.calls == 0
    assert not target.touched


@pytest.mark.parametrize("name", ["__getattr__", "__setattr__"])
def test_attributes_are_neither_read_nor_set(daemon: Daemon, target: Target, name: str) -> None:
    with Raw(daemon.port) as raw:
        raw.shaken().call(name, "trap", 1)
        assert raw.answer()["__class__"] == "builtins.AttributeError"
    assert not target.touched


def test_the_daemon_itself_tells_no_names(daemon: Daemon) -> None:
    with Pyro5.api.Proxy(f"PYRO:Pyro.Daemon@{daemon.locationStr}") as proxy:
        assert proxy._pyroBind()
        assert proxy._pyroMethods == {"get_metadata", "ping"}
        with pytest.raises(AttributeError):
            proxy.registered()
        meta = proxy.get_metadata(NAME)
        assert "echo" in meta["methods"]
        assert meta["attrs"] == []


def test_unknown_objects_are_refused(daemon: Daemon) -> None:
    proxy = Pyro5.api.Proxy(f"PYRO:nobody@{daemon.locationStr}")
    with proxy, pytest.raises(Pyro5.errors.CommunicationError, match="unknown object"):
        proxy.echo()


def test_a_batch_ends_with_its_first_error(proxy: Pyro5.api.Proxy, target: Target) -> None:
    batch = Pyro5.api.BatchProxy(proxy)
    batch.echo(1)
    batch.fail("value")
    batch.echo(2)
    results = batch()
    assert next(results) == 1
    with pytest.raises(ValueError, match="INVALID"):
        next(results)
    assert target.calls == 1


def test_class_dicts_stay_dicts(daemon: Daemon) -> None:
    """Nothing is built from what a caller sent, so nothing can be made to connect somewhere."""
    evil = {
        "__class__": "Pyro5.client.Proxy",
        "state": ["PYRO:x@127.0.0.1:1", [], [], [], "h", "n"],
    }
    with Raw(daemon.port) as raw:
        raw.shaken().call("echo", evil)
        assert raw.answer() == evil


def test_a_class_is_not_registered(daemon: Daemon) -> None:
    """An object for each connection would be an acceptor with two memories."""
    with pytest.raises(TypeError):
        daemon.register(Target, "other")


def test_all_connections_meet_one_instance(daemon: Daemon, target: Target) -> None:
    for _ in range(2):
        with Pyro5.api.Proxy(f"PYRO:{NAME}@{daemon.locationStr}") as proxy:
            proxy.echo()
    assert target.calls == 2


def test_what_exposes_nothing_or_a_property_is_not_registered(daemon: Daemon) -> None:
    class Bare:
        pass

    @Pyro5.api.expose
    class Leaky:
        @property
        def state(self) -> int:
            return 1

        def method(self) -> None:
            pass

    for instance in (Bare(), Leaky()):
        with pytest.raises(TypeError):
            daemon.register(instance, "other")


def test_ping_is_answered_and_correlations_are_echoed(daemon: Daemon) -> None:
    with Raw(daemon.port) as raw:
        raw.shaken().sock.sendall(pack(PING, 42, 0, 7, b"ping"))
        pong = raw.channel.receive(5)
        assert (pong.kind, pong.sequence, pong.payload) == (PING, 7, b"pong")
        data = dump_call(SERPENT, Call(NAME, "echo", ("x",), {}))
        raw.sock.sendall(pack(INVOKE, SERPENT, CORRELATED, 8, data, b"0123456789abcdef"))
        answer = raw.channel.receive(5)
        assert (answer.flags, answer.correlation) == (CORRELATED, b"0123456789abcdef")


def test_work_after_the_answer_does_not_hold_it_up(target: Target) -> None:
    daemon = serve(target, after_answer=lambda: target.leave.wait(5) and None)
    try:
        with Pyro5.api.Proxy(f"PYRO:{NAME}@{daemon.locationStr}") as proxy:
            assert proxy.echo(1) == 1
    finally:
        target.leave.set()
        daemon.cut()


def test_work_after_an_answer_is_done_though_the_asker_is_gone(target: Target) -> None:
    """What a call caused must not be lost with the answer that nobody takes any more."""
    done = threading.Event()
    daemon = serve(target, after_answer=done.set)
    try:
        with Raw(daemon.port) as raw:
            raw.shaken().call("block")
            assert target.entered.wait(TIMEOUT)
            raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        target.leave.set()  # the connection was reset: its answer cannot be sent
        assert done.wait(TIMEOUT)
    finally:
        daemon.cut()


def test_a_batch_ends_when_its_answers_are_large() -> None:
    """Else a short message asks for gigabytes; what comes after is not done, and said so."""
    target = Target()
    daemon = serve(target, max_message=100_000)
    try:
        with Pyro5.api.Proxy(f"PYRO:{NAME}@{daemon.locationStr}") as proxy:
            batch = Pyro5.api.BatchProxy(proxy)
            for _ in range(50):
                batch.echo("x" * 100)
            batch.large(15_000)
            batch.echo("not done")
            answers = batch()
            assert [next(answers) for _ in range(51)][:50] == ["x" * 100] * 50
            with pytest.raises(ValueError, match="INVALID: not done"):
                next(answers)
        assert target.calls == 50
    finally:
        daemon.cut()
