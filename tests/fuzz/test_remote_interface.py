"""Any arguments to any remote method: a checked operation, or one of the documented refusals."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvrmi.cluster.cuts import Cuts
from kvrmi.errors import InvalidRequest
from kvrmi.operations.interface import OPERATIONS, Done, Operation, Result, check, check_request
from kvrmi.operations.table import KEY_VALUE
from kvrmi.remote.calls import Calls
from kvrmi.remote.frames import EXCEPTION, INVOKE, Frame, take
from kvrmi.remote.identity import Caller
from kvrmi.remote.payload import JSON, MSGPACK, SERPENT, Call, dump_call, load
from nameserver.service import NameServer
from server.admin import Admin
from server.coordinator.servant import CoordinatorServant
from server.engines.served import Actions
from server.engines.twophase import TwoPhaseEngine
from server.intake import Intake
from server.kvstore import kvstore

from .strategies import FUZZ, TREES

NAME = "fuzzed"
BUILTINS = {f"builtins.{name}" for name in ("ValueError", "TypeError", "RuntimeError")}
arguments = st.lists(TREES | st.sampled_from(["k", "v", "local", 1, None]), max_size=4)
keywords = st.dictionaries(
    st.sampled_from(["key", "value", "request", "limit", "self", "name", "force"]),
    TREES,
    max_size=1,
)


@FUZZ
@given(st.sampled_from(OPERATIONS) | TREES, arguments)
def test_a_question_is_checked_or_invalid(name: Any, args: list[Any]) -> None:
    with contextlib.suppress(InvalidRequest):
        operation = check(name, args)
        assert type(operation) is Operation
        assert check(operation.name, _asked(operation)) == operation


def _asked(operation: Operation) -> tuple[object, ...]:
    """Arguments that ask for the same once more."""
    return (*operation.args, operation.consistency) if operation.name == "get" else operation.args


@FUZZ
@given(TREES | st.tuples(TREES, TREES) | st.tuples(st.text(max_size=3), st.integers(-1, 3)))
def test_a_request_id_is_checked_or_invalid(request: object) -> None:
    with contextlib.suppress(InvalidRequest):
        found = check_request(request)
        if found is not None:
            assert 0 < len(found[0].encode()) <= 64
            assert found[1] > 0


class Checking:
    """An engine that nothing unchecked may reach."""

    name = "checking"
    capabilities = frozenset(OPERATIONS)

    def submit(self, operation: Operation, request: tuple[str, int] | None, done: Done) -> None:
        done(self.execute(operation, request))

    def execute(self, operation: Operation, request: tuple[str, int] | None) -> Result:
        assert check(operation.name, _asked(operation)) == operation
        assert request is None or check_request(request) == request
        return Result("OK", True, 1, 1, 1, False)

    def status(self) -> dict[str, object]:
        return {"id": 1}


class Obedient:
    """A coordinator's control that only counts."""

    def __init__(self) -> None:
        self.orders = 0

    def status(self) -> dict[str, object]:
        return {}

    def __getattr__(self, name: str) -> Any:
        def order(replica: object, *rest: object) -> dict[str, object]:
            assert type(replica) is int
            self.orders += 1
            return {}

        return order


class Members(NamedTuple):
    ids: tuple[int, ...] = (1, 2, 3)


def _entered(view: object) -> None:
    hosts: Any = SimpleNamespace(_hosts=SimpleNamespace(deliver=lambda role, message: None))
    TwoPhaseEngine.enter(hosts, view)


def _vetoed(votes: int) -> None:
    assert type(votes) is int
    assert votes >= 0


class Patient:
    """A replica of which roles may be failed, and nothing else."""

    me = 1
    cluster = Members()
    cuts = Cuts()
    engine = SimpleNamespace(
        name="paxos",
        actions=Actions(lambda _: {}, lambda _: True, enter=_entered, veto=_vetoed),
    )
    linked = True
    roles = dict.fromkeys(("proposer", "acceptor", "learner"))

    def restart_role(self, role: str) -> int:
        assert role in self.roles
        return 2

    def fail_role(self, role: str, why: str, back_after: float | None) -> bool:
        assert role in self.roles
        assert back_after is None or 0 <= back_after < 90_000
        return True


