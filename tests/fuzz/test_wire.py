"""What comes over a socket before anybody knows who sent it."""

from __future__ import annotations

import ast
import contextlib
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.remote.calls import Calls, Hangup
from kvrmi.remote.frames import (
    BATCH,
    EXCEPTION,
    ONEWAY,
    PING,
    RESULT,
    Frame,
    FrameError,
    measure,
    pack,
    take,
)
from kvrmi.remote.identity import Caller, Credentials, Refused, challenge
from kvrmi.remote.literal import TokensExceeded, read_literal
from kvrmi.remote.payload import (
    JSON,
    MSGPACK,
    SERPENT,
    Call,
    PayloadError,
    TooComplex,
    dump_call,
    load,
    load_call,
)
from nameserver.gate import Gate
from tests.remote.rig import NAME, Target

from .strategies import FUZZ, LEAVES, TREES, bytes_like, mutated

LIMIT = 1000
SECRET = b"s" * 32
SERIALIZERS = (SERPENT, JSON, MSGPACK)

frames = st.builds(
    pack,
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 65_535),
    st.integers(0, 65_535),
    st.binary(max_size=60),
    st.binary(min_size=16, max_size=16),
)


@FUZZ
@given(bytes_like(frames), st.integers(0, 200))
def test_frames_are_taken_whole_or_not_at_all(data: bytes, cut: int) -> None:
    try:
        size = measure(data, LIMIT)
        found = take(data, LIMIT)
    except FrameError:
        return
    assert size <= LIMIT + 40
    if found is None:
        assert not size or len(data) < size
        return
    frame, end = found
    assert (end, len(data) >= size) == (size, True)
    assert len(frame.payload) <= end
    assert take(data[: min(cut, end - 1)], LIMIT) is None
    assert take(data[:end], LIMIT) == found


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and _plain(part) for key, part in value.items())
    if isinstance(value, (list, tuple, set)):
        return all(map(_plain, value))
    return value is None or type(value) in (bool, int, float, str, bytes)


calls = st.builds(
    Call,
    st.just(NAME) | st.text(max_size=5),
    st.sampled_from(["echo", "hidden", "put"]),
    st.lists(LEAVES.filter(lambda leaf: not isinstance(leaf, int)) | st.integers(0, 9), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=2),
)


@st.composite
def written_calls(draw: st.DrawFn) -> tuple[int, bytes]:
    serializer = draw(st.sampled_from(SERIALIZERS))
    call = draw(calls)
    with contextlib.suppress(UnicodeEncodeError):
        return serializer, dump_call(serializer, call)
    return serializer, dump_call(SERPENT, call)


@FUZZ
@given(written_calls(), st.data())
def test_payloads_are_read_as_plain_data_or_refused(
    written: tuple[int, bytes], data: st.DataObject
) -> None:
    serializer, valid = written
    sent = data.draw(bytes_like(st.just(valid)))
    for each in (serializer, *SERIALIZERS, 2, 77):
        with contextlib.suppress(PayloadError, TooComplex):
            assert _plain(load(each, sent))
        with contextlib.suppress(PayloadError, TooComplex):
            call = load_call(each, sent)
            assert type(call.target) is type(call.method) is str
            assert isinstance(call.kwargs, dict)


TOKENS = [
    *"[](){},:", " ", "\n", "'a'", "'b'", '"c"', "b'd'", "'\\n'", "'\\x41'", "'\\d'", "b'\\u0041'",
    "1", "-1", "007", "1.5", "1.", ".5", "1e3", "-1e30000", "0x10", "1_0", "None", "True", "False",
    "true", "x", "''", "'", "#", "...", "1j", "-", "+", "*", "'''e'''", "é", "9" * 5000,
]  # fmt: skip


@FUZZ
@given(st.lists(st.sampled_from(TOKENS), max_size=12).map("".join))
def test_what_is_taken_for_a_literal_is_one_and_means_the_same(text: str) -> None:
    try:
        found = read_literal(text, 1000)
    except (ValueError, SyntaxError):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is no literal and looks like a call or an index
        wanted = ast.literal_eval(text.lstrip())
    assert found == wanted
    assert type(found) is type(wanted)


