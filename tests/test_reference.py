"""README's reference against the code: nothing is missing there, nothing stands there that is gone.

The tables of flags, commands, operations and engines are generated: `python -m
tests.test_reference` writes them anew.
The others are written by hand, and their first columns compared.
"""

from __future__ import annotations

import argparse
import ast
import configparser
import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from client.compare.program import ENGINES as COMPARED
from client.exits import EXIT_STATUS
from client.grammar.arguments import ROLES
from client.grammar.help import explained
from client.grammar.help import lines as overview
from client.live.keys import HELP as KEYS
from kvrmi import errors
from kvrmi.access.store import Store, connect
from kvrmi.cli import started_as
from kvrmi.cluster import file, naming
from kvrmi.cluster.chaos import FAILED
from kvrmi.cluster.timing import Timing
from kvrmi.operations.table import KEY_VALUE
from server.coordinator.servant import CoordinatorServant
from server.demo.play import _STORIES
from server.engines.etcd.settings import Settings
from server.engines.kinds import ENGINES
from server.engines.served import Actions
from server.gateways.table import COMMANDS
from server.intake import Intake
from server.kvstore import kvstore
from tests import engines_table
from tests.server.stubs import StubEngine, at_once

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BEGIN, END = "<!-- generated: {} -->", "<!-- end -->"
PROGRAMS = {
    "client": "kvrmi-client",
    "kvrmi.sim": "python -m kvrmi.sim",
    "nameserver": "kvrmi-nameserver",
    "server": "kvrmi-server",
    "server.coordinator": "kvrmi-cluster",
}


def code_files() -> list[Path]:
    folders = ("client", "kvrmi", "nameserver", "server")
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


