"""Who may say who they are."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kvrmi.remote.identity import Caller, Credentials, Refused, challenge, make_secret, read_secret

SECRET = b"a secret of thirty-two bytes or so"
CREDENTIALS = Credentials("cluster", 3, "replica", SECRET)


def accepted(
    credentials: Credentials = CREDENTIALS,
    secret: bytes = SECRET,
    cluster: str = "cluster",
    target: str = "target",
) -> Caller:
    """Go through a whole handshake as `credentials`; raises Refused on either side."""
    announced = credentials.announce()
    server = challenge(secret, cluster, target, announced)
    return server.check(credentials.prove(target, announced, server.answer))


def test_both_sides_prove_the_secret_to_each_other() -> None:
    assert accepted() == Caller(3, "replica")
    assert accepted(Credentials("cluster", 3, "replica", SECRET, "abc")) == Caller(
        3, "replica", "abc"
    )


@pytest.mark.parametrize("wrong", [{"secret": b"other" * 8}, {"cluster": "other"}])
def test_another_secret_or_cluster_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        accepted(**wrong)


@pytest.mark.parametrize(("cluster", "target"), [("cluster", "other"), ("other", "target")])
def test_a_proof_holds_for_its_target_and_cluster(cluster: str, target: str) -> None:
    announced = CREDENTIALS.announce()
    server = challenge(SECRET, "cluster", "target", announced)
    with pytest.raises(Refused):
        Credentials(cluster, 3, "replica", SECRET).prove(target, announced, server.answer)


@pytest.mark.parametrize(
    ("field", "value"),
    [("replica", 4), ("replica", True), ("replica", "3"), ("role", "coordinator"), ("nonce", "0"),
     ("cluster", 1), ("cluster", ["cluster"]), ("role", None), ("nonce", b"x"), ("config", "abc"),
     ("config", 1)],
)  # fmt: skip
def test_no_field_can_be_changed(field: str, value: object) -> None:
    announced = CREDENTIALS.announce()

    def changed_on_its_way() -> None:
        server = challenge(SECRET, "cluster", "target", {**announced, field: value})
        CREDENTIALS.prove("target", announced, server.answer)

    with pytest.raises(Refused):
        changed_on_its_way()


@pytest.mark.parametrize("field", ["replica", "role", "config", "nonce"])
def test_a_caller_is_who_it_proved_to_be(field: str) -> None:
    """A proof of one announcement is none of another, by somebody who holds both."""
    one, other = CREDENTIALS.announce(), CREDENTIALS.announce()
    other[field] = {"replica": 4, "role": "client", "config": "x"}.get(field, other["nonce"])
    first = challenge(SECRET, "cluster", "target", one)
    second = challenge(SECRET, "cluster", "target", other)
    with pytest.raises(Refused):
        second.check(CREDENTIALS.prove("target", one, first.answer))


@pytest.mark.parametrize("data", ["hello", None, [], {}, {"proof": ""}, {"nonce": "0"}, 1])
def test_other_data_announces_nobody(data: object) -> None:
    with pytest.raises(Refused):
        challenge(SECRET, "cluster", "target", data)
    with pytest.raises(Refused):
        challenge(SECRET, "cluster", "target", {**CREDENTIALS.announce(), "more": 1})


@pytest.mark.parametrize("data", ["hello", None, [], {}, {"proof": ""}, {"proof": 7}, "\ud800"])
def test_other_data_is_no_proof(data: object) -> None:
    with pytest.raises(Refused):
        challenge(SECRET, "cluster", "target", CREDENTIALS.announce()).check(data)


def test_fields_cannot_run_into_each_other() -> None:
    announced = Credentials("cluster", 1, "ab", SECRET).announce()
    server = challenge(SECRET, "cluster", "bc", {**announced, "role": "a"})
    with pytest.raises(Refused):
        Credentials("cluster", 1, "ab", SECRET).prove("c", announced, server.answer)


def test_nothing_recorded_is_worth_anything() -> None:
    """What passed once, both ways, is shown again to the same server: its nonce is another."""
    announced = CREDENTIALS.announce()
    first = challenge(SECRET, "cluster", "target", announced)
    shown = CREDENTIALS.prove("target", announced, first.answer)
    assert first.check(shown) == Caller(3, "replica")
    with pytest.raises(Refused):
        challenge(SECRET, "cluster", "target", announced).check(shown)
    # Nor can a recorded answer pass for a server's: the caller's nonce is another.
    with pytest.raises(Refused):
        CREDENTIALS.prove("target", CREDENTIALS.announce(), first.answer)


def test_a_servers_proof_is_none_of_a_callers() -> None:
    """Whoever echoes what it is sent proves nothing."""
    announced = CREDENTIALS.announce()
    server = challenge(SECRET, "cluster", "target", announced)
    with pytest.raises(Refused):
        server.check({"proof": server.answer["proof"]})
    shown = CREDENTIALS.prove("target", announced, server.answer)
    with pytest.raises(Refused):
        CREDENTIALS.prove("target", announced, {**server.answer, **shown})


@pytest.mark.parametrize("answer", ["hello", None, {}, {"proof": 1, "nonce": "0"}, {"nonce": 1}])
def test_nothing_is_proved_to_who_has_not_proved_itself(answer: object) -> None:
    with pytest.raises(Refused):
        CREDENTIALS.prove("target", CREDENTIALS.announce(), answer)


def test_who_may_not_connect_learns_that_only_after_its_proof() -> None:
    asked: list[Caller] = []

    def allow(caller: Caller) -> None:
        asked.append(caller)
        raise Refused("not you, because of a file that only members may know of")

    announced = CREDENTIALS.announce()
    server = challenge(SECRET, "cluster", "target", announced, allow)
    with pytest.raises(Refused, match="needs proof"):
        server.check({"proof": "0"})
    assert asked == []
    with pytest.raises(Refused, match="not you"):
        server.check(CREDENTIALS.prove("target", announced, server.answer))
    assert asked == [Caller(3, "replica")]


def test_the_secret_is_in_nothing_that_is_sent() -> None:
    announced = CREDENTIALS.announce()
    server = challenge(SECRET, "cluster", "target", announced)
    shown = CREDENTIALS.prove("target", announced, server.answer)
    assert SECRET.decode() not in repr((announced, server.answer, shown))


def test_a_secret_file_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.mkdir()
    with pytest.raises(OSError, match="it is a folder, not a file; put back the secret"):
        read_secret(path)
    path.rmdir()
    made = make_secret(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_secret(path) == made
    assert len(made) >= 32
    with pytest.raises(FileExistsError):
        make_secret(path)
    path.chmod(0o640)
    with pytest.raises(PermissionError):
        read_secret(path)


def test_an_empty_secret_is_none(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(0o600)
    with pytest.raises(OSError, match="holds no secret; put back the secret"):
        read_secret(path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="no such file; put back the secret") as missing:
        read_secret(path)
    assert missing.value.filename == str(path)


def test_who_comes_second_reads_the_whole_secret_of_the_first(tmp_path: Path) -> None:
    """Replicas that start together on one folder all make it."""

    def make(folder: Path) -> bytes:
        with suppress(FileExistsError):
            make_secret(folder / "secret")
        return read_secret(folder / "secret")

    with ThreadPoolExecutor(8) as pool:
        for turn in range(20):
            folder = tmp_path / str(turn)
            folder.mkdir()
            assert len(set(pool.map(make, [folder] * 8))) == 1
            assert [file.name for file in folder.iterdir()] == ["secret"]
