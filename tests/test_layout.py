"""Rules about the tree itself that no tool checks: packages, sizes, imports, public names."""

from __future__ import annotations

import ast
import configparser
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = ("client", "nameserver", "server")
SIMULATED = {
    path
    for path in (ROOT / "kvrmi" / "sim").rglob("*.py")
    if path.name not in ("__main__.py", "many.py", "planted.py")
}
"""What must be the same run after run; it makes its own random numbers and nothing more."""
EXAMPLE_NAMES = {"client.py"}
"""Programs of users, as README names them."""
FUNCTION_LINES = 70
FILE_LINES = 400

LIBRARY = sorted((ROOT / "kvrmi").rglob("*.py"))
PROGRAM_FILES = sorted(path for name in PROGRAMS for path in (ROOT / name).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SOURCES = [*LIBRARY, *PROGRAM_FILES, *TESTS, *EXAMPLES, ROOT / "run_cluster.py"]


def setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


@cache
def tree(path: Path) -> ast.Module:
    """The parsed file; nobody changes it, and many tests look at each."""
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every absolute import outside `if TYPE_CHECKING`."""
    for node in running(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.lineno, f"{node.module}"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def running(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            for other in child.orelse:
                yield from running(other)
        else:
            yield from running(child)


PURITY = setup()["importlinter:contract:sansio"]
"""What time, chance and the outside world reach only as arguments, and how they are not to."""
PURE = PURITY["source_modules"].split()
IMPURE = set(PURITY["forbidden_modules"].split())


def is_pure(path: Path) -> bool:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return any(f"{module}.".startswith(f"{pure}.") for pure in PURE)


def public_names(path: Path) -> list[str] | None:
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


def as_people_sort(names: list[str]) -> list[str]:
    """Constants first, then classes, then the rest, as the linter sorts."""
    return sorted(names, key=lambda name: (not name.isupper(), not name[:1].isupper(), name))


@pytest.fixture(params=SOURCES, ids=name_of)
def source(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_setup_lists_every_package() -> None:
    listed = setup()["options"]["packages"].split()
    folders = {path.parent for path in (*LIBRARY, *PROGRAM_FILES)}
    present = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    installed = {f"kvrmi.{name}" if name.split(".")[0] in PROGRAMS else name for name in present}
    assert listed == sorted(installed), "what is not listed is missing from the wheel"


def test_every_package_has_an_init() -> None:
    for folder in {path.parent for path in (*LIBRARY, *PROGRAM_FILES, *TESTS)}:
        assert (folder / "__init__.py").exists(), f"{name_of(folder)} is no package"


def test_setup_maps_every_program() -> None:
    lines = setup()["options"]["package_dir"].strip().splitlines()
    assert lines == [f"kvrmi.{name} = {name}" for name in PROGRAMS]


def test_console_scripts_resolve() -> None:
    scripts = setup()["options.entry_points"]["console_scripts"].strip().splitlines()
    assert len(scripts) == 4
    for script in scripts:
        module, _, function = script.partition(" = ")[2].partition(":")
        checkout = re.sub(r"^kvrmi\.(client|nameserver|server)\b", r"\1", module)
        assert callable(getattr(importlib.import_module(checkout), function)), script


@pytest.mark.parametrize("path", [*LIBRARY, *PROGRAM_FILES], ids=name_of)
def test_no_program_is_imported_by_its_absolute_name(path: Path) -> None:
    forbidden = {*PROGRAMS, *(f"kvrmi.{name}" for name in PROGRAMS)}
    found = [
        f"line {line}: {name}"
        for line, name in imports(path)
        if name.split(".")[0] in PROGRAMS or ".".join(name.split(".")[:2]) in forbidden
    ]
    assert not found, "a program imports itself relatively, and nobody else imports it"


@pytest.mark.parametrize("path", PROGRAM_FILES, ids=name_of)
def test_one_place_of_the_server_knows_a_protocol(path: Path) -> None:
    """What engines are made of, and what reads the folders of replicas that do not run."""
    if path.parent.name in ("engines", "offline"):
        return
    found = [f"line {line}: {name}" for line, name in imports(path) if "kvrmi.paxos" in name]
    assert not found, "ask server/engines for what is declared"


@pytest.mark.parametrize("path", sorted((ROOT / "kvrmi" / "sim").glob("*.py")), ids=name_of)
def test_the_simulated_world_knows_no_protocol(path: Path) -> None:
    """What one brings along stands in a folder of its own; one table names those that ship."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(from|import) \.\.paxos|kvrmi\.paxos", text)
    if path.name != "protocols.py":
        assert not re.search(r"(from|import) \.paxos", text)