def ask(instance: object, serializer: int, call: Call) -> tuple[bool, Any]:
    """Make the call as a daemon would; whether it raised, and what came back."""
    served = Calls(1 << 20, lambda: False)
    served.add(NAME, instance)
    try:
        data = dump_call(serializer, call)
    except (TypeError, ValueError, OverflowError):  # not every tree can be written by each
        data = dump_call(SERPENT, call)
        serializer = SERPENT
    later: list[bytes] = []
    asked = Frame(INVOKE, serializer, 0, 1, bytes(16), data)
    frame = take(served.answer(asked, later.append) or later[0], 1 << 21)
    assert frame is not None
    answer = load(frame[0].serializer, frame[0].payload)
    return bool(frame[0].flags & EXCEPTION), answer


serializers = st.sampled_from([SERPENT, JSON, MSGPACK])


@FUZZ
@given(st.sampled_from([*OPERATIONS, "call", "status"]), arguments, keywords, serializers)
def test_the_store_answers_or_raises_what_it_documents(
    method: str, args: list[Any], kwargs: dict[str, Any], serializer: int
) -> None:
    store = kvstore(Intake(Checking(), lambda work: work()))
    raised, answer = ask(store, serializer, Call(NAME, method, args, kwargs))
    if raised and answer["__class__"] != "Pyro5.errors.SerializeError":
        assert answer["__class__"] in BUILTINS
        assert answer["args"][0].startswith("INVALID: ")


@FUZZ
@given(
    st.sampled_from(["lookup", "list", "yplookup", "register", "set_metadata", "remove", "count"]),
    arguments,
    keywords,
    serializers,
    st.sampled_from([None, Caller(0, "client"), Caller(2, "replica")]),
)
def test_the_name_server_answers_or_refuses(
    method: str, args: list[Any], kwargs: dict[str, Any], serializer: int, caller: Caller | None
) -> None:
    names = NameServer("127.0.0.1:1", lambda: caller)
    raised, answer = ask(names, serializer, Call(NAME, method, args, kwargs))
    if raised:
        known = {"Pyro5.errors.NamingError", "Pyro5.errors.SerializeError", "builtins.TypeError"}
        assert answer["__class__"] in known, answer
    if caller is None:
        assert names.count() == 1


@FUZZ
@given(
    st.sampled_from(["kill", "stop", "start", "restart", "restore", "status"]),
    arguments,
    keywords,
    st.booleans(),
)
def test_orders_are_sound_or_invalid(
    method: str, args: list[Any], kwargs: dict[str, Any], trusted: bool
) -> None:
    control: Any = Obedient()
    raised, answer = ask(
        CoordinatorServant(control, lambda: trusted), SERPENT, Call(NAME, method, args, kwargs)
    )
    assert trusted or control.orders == 0
    if raised and answer["__class__"] != "Pyro5.errors.SerializeError":
        assert answer["__class__"] in BUILTINS


@FUZZ
@given(
    st.sampled_from(["fail_role", "restart_role", "cut", "restore", "transfer", "veto", "enter"]),
    arguments,
    keywords,
)
def test_admin_calls_are_sound_or_invalid(
    method: str, args: list[Any], kwargs: dict[str, Any]
) -> None:
    replica: Any = Patient()
    if method != "fail_role" and args and args[0] in (1, 2, 3):
        args[0] = 4  # nobody: what a true one does is not looked at here
    if method == "restore" and (not args or args[0] is None):
        args = [0]
    admin = Admin(replica, lambda: None)
    raised, answer = ask(admin, SERPENT, Call(NAME, method, args, kwargs))
    if raised and answer["__class__"] != "Pyro5.errors.SerializeError":
        assert answer["__class__"] in BUILTINS


def test_the_engine_above_notices_what_is_unchecked() -> None:
    with pytest.raises(InvalidRequest):
        Checking().execute(Operation(KEY_VALUE.by_name["put"], ("", "v"), "linearizable"), None)
