"""The client's orders and its status on a real cluster: cuts, stopped processes, other folders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.server.stubs import stands_in

from .cluster import LiveCluster, given_by, wait_for

pytestmark = pytest.mark.live

Client = Any


@pytest.fixture
def client(live: LiveCluster, tmp_path: Path) -> Iterator[Client]:
    """Run the client in an empty folder; its exit status and the object that it printed."""

    def run(*words: str, here: Path = tmp_path) -> tuple[int, dict[str, Any]]:
        paths = os.pathsep.join(sys.path)
        done = subprocess.run(
            [sys.executable, "-m", "client", "--json", *words],
            cwd=here,
            env=os.environ | {"PYTHONPATH": paths},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert not done.stderr
        return done.returncode, json.loads(done.stdout)

    yield run
    run("--config", str(live.config), "HEAL")


def test_one_address_shows_the_whole_cluster_and_whether_it_serves(
    live: LiveCluster, client: Client
) -> None:
    member = live.cluster.member(3)
    address = ("--address", f"{member.host}:{member.client}")

    def told(word: str, **wanted: object) -> dict[str, Any]:
        """Ask until the answer has it: on a busy machine one may be late with its part."""

        def answer() -> dict[str, Any] | None:
            status, shown = client(*address, word)
            return None if status or not wanted.items() <= shown.items() else shown

        return given_by(answer, f"{wanted} by {word}")

    shown = told("STATUS", health="serving")
    assert [entry["id"] for entry in shown["replicas"]] == [*live.cluster.ids]
    assert shown["cluster_id"] == live.cluster.id
    assert told("HEALTH", up=len(live.cluster.ids))


def test_an_order_by_address_needs_that_clusters_file(live: LiveCluster, client: Client) -> None:
    member = live.cluster.member(1)
    order = ("--address", f"{member.host}:{member.client}", "FAIL", "1", "learner", "0")
    status, answer = client(*order)
    assert (status, answer["code"]) == (2, "INVALID")
    live.settle()


def test_a_cut_is_shown_logged_and_healed_as_a_pair(live: LiveCluster, client: Client) -> None:
    one, other = live.followers()[-2:]
    config = ("--config", str(live.config))
    assert client(*config, "CUT", str(one), str(other))[0] == 0
    both = [[one, other], [other, one]]

    def cuts() -> dict[int, Any]:
        _, shown = client(*config, "STATUS")
        return {entry["id"]: entry["cuts"] for entry in shown["replicas"] if entry["cuts"]}

    wait_for(lambda: cuts() == {one: both, other: both}, "both are shown")
    assert client(*config, "HEAL", str(other), str(one))[1]["healed"] == both
    assert client(*config, "HEAL")[1]["healed"] == []
    for replica in (one, other):
        log = live.data / f"replica{replica}" / "replica.log"
        wait_for(partial(stands_in, log, f"HEALED from={one} to={other}"), "the line")
        assert f"CUT from={one} to={other}" in log.read_text()


def test_a_stopped_process_is_not_answering_and_cannot_be_cut(
    live: LiveCluster, client: Client
) -> None:
    one, other = live.followers()[-2:]
    config = ("--config", str(live.config))
    pid = live.signal(other, signal.SIGSTOP)
    try:

        def seen() -> tuple[int, str, int]:
            status, shown = client(*config, "STATUS")
            entry = shown["replicas"][other - 1]
            return status, entry["state"], entry["pid"]

        wait_for(lambda: seen() == (0, "not answering", pid), "it hangs, and the others serve")
        assert client(*config, "CUT", str(one), str(other))[0] == 6
        assert live.entries()[one]["cuts"] == []
    finally:
        os.kill(pid, signal.SIGCONT)
    answer = given_by(lambda: live.entries()[other], "its answer")
    assert answer["cuts"] == [], "nothing of the order is left for later"


def test_the_logs_of_all_replicas_are_shown_and_agree(live: LiveCluster, client: Client) -> None:
    config = ("--config", str(live.config))
    assert client(*config, "--name", "ana", "PUT", "log/key", "x" * 99)[0] == 0

    def logged() -> Any:
        """Find the block in the log of the replica that answers, once it has applied it."""
        status, shown = client(*config, "LOG", "--last", "9")
        assert status == 0
        (last,) = [one for one in shown["blocks"] if one["commands"]][-1:]
        return last if last["commands"][-1]["args"][0] == "log/key" else None

    block = given_by(logged, "the write in the log")
    (command,) = block["commands"]
    assert (command["op"], command["args"]) == ("put", ["log/key", "x" * 60 + ".."])
    assert command["id"][0].startswith("ana:")
    leader = given_by(live.leader, "a leader, which has applied whatever was answered")
    _, again = client(*config, "LOG", str(leader), "--from", str(block["slot"]))
    known: dict[str, object] = {"acceptors": []}  # who led then knows them, for a while
    assert again["blocks"][0] | known == block | known

    def verified() -> bool:
        """Whether all agree up to that slot: disks are written behind the answer."""
        status, found = client(*config, "CHAIN", "VERIFY", "--all")
        assert (status, found["value"], found["differ"]) == (0, True, None)
        return bool(min(one["slot"] for one in found["replicas"]) >= block["slot"])

    wait_for(verified, "the block is on all disks")


def test_the_past_of_a_key_and_of_a_request(live: LiveCluster, client: Client) -> None:
    config = ("--config", str(live.config))
    _, first = client(*config, "--name", "eva", "PUT", "past/key", "one")
    client(*config, "PUT", "past/key", "two")
    _, found = client(*config, "GET", "past/key", "--at", str(first["revision"]))
    assert (found["op"], found["value"]) == ("get_at", "one")
    status, missing = client(*config, "GET", "past/key", "--at", "999999999")
    assert (status, missing["code"]) == (2, "INVALID")
    _, history = client(*config, "HISTORY", "past/key")
    assert [row[1] for row in history["value"]] == ["two", "one", None]
    who, sequence = history["value"][1][3:]
    assert who.startswith("eva:")
    status, became = client(*config, "OUTCOME", who, str(sequence))
    assert (status, became["value"], became["applied_at"]) == (0, "applied", first["revision"])
    status, became = client(*config, "OUTCOME", who, str(sequence + 1))
    assert (status, became["value"]) == (4, "open")
    for _ in range(2):
        status, became = client(*config, "OUTCOME", who, str(sequence + 1), "--settle")
        assert (status, became["value"]) == (1, "never")
    status, why = client(*config, "WHY", "past/key")
    assert (status, why["value"]) == (0, "two")
    _, block = client(*config, "LOG", "--from", str(why["decision"]["slot"]), "--last", "1")
    assert block["blocks"][0]["hash"] == why["decision"]["hash"]
    assert client(*config, "WHY", "past/never")[0] == 1