# --- what is generated --------------------------------------------------------------------------


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Every command line of every program, by what users type before its options."""
    found = {}
    for path in code_files():
        if "\ndef _parser() " in path.read_text(encoding="utf-8"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            parser = importlib.import_module(name)._parser()
            program = PROGRAMS[max((p for p in PROGRAMS if name.startswith(p)), key=len)]
            command = parser.prog.removeprefix(started_as()).split()[-1:]
            found[" ".join([program, *command])] = parser
    return dict(sorted(found.items()))


def flag_tables() -> Iterator[str]:
    for name, parser in parsers().items():
        yield f"\n`{name}`: {' '.join((parser.description or '').split())}\n"
        yield "| option | meaning |"
        yield "| --- | --- |"
        for action in parser._actions:
            if not isinstance(action, argparse._HelpAction | argparse._VersionAction):
                yield f"| `{spelled(action)}` | {meaning(action)} |"


def spelled(action: argparse.Action) -> str:
    names = ", ".join(action.option_strings)
    if action.nargs == 0:
        return names
    word = action.metavar or action.dest.upper()
    return f"{names} {word}".strip()


def meaning(action: argparse.Action) -> str:
    text = (action.help or "").replace("|", "\\|")
    choices = ", ".join(map(str, action.choices)) if action.choices else ""
    return f"{text}: {choices}" if choices and len(choices) < 60 else text


def command_table() -> Iterator[str]:
    yield "\n| command | what it does | for example |"
    yield "| --- | --- | --- |"
    for form, text in explained():
        usage = form.usage.replace("|", "\\|")
        yield f"| `{usage}` | {text} | `{form.example[0]}` |"


def operation_table() -> Iterator[str]:
    yield "\n| method | returns |"
    yield "| --- | --- |"
    for known in KEY_VALUE.clients.values():
        yield f"| `{known.remote_usage}` | {known.help} |"


def gateway_table() -> Iterator[str]:
    yield "\n| command | what it does |"
    yield "| --- | --- |"
    for known in COMMANDS.values():
        yield f"| `{known.usage}` | {known.help} |"


GENERATED = {
    "engines": engines_table.table,
    "gateway": gateway_table,
    "options": flag_tables,
    "commands": command_table,
    "operations": operation_table,
}


def generated(text: str) -> str:
    """README with the generated parts written anew."""
    for name, lines in GENERATED.items():
        before, begin, rest = text.partition(BEGIN.format(name))
        assert begin, f"README has no {BEGIN.format(name)}"
        _, end, after = rest.partition(END)
        text = "".join((before, begin, "\n", "\n".join(lines()).strip("\n"), "\n", end, after))
    return text


def test_the_tables_are_as_generated() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == generated(text), "run: python -m tests.test_reference"


# --- what is compared ---------------------------------------------------------------------------


def first_column(heading: str) -> set[str]:
    """Code spans in the first column of the tables under a heading of the reference."""
    text = README.read_text(encoding="utf-8")
    found = re.search(rf"^### {re.escape(heading)}\n(.*?)(?=^##|\Z)", text, re.M | re.S)
    assert found, f"README has no heading {heading!r}"
    cells = re.findall(r"^\|([^|]*)\|", found[1], re.M)
    return {span for cell in cells for span in re.findall(r"`([^`]+)`", cell)}


def names(spans: Iterable[str]) -> set[str]:
    return {re.split(r"[(\s=]", span)[0] for span in spans}


def public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


def test_every_remote_method() -> None:
    spans = first_column("Remote object")
    served = type(kvstore(Intake(StubEngine(), at_once)))
    assert names(spans) == {name for name in dir(served) if not name.startswith("_")}
    for span in spans:
        expected = inspect.signature(getattr(served, names([span]).pop())).parameters
        given = [word.split("=")[0].strip() for word in span[:-1].partition("(")[2].split(",")]
        assert [word for word in given if word] == list(expected)[1:], span


def test_every_method_of_the_python_store() -> None:
    spans = names(first_column("Python"))
    assert spans == {"connect", *(public(Store) - {"session_id"})}
    signature = inspect.signature(connect)
    text = README.read_text(encoding="utf-8")
    for name in signature.parameters:
        assert f"`{name}`" in text or f"{name}=" in text, name


def test_every_order() -> None:
    assert names(first_column("Coordinator")) == public(CoordinatorServant)


def test_every_error() -> None:
    kinds = {kind for kind in vars(errors).values() if inspect.isclass(kind)}
    codes = {kind.code for kind in kinds if issubclass(kind, errors.KVError)}
    assert first_column("Errors") == codes == set(EXIT_STATUS)


def test_every_port_and_name() -> None:
    expected = {
        naming.NAMESERVER: naming.NAMESERVER_PORT,
        naming.COORDINATOR: naming.COORDINATOR_PORT,
    }
    for daemons in (kind.declared.daemons for kind in ENGINES.values()):
        ports = naming.default_ports(1, daemons)[0]
        expected |= {naming.kvstore(1): ports["client"], naming.admin(1): ports["admin"]}
        expected |= {naming.role(1, role): ports[role] for role in daemons}
    assert first_column("Names and ports") == set(expected)
    text = README.read_text(encoding="utf-8")
    for name, port in expected.items():
        assert f"\n| `{name}` | `{port}` |" in text


def test_a_command_can_name_every_role() -> None:
    assert {*ROLES} == {role for kind in ENGINES.values() for role in kind.declared.daemons}
    for text in (" ".join(overview()), " ".join(overview("FAIL")), " ".join(KEYS)):
        assert all(role in text for role in ROLES)


def test_whoever_names_engines_names_those_that_there_are() -> None:
    """The client's programs and the demo cannot ask the server's table."""
    assert set(COMPARED) == set(ENGINES)
    assert set(FAILED) <= set(ENGINES)
    assert set(_STORIES) == {kind.demo for kind in ENGINES.values() if kind.demo}


def test_every_order_of_an_engine_is_a_row_or_no_command() -> None:
    assert {*Actions._fields} == {*engines_table.ORDERS} | engines_table.NO_COMMANDS


def test_what_an_engine_cannot_be_asked_is_a_row() -> None:
    for engine in engines_table.seen():
        missing = set(engine.kind.vocabulary.clients) - engine.made.capabilities
        assert missing <= {*engines_table.OPERATIONS}, engine.name


def test_every_key_of_the_cluster_file() -> None:
    gateways = {f"gateways.{name}" for name in file._GATEWAYS}
    timing = {f"timing.{field.name}" for field in dataclasses.fields(Timing)}
    head = {"format", *file._HEAD}
    every = {name for kind in ENGINES.values() for name in kind.declared.daemons}
    members = {f"replica.{key}" for key in (*file._MEMBER, *naming.ports_from(1, [*every]))}
    etcd = {f"etcd.{name}" for name in Settings._fields}
    twophase = {"2pc.votes"}
    assert first_column("cluster.toml") == head | timing | gateways | etcd | twophase | members


def test_every_default_of_the_cluster_file() -> None:
    text = README.read_text(encoding="utf-8")
    for field in dataclasses.fields(Timing):
        assert re.search(rf"^\| `timing\.{field.name}` \| {field.default:g} \|", text, re.M), field


def test_every_environment_variable() -> None:
    pattern = re.compile(r"(KVRMI_[A-Z_]+|NO_COLOR|XDG_STATE_HOME)")
    used = {
        node.value
        for path in code_files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and pattern.fullmatch(node.value)
    }
    assert first_column("Environment variables") == used | {"PYRO_NS_HOST", "PYRO_NS_PORT"}


def test_every_console_script() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = setup["options.entry_points"]["console_scripts"].strip().splitlines()
    assert first_column("Programs") >= {line.partition(" = ")[0] for line in lines}


if __name__ == "__main__":
    README.write_text(generated(README.read_text(encoding="utf-8")), encoding="utf-8")
