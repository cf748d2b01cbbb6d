"""How commands are written."""

from __future__ import annotations

import re

import pytest

from client.grammar.arguments import FromFile, Like
from client.grammar.commands import COMMANDS, Command, parse
from client.grammar.lexer import Usage, plain, split
from client.grammar.making import Output


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("PUT k v", Command("store", "put", ("k", "v"))),
        ("put 'a b' \"c d\"", Command("store", "put", ("a b", "c d"))),
        ("Put k ''", Command("store", "put", ("k", ""))),
        ("get k", Command("store", "get", ("k", "linearizable"))),
        ("GET k --local", Command("store", "get", ("k", "local"))),
        ("GET '--local'", Command("store", "get", ("--local", "linearizable"))),
        ("GET --local -- --local", Command("store", "get", ("--local", "local"))),
        ("PUT -- --local --", Command("store", "put", ("--local", "--"))),
        ("PUT '--' \"--local\"", Command("store", "put", ("--", "--local"))),
        ('PUT k b"\\x00"', Command("store", "put", ("k", b"\0"))),
        ("PUT k @a.bin", Command("store", "put", ("k", FromFile("a.bin")))),
        ("PUT k @'a b'", Command("store", "put", ("k", FromFile("a b")))),
        ("PUT k '@a'", Command("store", "put", ("k", "@a"))),
        ("PUT k @@a", Command("store", "put", ("k", "@a"))),
        ("PUT k @", Command("store", "put", ("k", "@"))),
        ("PUT @k @@", Command("store", "put", ("@k", "@"))),
        ("MPUT a @f b 1", Command("store", "put_many", ([["a", FromFile("f")], ["b", "1"]],))),
        ("Operation(put, my key ,a value)", Command("store", "put", ("my key", "a value"))),
        ("operation ( GET , k )", Command("store", "get", ("k", "linearizable"))),
        ("Operation(delete,--x)", Command("store", "delete", ("--x",))),
        ("GET k > f", Command("store", "get", ("k", "linearizable"), Output(file="f"))),
        ("GET k >'a b'", Command("store", "get", ("k", "linearizable"), Output(file="a b"))),
        ("GET > f k --local", Command("store", "get", ("k", "local"), Output(file="f"))),
        ("GET '>f'", Command("store", "get", (">f", "linearizable"))),
        ("GET k --raw", Command("store", "get", ("k", "linearizable"), Output(raw=True))),
        ("GET k --full", Command("store", "get", ("k", "linearizable"), Output(full=True))),
        ("DELETE k", Command("store", "delete", ("k",))),
        ("DELETE k l k", Command("each", "delete", (["k", "l", "k"],))),
        ("CONTAINS k", Command("store", "contains", ("k",))),
        ("CONTAINS k l", Command("each", "contains", (["k", "l"],))),
        ("DELETE --prefix p", Command("program", "delete_prefix", ("p", False))),
        ("DELETE p --yes --prefix", Command("program", "delete_prefix", ("p", True))),
        ("DELETE '--prefix'", Command("store", "delete", ("--prefix",))),
        ("KEYS", Command("program", "keys", (Like(""), None, None))),
        ("KEYS p*", Command("program", "keys", (Like("p"), None, None))),
        ("KEYS *p", Command("program", "keys", (Like("", "*p"), None, None))),
        ("KEYS a[b-d]?", Command("program", "keys", (Like("a", "a[b-d]?"), None, None))),
        ("KEYS a[0]", Command("program", "keys", (Like("a[0]"), None, None))),
        ("KEYS 'p*'", Command("program", "keys", (Like("p*"), None, None))),
        ("keys p --limit 3", Command("program", "keys", (Like("p"), None, 3))),
        ("PUT k '>'", Command("store", "put", ("k", ">"))),
        ("PUT k -- >", Command("store", "put", ("k", ">"))),
        ("PUT k >=5", Command("store", "put", ("k", ">=5"))),
        ("RECONNECT 3", Command("program", "reconnect", (3,))),
        ("reconnect", Command("program", "reconnect", (None,))),
        ("e", Command("program", "exit")),
        ("?", Command("program", "help")),
        ("clear", Command("program", "clear")),
        ("HELP put", Command("program", "help", ("put",))),
        ("SIZE", Command("store", "size")),
        ("MPUT a 1 b 2", Command("store", "put_many", ([["a", "1"], ["b", "2"]],))),
        ("PUT_MANY a 1", Command("store", "put_many", ([["a", "1"]],))),
        ("MGET a b", Command("store", "get_many", (["a", "b"],))),
        ("CAS k old new", Command("store", "cas", ("k", "old", "new"))),
        ("CAS k --absent new", Command("store", "cas", ("k", None, "new"))),
        ("SCAN", Command("program", "scan", (Like(""), None, None))),
        ("SCAN p --limit 5 --start p3", Command("program", "scan", (Like("p"), "p3", 5))),
        ("SCAN --limit 5", Command("program", "scan", (Like(""), None, 5))),
        ("FAIL 2 Acceptor 1.5", Command("admin", "fail", (2, "acceptor", 1.5, False))),
        ("RESTART 2", Command("admin", "restart", (2, None, None, False))),
        ("KILL 2 --force", Command("admin", "kill", (2, None, None, True))),
        ("CUT 1 2", Command("admin", "cut", (1, 2, False))),
        ("failLink(1,2)", Command("admin", "fail_link", (1, 2, False, False))),
        ("faillink( 1 , 2 ) BOTH", Command("admin", "fail_link", (1, 2, True, False))),
        ("failLink 1 2 both --force", Command("admin", "fail_link", (1, 2, True, True))),
        ("fixLink(2,1)", Command("admin", "fix_link", (2, 1, False, False))),
        ("failProcess(3)", Command("admin", "kill", (3, None, None, False))),
        ("failProcess 3 --force", Command("admin", "kill", (3, None, None, True))),
        ("server 3 reconnect 1 2", Command("answer", "server_reconnect", (3, (1, 2)))),
        ("SERVER 3 RECONNECT", Command("answer", "server_reconnect", (3, ()))),
        ("links", Command("answer", "links")),
        ("printBlockchain", Command("answer", "printblockchain", (None, 0))),
        ("printBlockchain 2 --last 5", Command("answer", "printblockchain", (2, 5))),
        ("printKVStore", Command("answer", "printkvstore", (None,))),
        ("printQueue 4", Command("answer", "printqueue", (4,))),
        ("HEAL", Command("admin", "heal", ())),
        ("HEAL 1 2", Command("admin", "heal", (1, 2))),
        ("HEALTH", Command("program", "health", (0.0,))),
        ("health --wait 2.5", Command("program", "health", (2.5,))),
        ("RESTORE 2 3", Command("admin", "restore", (2, 3))),
        ("QUIT", Command("program", "exit")),
    ],
)
def test_understands(line: str, command: Command) -> None:
    assert parse(split(line)) == command


