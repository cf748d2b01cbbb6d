"""One connection's commands: in order for its client, open together as far as nobody sees it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.gateways import dialogue as module
from server.gateways.dialogue import Dialogue

from .stubs import LateStore, conversation, dialogue, result, said

KEYS = st.sampled_from([b"a", b"b", b"c"])
COMMANDS = st.one_of(
    st.builds(lambda k, v: b"SET %s %d" % (k, v), KEYS, st.integers(0, 99)),
    st.builds(lambda k: b"GET %s" % k, KEYS),
    st.builds(lambda k: b"INCR %s" % k, KEYS),
    st.builds(lambda k, j: b"DEL %s %s" % (k, j), KEYS, KEYS),
    st.builds(lambda k, j: b"EXISTS %s %s" % (k, j), KEYS, KEYS),
    st.builds(lambda k, j: b"MGET %s %s" % (k, j), KEYS, KEYS),
    st.builds(lambda k, j, v: b"MSET %s %d %s %d" % (k, v, j, v), KEYS, KEYS, st.integers(0, 99)),
    st.builds(lambda k, v: b"SETNX %s %d" % (k, v), KEYS, st.integers(0, 99)),
    st.builds(lambda k: b"SET %s x NX" % k, KEYS),
    st.sampled_from(
        [b"DBSIZE", b"KEYS *", b"PING", b"BLA", b"GET", b"SET a \xff", b"GET \xff", b"SET \xff 1"]
    ),
)


@settings(max_examples=200)
@given(st.lists(COMMANDS, max_size=12), st.lists(st.integers(0, 5), max_size=60), st.integers(1, 9))
def test_a_client_sees_its_commands_one_after_the_other(
    lines: list[bytes], turns: list[int], size: int
) -> None:
    data = b"".join(line + b"\r\n" for line in lines)
    store, one_by_one = LateStore(), LateStore(at_once=True)
    expected = b"".join(said(line, one_by_one) for line in lines)
    made, output = dialogue(store), b""
    for at in range(0, len(data), size):
        made.feed(data[at : at + size])
        if store.open and turns:
            store.answer(turns.pop())
        output += made.take_output()
    while store.open:
        store.answer(turns.pop() if turns else 0)
        output += made.take_output()
    assert output == expected
    assert store.store.digest == one_by_one.store.digest
    assert made.open == 0
    assert made.kept == 0


def test_a_thousand_puts_of_one_write_are_a_few_operations() -> None:
    store = LateStore()
    made = dialogue(store)
    made.feed(b"".join(b"SET k%d %d\r\n" % (i % 300, i) for i in range(1000)))
    assert [ask.name for ask in store.asked] == ["put_many"]
    store.answer_all()
    assert [len(ask.args[0]) for ask in store.asked] == [500, 500]  # type: ignore[arg-type]
    assert made.take_output() == b"+OK\r\n" * 1000
    assert store.store.get("k99") == "999"


def test_where_many_puts_are_no_operation_each_is_one() -> None:
    store = LateStore()
    made = Dialogue(conversation(), store.submit, gathers=False)
    made.feed(b"SET a 1\nSET b 2\nSET a 3\n")
    assert [ask.name for ask in store.asked] == ["put", "put"]
    store.answer_all()
    assert made.take_output() == b"+OK\r\n" * 3
    assert store.store.get("a") == "3"


def test_reads_and_puts_of_other_keys_are_open_together() -> None:
    store = LateStore()
    made = dialogue(store)
    made.feed(b"GET a\nSET b 1\nGET c\nDEL d\nGET b\nGET e\n")
    assert [ask.name for ask in store.asked] == ["get", "put", "get", "delete"]
    store.answer(2)
    assert made.take_output() == b"", "replies come in the order of requests"
    store.answer_all()
    assert made.take_output() == b"$-1\r\n+OK\r\n$-1\r\n:0\r\n$1\r\n1\r\n$-1\r\n"


def test_one_bad_put_among_others_is_refused_alone() -> None:
    store = LateStore(at_once=True)
    made = dialogue(store)
    made.feed(b"SET a 1\r\nSET %s 2\r\nSET b 3\r\n" % (b"k" * 1025))
    first, second, third = made.take_output().splitlines()
    assert (first, third) == (b"+OK", b"+OK")
    assert second.startswith(b"-ERR INVALID: the key is over 1024 bytes")
    assert store.store.get("b") == "3"


def test_an_unknown_outcome_is_called_so_for_each_put() -> None:
    store = LateStore(at_once=True)
    store.fail = {"put_many": result("it may or may not take effect", code="UNKNOWN_OUTCOME")}
    made = dialogue(store)
    made.feed(b"SET a 1\r\nSET b 2\r\n")
    line = b"-ERR UNKNOWN_OUTCOME: it may or may not take effect\r\n"
    assert made.take_output() == line * 2


def test_garbage_is_answered_after_what_was_asked_before_it() -> None:
    store = LateStore()
    made = dialogue(store)
    made.feed(b"SET a 1\r\n*1\r\nfoo\r\nSET b 2\r\n")
    assert made.take_output() == b""
    assert not made.hungry
    store.answer_all()
    put, error = made.take_output().splitlines()
    assert put == b"+OK"
    assert error.startswith(b"-ERR Protocol error: expected $, got 'f'")
    assert made.ended
    assert store.store.get("b") is None


def test_after_quit_nothing_is_carried_out() -> None:
    store = LateStore(at_once=True)
    made = dialogue(store)
    made.feed(b"SET a 1\r\nQUIT\r\nSET a 2\r\n")
    assert made.take_output() == b"+OK\r\n+OK\r\n"
    assert made.ended
    assert store.store.get("a") == "1"


def test_who_does_not_read_is_not_served_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OUTPUT_MOST", 50)
    store = LateStore(at_once=True)
    made = dialogue(store)
    made.feed(b"SET a %s\n" % (b"x" * 40) + b"GET a\n" * 10)
    assert not made.hungry
    assert len(store.asked) < 5
    output = b""
    while more := made.take_output():
        output += more
        made.advance()
    assert output.count(b"$40") == 10
    assert made.hungry


def test_only_so_many_commands_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OPEN_MOST", 5)
    store = LateStore()
    made = dialogue(store)
    made.feed(b"GET a\n" * 20)
    assert made.open == 5
    assert not made.hungry
    store.answer_all()
    assert made.take_output() == b"$-1\r\n" * 20
    assert made.hungry


def test_reads_whose_answers_may_be_large_are_fewer() -> None:
    store = LateStore()
    made = dialogue(store)
    made.feed(b"GET a\n" * 100)
    assert (made.open, made.hungry) == (module.READS_MOST, False)
    store.answer_all()
    assert made.take_output() == b"$-1\r\n" * 100


def test_what_is_given_up_is_answered_once() -> None:
    store = LateStore()
    made = dialogue(store)
    made.feed(b"SET a 1\nGET b\nSET a 2\n")
    made.give_up("UNKNOWN_OUTCOME: the server stops")
    assert made.take_output() == b"-ERR UNKNOWN_OUTCOME: the server stops\r\n" * 2
    store.answer_all()
    assert made.take_output() == b""
    assert made.ended
