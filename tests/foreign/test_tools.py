"""Pyro5's own programs work with our name server: its HTTP gateway, and pyro5-nsc."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from .example_store import STORE, Served, served

pytestmark = pytest.mark.live

TIMEOUT = 60.0


@pytest.fixture(scope="module")
def where() -> Iterator[Served]:
    with served() as made:
        yield made


@contextmanager
def gateway(where: Served, expose: str) -> Iterator[str]:
    """Run the real gateway on a free port; the address of its pages."""
    host, _, port = where.nameserver.rpartition(":")
    command = [sys.executable, "-u", "-m", "Pyro5.utils.httpgateway", "-p", "0", "-e", expose]
    environment = {**os.environ, "PYRO_NS_HOST": host, "PYRO_NS_PORT": port}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            yield next(line for line in lines if "running on" in line).split(" on ")[1].strip()
        finally:
            process.kill()


def fetch(url: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module")
def pages(where: Served) -> Iterator[str]:
    with gateway(where, r"kvrmi\.") as address:
        yield address


def call(pages: str, method: str, options: str = "", **args: str) -> tuple[int, Any]:
    url = f"{pages}{STORE}/{method}?{urllib.parse.urlencode(args)}"
    status, text = fetch(url, **{"X-Pyro-Options": options} if options else {})
    return status, json.loads(text) if text else None


def test_the_gateways_index_lists_the_stores(pages: str) -> None:
    status, page = fetch(pages)
    assert status == 200
    assert STORE in page
    assert "put_many" in page
    assert "Pyro.NameServer</a></td>" not in page  # the pattern leaves it out


@pytest.mark.parametrize(
    ("expose", "found"), [("", True), (r"^kvrmi\.|x.", True), (r"http\.", False)]
)
def test_so_it_does_with_the_other_patterns_of_its_manual(
    where: Served, expose: str, found: bool
) -> None:
    with gateway(where, expose) as pages:
        status, page = fetch(pages)
    assert status == 200
    assert (STORE in page) is found


def test_the_store_is_used_through_the_gateway(pages: str) -> None:
    assert call(pages, "put", key="k", value="v\U0001f600") == (200, 1)
    assert call(pages, "get", key="k") == (200, "v\U0001f600")
    status, error = call(pages, "put", key="k" * 2000, value="v")
    assert status == 500
    assert error["args"] == ["INVALID: the key is over 1024 bytes of UTF-8"]


def test_its_oneway_option_is_carried_out(pages: str) -> None:
    assert call(pages, "put", "oneway", key="one", value="way") == (200, None)
    deadline = time.monotonic() + TIMEOUT
    while call(pages, "get", key="one") != (200, "way"):
        assert time.monotonic() < deadline, "never written"


@pytest.mark.parametrize(
    ("pattern", "lists"), [("kvrmi.", True), ("^kvrmi", True), ("http.", False)]
)
def test_nsc_lists_by_plain_patterns(where: Served, pattern: str, lists: bool) -> None:
    said = nsc(where, "listmatching", pattern)
    assert (f"{STORE} --> PYRO:{STORE}@{where.store}" in said.stdout) is lists
    assert (said.returncode, said.stderr) == (0, "")


def test_nsc_is_told_why_another_pattern_is_refused(where: Served) -> None:
    said = nsc(where, "listmatching", "(k+)+$")
    assert "only plain prefixes are taken here" in said.stdout + said.stderr


def nsc(where: Served, *words: str) -> subprocess.CompletedProcess[str]:
    host, _, port = where.nameserver.rpartition(":")
    command = [sys.executable, "-m", "Pyro5.nsc", "-n", host, "-p", port, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
