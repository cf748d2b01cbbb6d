"""Who may ask the lab's server, and what it answers; the program as a process."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from client.lab.bodies import BYTES

from .conftest import DEADLINE, ROOT, Lab, running

pytestmark = pytest.mark.live


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    text: str


def ask(lab: Lab, method: str, path: str, body: str = "", **headers: str) -> Answer:
    connection = http.client.HTTPConnection(lab.host, timeout=DEADLINE)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body.encode(), given)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())
    finally:
        connection.close()


def post(lab: Lab, body: str) -> Answer:
    return ask(lab, "POST", "/run", body, cookie=cookie(lab), x_kvrmi_token=lab.token)


def cookie(lab: Lab) -> str:
    return f"kvrmi-lab-{lab.host.rpartition(':')[2]}={lab.token}"


def test_the_token_becomes_a_cookie_and_leaves_the_address(lab: Lab) -> None:
    answer = ask(lab, "GET", f"/?token={lab.token}")
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))
    page = ask(lab, "GET", "/", cookie=cookie(lab))
    assert page.status == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?token=wrong",
        "/?token=",
        "/page/main.js",
        "/run",
        "/live?token=wrong",
        "/live/stream",
    ],
)
def test_without_the_token_nothing_is_shown(lab: Lab, path: str) -> None:
    answer = ask(lab, "GET", path)
    assert answer.status == 403
    assert "whole address" in answer.text


def test_another_name_for_this_address_is_refused(lab: Lab) -> None:
    answer = ask(lab, "GET", "/", host="evil.example", cookie=cookie(lab))
    assert answer.status == 421


def test_a_run_needs_the_header_too(lab: Lab) -> None:
    body = json.dumps({"scenario": "basic_round"})
    assert ask(lab, "POST", "/run", body, cookie=cookie(lab)).status == 403
    assert ask(lab, "GET", "/run", cookie=cookie(lab)).status == 405


def test_an_order_needs_the_header_and_is_no_other_command(lab: Lab) -> None:
    body = json.dumps({"lines": ["PUT a b"]})
    assert ask(lab, "POST", "/live/order", body, cookie=cookie(lab)).status == 403
    assert ask(lab, "GET", "/live/order", cookie=cookie(lab)).status == 405
    sent = {"cookie": cookie(lab), "x_kvrmi_token": lab.token}
    answer = ask(lab, "POST", "/live/order", '{"lines": "KILL 1"}', **sent)
    assert (answer.status, "Expected" in answer.text) == (400, True)
    answer = ask(lab, "POST", "/live/load", '{"clients": 65}', **sent)
    assert (answer.status, "<= 64" in answer.text) == (400, True)


def test_the_live_page_is_served_where_no_cluster_is(lab: Lab) -> None:
    answer = ask(lab, "GET", "/live", cookie=cookie(lab))
    assert (answer.status, "live.js" in answer.text) == (200, True)


def test_a_run_is_its_trace(lab: Lab) -> None:
    answer = post(lab, json.dumps({"scenario": "basic_round"}))
    first, *_, last = (json.loads(line) for line in answer.text.splitlines())
    assert (first["kind"], first["script"], last["kind"]) == ("run", "basic_round", "end")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "JSON|Input"),
        ("[]", "Expected"),
        ('{"seed": "1"}', "Expected"),
        ('{"sead": 1}', "unknown field"),
        ('{"scenario": "../../setup"}', "no scenario"),
        ('{"profile": "' + "x" * BYTES + '"}', "at most"),
    ],
)
def test_a_request_that_makes_no_sense_gets_a_sentence(lab: Lab, body: str, why: str) -> None:
    answer = post(lab, body)
    assert answer.status == 400
    assert any(word in answer.text for word in why.split("|")), answer.text


@pytest.mark.parametrize("name", ["../DESIGN.md", "..%2fDESIGN.md", "nothing.js"])
def test_only_the_files_of_the_page_are_there(lab: Lab, name: str) -> None:
    assert ask(lab, "GET", f"/page/{name}", cookie=cookie(lab)).status == 404


def test_it_ends_at_once_and_quietly() -> None:
    with running() as lab:
        assert ask(lab, "GET", "/", cookie=cookie(lab)).status == 200
        lab.process.send_signal(signal.SIGINT)
        assert lab.process.wait(DEADLINE) == 0
        assert lab.process.stderr is not None
        assert lab.process.stderr.read() == ""


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--scenario", "no_such"], "no scenario 'no_such'"),
        (["--seed", "-1"], "not a whole number"),
        (["--scenario", "basic_round", "--seed", "1"], "takes no seed"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_listens(words: list[str], why: str) -> None:
    command = [sys.executable, "-m", "client", "lab", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 2
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