@pytest.mark.parametrize(
    "line",
    [
        "PUT k", "PUT k v w", "GET", "GET --local",
        "PUT b'k' v", "PUT k v --yes", "GET k --fast", "MPUT a", "MPUT", "MGET", "CAS k v",
        "SIZE k",
        "SCAN --limit", "SCAN --limit 0", "SCAN --limit x", "SCAN a b", "FAIL 2", "FAIL x acceptor",
        "FAIL 2 front", "FAIL 2 acceptor soon", "KILL", "KILL 1 2", "CUT 1", "HEAL 1",
        "HEAL 1 2 3", "RESTORE", "failLink(1)", "failLink(1,2) bath", "failLink",
        "fixLink(1,2,3,4)", "failProcess", "failProcess(x)", "server 3", "server 3 connect",
        "links 1", "printKVStore 1 2", "printQueue x", "printBlockchain --last",
        "HEALTH 5", "HEALTH --wait", "HEALTH --wait soon", "HEALTH --wait -1", "HEALTH --wait nan",
    ],
)  # fmt: skip
def test_refuses_with_the_usage(line: str) -> None:
    named = line.partition("(")[0].split()[0].upper()
    with pytest.raises(Usage, match=f"usage: {COMMANDS[named].usage.split()[0]}"):
        parse(split(line))


def test_refuses_what_is_no_command() -> None:
    with pytest.raises(Usage, match="unknown command 'NOPE'"):
        parse(plain(["NOPE"]))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("PUT --foo a", "unknown option '--foo'; as text it stands in quotes, or after --; usage"),
        ("MGET a --foo", "unknown option '--foo'"),
        ("MGET a > f", "only GET writes into a file"),
        ("SCAN > f", "only GET writes into a file"),
        ("PUT greeting hello world", "too many words; quotes keep spaces; usage"),
        ("GET a b --full", "one key at a time, quotes keep spaces; MGET shows several; usage"),
        ("DELETE --prefix a b", "too many words; quotes keep spaces; usage"),
        ("GET", "key is missing; usage"),
        ("MPUT a 1 b", "value is missing; usage"),
        ("DELETE --prefix", "prefix is missing; usage"),
        ("DELETE k --yes", "--yes does not go with that; usage"),
        ("SCAN --limit", "--limit needs a word after it; usage"),
        ("GET k >", "the name of a file is missing; usage"),
        ("GET k > ''", "the name of a file is missing; usage"),
        ("HEAL 1", "id is missing; usage"),
        ("FAIL two acceptor", "'two' is not the number of a replica; usage"),
        ("FAIL 2 acceptor soon", "'soon' is no number of seconds from 0 to 86400; usage"),
        ("PUT b'k' v", "a key is text, not bytes"),
    ],
)
def test_refuses_argument_by_argument(line: str, why: str) -> None:
    with pytest.raises(Usage, match=re.escape(why)):
        parse(split(line))


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("GTE k", "did you mean GET?"),
        ("set k v", "did you mean PUT?"),
        ("select 1", "did you mean GET?"),
        ("nemsis", "did you mean nemesis?"),
        ("verfy", "did you mean verify?"),
        ("GET k --locla", "did you mean --local?"),
        ("CAS k --absnet v", "did you mean --absent?"),
        ("FAIL 2 aceptor", "did you mean acceptor?"),
        ("RESTART 2 learnr", "did you mean learner?"),
    ],
)
def test_offers_the_nearest_word(line: str, offered: str) -> None:
    with pytest.raises(Usage, match=re.escape(offered)):
        parse(split(line))


def test_offers_no_program_for_what_is_little_like_it() -> None:
    with pytest.raises(Usage, match="unknown command 'echo'; HELP lists"):
        parse(split("echo x"))


def test_words_of_an_argv_are_text_as_they_are() -> None:
    words = plain(["PUT", "a 'k", 'b"x"'])
    assert parse(words) == Command("store", "put", ("a 'k", 'b"x"'))
    assert parse(plain(["PUT", "k", "@f"])) == Command("store", "put", ("k", FromFile("f")))
    assert parse(plain(["GET", "k", "--local"])) == Command("store", "get", ("k", "local"))


def test_an_error_repeats_little_of_a_long_line() -> None:
    for wrong in ("PUT k '" + "x" * 10_000, "y" * 10_000):
        with pytest.raises(Usage) as refused:
            parse(split(wrong))
        assert len(str(refused.value)) < 120


def test_what_is_no_text_is_called_so() -> None:
    with pytest.raises(Usage, match="the line is no text in UTF-8"):
        parse(split("\udcff\udcfe"))