@FUZZ
@given(TREES)
def test_what_python_writes_is_read(tree: Any) -> None:
    try:
        text = repr(tree)
        wanted = ast.literal_eval(text)
    except ValueError:  # too many digits, nan, inf
        return
    if "set()" in text:  # which serpent writes as ()
        return
    assert read_literal(text, 10_000) == wanted


def test_a_literal_has_an_end() -> None:
    with pytest.raises(TokensExceeded):
        read_literal("[" + "0," * 100 + "]", 100)
    assert read_literal("[" + "0," * 100 + "]", 203) == [0] * 100
    with pytest.raises(ValueError, match="deep"):
        read_literal("[" * 200 + "]" * 200, 1000)


@FUZZ
@given(written_calls(), st.integers(0, 127), st.data())
def test_whatever_is_called_gets_one_answer_or_none(
    written: tuple[int, bytes], flags: int, data: st.DataObject
) -> None:
    serializer, valid = written
    served = Calls(1 << 20, lambda: False)
    target = Target()
    served.add(NAME, target)
    sent = data.draw(mutated(st.just(valid)))
    kind = data.draw(st.sampled_from([4, 4, 4, 0, 1, 6, 200]))
    asked = Frame(kind, serializer, flags | BATCH * (kind % 2), 7, b"", sent)
    later: list[bytes] = []
    try:
        answer = served.answer(asked, later.append)
    except Hangup:
        return
    assert answer is not None
    assert later == []
    if flags & ONEWAY and kind != PING:
        assert not answer
        return
    found = take(answer, 1 << 21)
    assert found is not None
    frame = found[0]
    assert frame.sequence == 7
    if frame.kind == RESULT and frame.flags & EXCEPTION:
        reported = load(frame.serializer, frame.payload)
        assert reported["__class__"].startswith(("builtins.", "Pyro5.errors."))
        assert "Traceback" not in reported["args"][0]
    assert not target.touched


handshakes = st.builds(
    lambda field, value: {**Credentials("c", 2, "replica", SECRET).announce(), field: value},
    st.sampled_from(["cluster", "replica", "role", "config", "nonce", "proof", "more"]),
    TREES,
)


@FUZZ
@given(TREES | handshakes)
def test_no_handshake_is_believed_without_proof(data: object) -> None:
    with pytest.raises(Refused):
        challenge(SECRET, "c", "t", data).check(data)


@pytest.mark.parametrize("replica", [1 << 20_000, -1, 1 << 63], ids=["huge", "less", "large"])
def test_no_replica_has_such_a_number(replica: int) -> None:
    """The first is none that Python would even write down."""
    data = {**Credentials("c", 2, "replica", SECRET).announce(), "replica": replica}
    with pytest.raises(Refused):
        challenge(SECRET, "c", "t", data)


@FUZZ
@given(data=TREES | handshakes)
def test_the_name_server_takes_strangers_for_strangers(tmp_path: Path, data: object) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    secret.chmod(0o600)
    for gate in (Gate(secret, None), Gate(secret, "c"), Gate(tmp_path / "none", "c")):
        with contextlib.suppress(Refused):
            claims = gate.admit(data)
            assert claims is None or claims.check(data) is None


@FUZZ
@given(TREES)
def test_no_answer_is_believed_without_proof(answer: object) -> None:
    credentials = Credentials("c", 2, "replica", SECRET)
    with pytest.raises(Refused):
        credentials.prove("t", credentials.announce(), answer)


def test_a_true_proof_is_believed() -> None:
    credentials = Credentials("c", 2, "replica", SECRET)
    announced = credentials.announce()
    server = challenge(SECRET, "c", "t", announced)
    assert server.check(credentials.prove("t", announced, server.answer)) == Caller(2, "replica")
