"""Who may say who they are."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kvrmi.remote.identity import Badge, Caller, Refused, make_secret, read_secret, verify

SECRET = b"a secret of thirty-two bytes or so"
BADGE = Badge("cluster", 3, "replica", SECRET)


def test_a_proof_holds_for_its_target_and_cluster() -> None:
    caller = verify(SECRET, "cluster", "target", BADGE.handshake("target"))
    assert caller[:2] == (3, "replica")
    for secret, cluster, target in (
        (b"other" * 8, "cluster", "target"),
        (SECRET, "other", "target"),
        (SECRET, "cluster", "other"),
    ):
        with pytest.raises(Refused):
            verify(secret, cluster, target, BADGE.handshake("target"))


@pytest.mark.parametrize(
    ("field", "value"),
    [("replica", 4), ("replica", True), ("replica", "3"), ("role", "coordinator"), ("nonce", "0"),
     ("proof", ""), ("proof", "\ud800"), ("proof", 7), ("cluster", 1), ("cluster", ["cluster"]),
     ("role", None), ("nonce", b"x")],
)  # fmt: skip
def test_no_field_can_be_changed(field: str, value: object) -> None:
    with pytest.raises(Refused):
        verify(SECRET, "cluster", "target", {**BADGE.handshake("target"), field: value})


@pytest.mark.parametrize("data", ["hello", None, [], {}, {"proof": ""}, 1])
def test_other_data_is_no_proof(data: object) -> None:
    with pytest.raises(Refused):
        verify(SECRET, "cluster", "target", data)
    with pytest.raises(Refused):
        verify(SECRET, "cluster", "target", {**BADGE.handshake("target"), "more": 1})


def test_fields_cannot_run_into_each_other() -> None:
    shown = Badge("cluster", 1, "ab", SECRET).handshake("c")
    with pytest.raises(Refused):
        verify(SECRET, "cluster", "bc", {**shown, "role": "a"})


def test_no_two_handshakes_are_the_same() -> None:
    assert BADGE.handshake("target") != BADGE.handshake("target")


def test_the_answer_proves_the_secret_too() -> None:
    sent = BADGE.handshake("target")
    caller = verify(SECRET, "cluster", "target", sent)
    BADGE.check_answer("target", sent, {"proof": caller.proof})
    other = verify(SECRET, "cluster", "target", BADGE.handshake("target"))
    wrong: list[object] = [{"proof": other.proof}, {"proof": sent["proof"]}, "hello", None, {}]
    for answer in [*wrong, {"proof": 1}, {"proof": "\ud800"}]:
        with pytest.raises(Refused):
            BADGE.check_answer("target", sent, answer)


def test_the_secret_is_in_nothing_that_is_sent() -> None:
    sent = BADGE.handshake("target")
    assert SECRET.decode() not in repr((sent, verify(SECRET, "cluster", "target", sent)))


def test_a_caller_compares_by_what_it_is() -> None:
    assert Caller(1, "replica") == (1, "replica", "")


def test_a_secret_file_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "secret"
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
    with pytest.raises(OSError, match="no secret"):
        read_secret(path)