@pytest.mark.parametrize("path", sorted((ROOT / "kvrmi").rglob("bugs/*.py")), ids=name_of)
def test_bugs_are_planted_through_public_names(path: Path) -> None:
    """So that nobody who changes the inside of a role has to know them."""
    attributes = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute))
    private = {node.attr for node in attributes if re.match("_[a-z]", node.attr)}
    assert private <= {"_replace", "_asdict"}, "give the role a seam"


def test_each_protocol_is_pure() -> None:
    """A package of kvrmi with a declaration of roles, wherever it stands."""
    declarations = [path for path in LIBRARY if path.name == "declaration.py"]
    assert all(is_pure(path) for path in declarations), "add its package in setup.cfg"


@pytest.mark.parametrize("path", [path for path in LIBRARY if is_pure(path)], ids=name_of)
def test_what_is_pure_has_no_clock_thread_or_socket(path: Path) -> None:
    found = [f"line {line}: {name}" for line, name in imports(path) if name.split(".")[0] in IMPURE]
    assert not found, "time, chance and messages are arguments here"


@pytest.mark.parametrize("path", sorted(SIMULATED), ids=name_of)
def test_the_simulator_has_a_random_of_its_own_and_nothing_more(path: Path) -> None:
    found = {name.split(".")[0] for _, name in imports(path)} & IMPURE
    assert found <= {"random"}


def test_files_are_short(source: Path) -> None:
    lines = source.read_text(encoding="utf-8").count("\n")
    assert lines <= FILE_LINES, f"{lines} lines"


def test_functions_are_short(source: Path) -> None:
    for node in ast.walk(tree(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= FUNCTION_LINES, f"{node.name} at line {node.lineno}: {lines} lines"


def test_files_say_what_they_are_for(source: Path) -> None:
    assert source.read_text(encoding="utf-8").strip() == "" or ast.get_docstring(tree(source))


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_public_names_are_listed_sorted_and_there(path: Path) -> None:
    names = public_names(path)
    if names is None:
        assert path.name in ("__init__.py", "__main__.py"), "__all__ is missing"
        return
    assert names == as_people_sort(names)
    assert len(names) == len(set(names))
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    loaded = importlib.import_module(module)
    for name in names:
        assert hasattr(loaded, name), name


@pytest.mark.parametrize("path", PROGRAM_FILES, ids=name_of)
def test_loggers_have_literal_names(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("getLogger")
            and node.args
        ):
            assert isinstance(node.args[0], ast.Constant), f"line {node.lineno}: use a literal"


def test_the_version_is_a_literal_for_the_build_to_read() -> None:
    text = (ROOT / "kvrmi" / "__init__.py").read_text(encoding="utf-8")
    assert re.search(r'^__version__ = "\d+\.\d+\.\d+"$', text, re.MULTILINE)


def test_protocol_core_loads_no_networking() -> None:
    probe = "import sys, kvrmi.paxos, kvrmi.errors; sys.exit('Pyro5' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], cwd=ROOT, timeout=60).returncode == 0


def test_files_that_documents_and_comments_name_exist() -> None:
    present = [name_of(path) for path in SOURCES]
    documents = [path for path in ROOT.glob("**/*.md") if ".venv" not in path.parts]
    for path in [*documents, *SOURCES]:
        if path.name in ("CHANGELOG.md", "test_makefile.py"):
            continue
        named = re.findall(r"(?<![\w/.-])(?:[\w-]+/)*[\w-]+\.py\b", path.read_text("utf-8"))
        lost = {n for n in named if not any(f"/{each}".endswith(f"/{n}") for each in present)}
        assert lost <= EXAMPLE_NAMES, name_of(path)
