"""What is known of a request when an endpoint fails: sent on, given up, or unknown."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest

from server.engines.etcd.settings import Settings
from server.ports import free_block

pytest.importorskip("etcd3gw")

from server.engines.etcd.endpoints import Endpoints, Failed
from server.engines.etcd.keys import Keys
from server.engines.etcd.look import Look, Seen

Answer = tuple[int, Any]
SECONDS = 0.4
"""After which whoever gets no other answer gives up."""
PATIENCE = 30.0
"""For an answer that comes."""


class Asked(NamedTuple):
    path: str
    body: Any
    headers: Message


class FakeEtcd:
    """An endpoint that answers as it should: a status and JSON, or never."""

    def __init__(self) -> None:
        self.answer: Callable[[str, Any], Answer | None] = lambda path, body: (200, {"path": path})
        self.asked: list[Asked] = []
        self.over = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(size))
                fake.asked.append(Asked(self.path, body, self.headers))
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
    return ("127.0.0.1", free_block("127.0.0.1", 1, random.Random()))


def ask(
    *endpoints: tuple[str, int], repeatable: bool = False, seconds: float = PATIENCE, **more: Any
) -> Any:
    client = Endpoints(Settings(endpoints, **more))
    return client.ask("/kv/txn", {}, time.monotonic() + seconds, repeatable=repeatable)


def code_of(*endpoints: tuple[str, int], repeatable: bool = False) -> str:
    with pytest.raises(Failed) as failed:
        ask(*endpoints, repeatable=repeatable, seconds=SECONDS)
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


def test_what_is_known_is_not_risked_when_time_is_nearly_over(fake: FakeEtcd) -> None:
    now = [0.0]

    def answer(path: str, body: Any) -> Answer:
        now[0] += 0.9
        return 503, {"message": "etcdserver: no leader"}

    fake.answer = answer
    client = Endpoints(Settings((fake.address,)), lambda: now[0])
    with pytest.raises(Failed) as failed:
        client.ask("/kv/txn", {}, 1.0, repeatable=True)
    assert (failed.value.code, len(fake.asked)) == ("NO_QUORUM", 1)


def test_what_etcd_refuses_was_not_done(fake: FakeEtcd) -> None:
    fake.answer = lambda path, body: (400, {"error": "etcdserver: permission denied"})
    assert code_of(fake.address) == "UNAVAILABLE"


@pytest.mark.parametrize("text", ["too many operations in txn request", "request is too large"])
def test_what_is_too_large_for_etcd_is_invalid_and_not_sent_again(
    fake: FakeEtcd, text: str
) -> None:
    fake.answer = lambda path, body: (400, {"message": f"etcdserver: {text}", "code": 3})
    assert code_of(fake.address, nobody(), repeatable=True) == "INVALID"
    assert len(fake.asked) == 1


def test_a_failure_names_each_endpoint_in_plain_words(fake: FakeEtcd) -> None:
    fake.answer = lambda path, body: (503, {"message": "etcdserver: no leader", "code": 14})
    one, other = nobody(), nobody()
    with pytest.raises(Failed) as failed:
        ask(one, fake.address, other, repeatable=True, seconds=SECONDS)
    assert str(failed.value) == (
        f"etcd at {one[0]}:{one[1]}, {other[0]}:{other[1]}: nobody listens there; "
        f"at {fake.address[0]}:{fake.address[1]}: etcdserver: no leader; nothing was done"
    )
    fake.answer = lambda path, body: None
    with pytest.raises(Failed, match=r"^etcd at [0-9.:]+: no answer in time$"):
        ask(fake.address, seconds=SECONDS)


def test_only_what_may_be_old_is_asked_of_a_member_without_a_leader(fake: FakeEtcd) -> None:
    client = Endpoints(Settings((fake.address,)))
    for alone in (False, True):
        client.ask("/kv/txn", {}, time.monotonic() + PATIENCE, repeatable=True, alone=alone)
    assert [asked.headers["Grpc-Metadata-hasleader"] for asked in fake.asked] == ["true", None]


def test_a_look_reports_what_operations_would_meet(fake: FakeEtcd) -> None:
    def look() -> Seen:
        return Look(Endpoints(Settings((fake.address,))), Keys("kvrmi/")).now()

    assert look() == Seen(True, f"etcd at {fake.address[0]}:{fake.address[1]} answers")
    fake.answer = lambda path, body: (503, {"message": "etcdserver: no leader"})
    assert (look().serves, "no leader" in look().text) == (False, True)


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
        if fake.asked[-1].headers["Authorization"] == "old":
            return 401, {"error": "etcdserver: invalid auth token"}
        return 200, {"in": True}

    fake.answer = answer
    assert ask(fake.address, user="u", password_file=str(secret)) == {"in": True}
