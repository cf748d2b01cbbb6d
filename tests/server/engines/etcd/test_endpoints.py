"""What is known of a request when an endpoint fails: sent on, given up, or unknown."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from server.engines.etcd.settings import Settings

pytest.importorskip("etcd3gw")

from server.engines.etcd.endpoints import Endpoints, Failed

Answer = tuple[int, Any]
SECONDS = 0.4


class FakeEtcd:
    """An endpoint that answers as it should: a status and JSON, or never."""

    def __init__(self) -> None:
        self.answer: Callable[[str, Any], Answer | None] = lambda path, body: (200, {"path": path})
        self.asked: list[tuple[str, Any, str | None]] = []
        self.over = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(size))
                fake.asked.append((self.path, body, self.headers.get("Authorization")))
                found = fake.answer(self.path, body)
                if found is None:
                    fake.over.wait(5)
                    return
                data = json.dumps(found[1]).encode()
                self.send_response(found[0])
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.server.server_port)

    def close(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def fake() -> Iterator[FakeEtcd]:
    fake = FakeEtcd()
    yield fake
    fake.close()


def nobody() -> tuple[str, int]:
    """An address where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return ("127.0.0.1", one.getsockname()[1])


def ask(*endpoints: tuple[str, int], repeatable: bool = False, **more: Any) -> Any:
    client = Endpoints(Settings(endpoints, **more))
    return client.ask("/kv/txn", {}, time.monotonic() + SECONDS, repeatable=repeatable)


def code_of(*endpoints: tuple[str, int], repeatable: bool = False) -> str:
    with pytest.raises(Failed) as failed:
        ask(*endpoints, repeatable=repeatable)
    assert (failed.value.code == "UNKNOWN_OUTCOME") != ("nothing was done" in str(failed.value))
    return failed.value.code


def test_the_next_endpoint_is_asked_where_one_does_not_listen(fake: FakeEtcd) -> None:
    assert ask(nobody(), fake.address) == {"path": "/v3/kv/txn"}


def test_where_nobody_listens_nothing_was_done() -> None:
    assert code_of(nobody(), nobody()) == "UNAVAILABLE"


def test_a_write_that_is_not_answered_is_unknown_and_not_sent_again(fake: FakeEtcd) -> None:
    fake.answer = lambda path, body: None
    assert code_of(fake.address, fake.address) == "UNKNOWN_OUTCOME"
    assert len(fake.asked) == 1


def test_what_is_harmless_twice_is_sent_again(fake: FakeEtcd) -> None:
    failures = iter([(503, {"error": "etcdserver: request timed out"})])
    fake.answer = lambda path, body: next(failures, (200, {"done": True}))
    assert ask(fake.address, repeatable=True) == {"done": True}


def test_a_time_out_of_etcd_is_unknown(fake: FakeEtcd) -> None:
    fake.answer = lambda path, body: (503, {"error": "etcdserver: request timed out"})
    assert code_of(fake.address) == "UNKNOWN_OUTCOME"
    assert code_of(fake.address, repeatable=True) == "UNKNOWN_OUTCOME"


def test_without_a_leader_nothing_was_done(fake: FakeEtcd) -> None:
    fake.answer = lambda path, body: (503, {"error": "etcdserver: no leader"})
    assert code_of(fake.address) == "NO_QUORUM"


def test_what_etcd_refuses_was_not_done(fake: FakeEtcd) -> None:
    fake.answer = lambda path, body: (400, {"error": "etcdserver: too many operations"})
    assert code_of(fake.address) == "UNAVAILABLE"


def test_a_user_is_let_in_with_a_token_and_again_when_it_has_expired(
    fake: FakeEtcd, tmp_path: Any
) -> None:
    secret = tmp_path / "password"
    secret.write_text("secret\n")
    tokens = iter(["old", "new"])

    def answer(path: str, body: Any) -> Answer:
        if path.endswith("/auth/authenticate"):
            assert body == {"name": "u", "password": "secret"}
            return 200, {"token": next(tokens)}
        if fake.asked[-1][2] == "old":
            return 401, {"error": "etcdserver: invalid auth token"}
        return 200, {"in": True}

    fake.answer = answer
    assert ask(fake.address, user="u", password_file=str(secret)) == {"in": True}
