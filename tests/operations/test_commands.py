"""Commands as a log names them: short, on one line, whatever bytes come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kvrmi.operations.commands import Voter, encode_command, encode_question, encode_voter, summary
from tests.state.counter import COUNTING, add, total

CLIENT = ("ana", 17)


def test_a_command_is_named_with_its_key_and_id() -> None:
    assert summary([encode_command("put", ("k", "v"), CLIENT)]) == ': put "k" id=ana/17'
    own = encode_voter(Voter(3, 2, "disk"), (1, b"\x01" * 8, 5))
    assert summary([own]) == ': voter "3" id=1/010101010101../5'


def test_a_client_with_a_name_is_named_whole() -> None:
    command = encode_command("put", ("k", "v"), ("my-client-one:" + "ab" * 16, 2))
    assert summary([command]) == ': put "k" id=my-client-one:abababababab../2'
    foreign = encode_command("put", ("k", "v"), ("x" * 40 + ":1", 2))
    assert summary([foreign]) == f': put "k" id={"x" * 30}..:1/2'


def test_lists_are_counted_and_long_names_clipped() -> None:
    many = encode_question("get_many", ((("x" * 50), "b"),))
    assert summary([many]) == f': get_many "{"x" * 40}.." (2)'
    four = [encode_question("size", ())] * 4
    assert summary(four) == ": size, size, size, .."
    assert summary([encode_question("get_many", ((),))]) == ": get_many (0)"


def test_commands_of_another_machine_are_named_in_its_words() -> None:
    assert summary([add(7, 1, CLIENT)], COUNTING) == ': add "7" id=ana/17'
    assert summary([total(1, 2)], COUNTING) == ': total "1" (2)'
    assert summary([total()], COUNTING) == ": total (0)"
    assert summary([add(7, 1, CLIENT)]) == ": malformed"


def test_nothing_is_said_of_no_command() -> None:
    assert summary([]) == ""


def test_a_key_or_client_cannot_forge_a_line() -> None:
    text = summary([encode_command("delete", ("a\n2026 [x]",), ("b\nc", 1))])
    assert text == ': delete "a\\n2026 [x]" id=b\\nc/1'


def test_a_key_is_shown_as_it_is_typed_unless_a_terminal_obeys_it() -> None:
    japan = "\u65e5\u672c"
    assert summary([encode_command("delete", (japan,), ("b", 1))]) == f': delete "{japan}" id=b/1'
    obeyed = summary([encode_command("delete", ("\x9b31m\u202e",), ("b", 1))])
    assert obeyed == ': delete "\\u009b31m\\u202e" id=b/1'


@given(st.binary(max_size=60))
def test_junk_is_called_malformed(junk: bytes) -> None:
    assert "\n" not in summary([junk])
