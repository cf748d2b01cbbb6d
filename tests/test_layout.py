"""Rules about the tree itself that no tool checks: packages, sizes, imports, public names."""

from __future__ import annotations

import ast
import configparser
import gc
import importlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.util import resolve_name
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


def nodes(path: Path) -> Iterator[ast.AST]:
    """Everything in the parsed file."""
    return ast.walk(tree(path))


@pytest.fixture(scope="module", autouse=True)
def _trees() -> Iterator[None]:
    """Trees have no cycles: looking for some among all of them takes longer than parsing them."""
    gc.disable()
    yield
    gc.enable()
    tree.cache_clear()


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


def module_of(path: Path) -> str:
    """Its full name; a package's is that of its folder."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def asked_of(path: Path, modules: set[str]) -> set[str]:
    """Those of `modules` that the file imports, for types too, and relative ones."""
    module = module_of(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    named = set[str]()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            each = {f"{base}.{alias.name}" for alias in node.names}
            named |= each & modules or {base}
    return (named & modules) - {module}


def circles(imported: dict[str, set[str]]) -> dict[str, set[str]]:
    """What is left of them once whoever imports nobody, or is imported by nobody, is gone."""
    left = imported
    while True:
        somebody = set().union(*left.values())
        inner = {name: found & left.keys() for name, found in left.items() if name in somebody}
        inner = {name: found for name, found in inner.items() if found}
        if inner == left:
            return left
        left = inner


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


def broken(paths: Iterable[Path], rule: Callable[[Path], object]) -> dict[str, object]:
    """What a rule finds in each file that breaks it."""
    found = ((name_of(path), rule(path)) for path in paths)
    return {name: what for name, what in found if what}


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


def test_no_program_is_imported_by_its_absolute_name() -> None:
    forbidden = {*PROGRAMS, *(f"kvrmi.{name}" for name in PROGRAMS)}

    def absolute(path: Path) -> list[str]:
        return [
            f"line {line}: {name}"
            for line, name in imports(path)
            if name.split(".")[0] in PROGRAMS or ".".join(name.split(".")[:2]) in forbidden
        ]

    found = broken([*LIBRARY, *PROGRAM_FILES], absolute)
    assert found == {}, "a program imports itself relatively, and nobody else imports it"


def test_modules_import_each_other_in_no_circle_for_types_either() -> None:
    files = {module_of(path): path for path in (*LIBRARY, *PROGRAM_FILES)}
    imported = {name: asked_of(path, {*files}) for name, path in files.items()}
    assert circles(imported) == {}, "give both a third module: of data, or what one asks the other"


def test_one_place_of_the_server_knows_a_protocol() -> None:
    """What engines are made of, and what reads the folders of replicas that do not run."""

    def known(path: Path) -> list[str]:
        return [f"line {line}: {name}" for line, name in imports(path) if "kvrmi.paxos" in name]

    others = [path for path in PROGRAM_FILES if path.parent.name not in ("engines", "offline")]
    assert broken(others, known) == {}, "ask server/engines for what is declared"


def test_the_simulated_world_knows_no_protocol() -> None:
    """What one brings along stands in a folder of its own; one table names those that ship."""

    def known(path: Path) -> list[str]:
        names = r"\.\.paxos" if path.name == "protocols.py" else r"\.?\.paxos"
        text = path.read_text(encoding="utf-8")
        return re.findall(rf"(?:from|import) {names}|kvrmi\.paxos", text)

    assert broken((ROOT / "kvrmi" / "sim").glob("*.py"), known) == {}


def test_bugs_are_planted_through_public_names() -> None:
    """So that nobody who changes the inside of a role has to know them."""

    def private(path: Path) -> set[str]:
        attributes = {node.attr for node in nodes(path) if isinstance(node, ast.Attribute)}
        return {name for name in attributes if re.match("_[a-z]", name)} - {"_replace", "_asdict"}

    assert broken((ROOT / "kvrmi").rglob("bugs/*.py"), private) == {}, "give the role a seam"


def test_each_protocol_is_pure() -> None:
    """A package of kvrmi with a declaration of roles, wherever it stands."""
    declarations = [path for path in LIBRARY if path.name == "declaration.py"]
    assert all(is_pure(path) for path in declarations), "add its package in setup.cfg"


def test_what_is_pure_has_no_clock_thread_or_socket() -> None:
    def impure(path: Path) -> list[str]:
        named = imports(path)
        return [f"line {line}: {name}" for line, name in named if name.split(".")[0] in IMPURE]

    pure = [path for path in LIBRARY if is_pure(path)]
    assert broken(pure, impure) == {}, "time, chance and messages are arguments here"


def test_the_simulator_has_a_random_of_its_own_and_nothing_more() -> None:
    def others(path: Path) -> set[str]:
        return ({name.split(".")[0] for _, name in imports(path)} & IMPURE) - {"random"}

    assert broken(SIMULATED, others) == {}


def test_files_are_short() -> None:
    def too_long(path: Path) -> int:
        lines = path.read_text(encoding="utf-8").count("\n")
        return lines if lines > FILE_LINES else 0

    assert broken(SOURCES, too_long) == {}, f"at most {FILE_LINES} lines"


def test_functions_are_short() -> None:
    def too_long(path: Path) -> list[str]:
        defined = (n for n in nodes(path) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
        lengths = ((each, (each.end_lineno or each.lineno) - each.lineno + 1) for each in defined)
        return [
            f"{each.name} at line {each.lineno}: {lines}"
            for each, lines in lengths
            if lines > FUNCTION_LINES
        ]

    assert broken(SOURCES, too_long) == {}, f"at most {FUNCTION_LINES} lines"


def test_files_say_what_they_are_for() -> None:
    def says_nothing(path: Path) -> bool:
        return path.read_text(encoding="utf-8").strip() != "" and not ast.get_docstring(tree(path))

    assert broken(SOURCES, says_nothing) == {}


def test_public_names_are_listed_sorted_and_there() -> None:
    def wrong(path: Path) -> object:
        names = public_names(path)
        if names is None:
            return path.name not in ("__init__.py", "__main__.py") and "__all__ is missing"
        if names != as_people_sort(names) or len(names) != len(set(names)):
            return f"sorted they are {as_people_sort(sorted(set(names)))}"
        loaded = importlib.import_module(module_of(path))
        return [name for name in names if not hasattr(loaded, name)]

    assert broken(LIBRARY, wrong) == {}


def test_loggers_have_literal_names() -> None:
    def computed(path: Path) -> list[str]:
        calls = [node for node in nodes(path) if isinstance(node, ast.Call) and node.args]
        return [
            f"line {call.lineno}"
            for call in calls
            if ast.unparse(call.func).endswith("getLogger")
            and not isinstance(call.args[0], ast.Constant)
        ]

    assert broken(PROGRAM_FILES, computed) == {}, "use a literal"


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
