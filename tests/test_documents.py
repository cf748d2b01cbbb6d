"""Each DESIGN.md is held against its folder: files, classes and imports that it names, and lacks.

A folder without a DESIGN.md of its own belongs to the one above it. A file is named by its stem, in
code spans or in the first column of a table.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = ("client", "kvrmi", "nameserver", "server")
SOURCES = sorted(path for part in PARTS for path in (ROOT / part).rglob("*.py"))
DESIGNS = sorted(path for part in PARTS for path in (ROOT / part).rglob("DESIGN.md"))
UNNAMED = ("__init__", "__main__")
"""What every package may have."""
FOREIGN = {"NamingError", "NameServer", "ReceivingMessage"}
"""Pyro5's."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(params=DESIGNS, ids=name_of)
def design(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def files_of(design: Path) -> list[Path]:
    """Files of its folder and of those below that have no document of their own."""
    below = [each.parent for each in DESIGNS if design.parent in each.parent.parents]
    return [
        path
        for path in SOURCES
        if design.parent in path.parents and not any(folder in path.parents for folder in below)
    ]


def spans(text: str) -> list[str]:
    """Code in a line of text; not what stands between fences."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose)


def tables(text: str) -> Iterator[list[list[str]]]:
    """Tables as rows of cells, the header first."""
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        lines = block.strip().splitlines()
        yield [[c.strip() for c in line.strip("|").split("|")] for line in [lines[0], *lines[2:]]]


def listed(cell: str) -> list[str]:
    """Take the names out of a cell."""
    return [name for name in re.split(r"[\s,`]+", cell) if name]


@cache
def defined() -> set[str]:
    """List the classes of the sources, and what they have: `Class` and `Class.member`."""
    found: set[str] = set()
    for path in [*SOURCES, *(ROOT / "tests").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found |= {node.name, *(f"{node.name}.{name}" for name in members(node))}
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found |= {each.id for each in targets if isinstance(each, ast.Name)}
    return found


def members(of: ast.ClassDef) -> Iterator[str]:
    for node in ast.walk(of):
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self":
            yield node.attr
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def test_every_folder_has_a_document() -> None:
    documented = [each.parent for each in DESIGNS]
    for folder in {path.parent for path in SOURCES}:
        assert any(one == folder or one in folder.parents for one in documented), name_of(folder)


def test_every_folder_of_the_library_is_in_its_table() -> None:
    text = (ROOT / "kvrmi" / "DESIGN.md").read_text(encoding="utf-8")
    (table,) = (table for table in tables(text) if table[0][0].startswith("folder"))
    folders = {each.parent.name for each in (ROOT / "kvrmi").glob("*/__init__.py")}
    assert {row[0].strip("`").rstrip("/") for row in table[1:]} == folders


def test_every_document_says_what_to_read_first(design: Path) -> None:
    assert re.search(r"\bread first\b", design.read_text(encoding="utf-8"), re.IGNORECASE)


def test_a_protocols_roles_are_imported_where_the_table_says() -> None:
    """What server/DESIGN.md says of engines/, offline/ and coordinator/views."""
    known = re.compile(r"^from kvrmi\.(paxos|twophase|single)\b", re.MULTILINE)
    found = [p for p in SOURCES if known.search(p.read_text(encoding="utf-8"))]
    allowed = ("server/engines/", "server/offline/", "server/coordinator/views.py")
    assert [name_of(p) for p in found if not name_of(p).startswith(allowed)] == []


def test_the_simulated_world_imports_no_protocol() -> None:
    """What kvrmi/sim/DESIGN.md says of all but `protocols.py`; scripts are read by folders."""
    files = {p.name for p in (ROOT / "kvrmi" / "sim").glob("*.py") if protocols_of(p)}
    assert files == {"protocols.py"}


def protocols_of(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return re.findall(r"^\s*from \.+(?:paxos|twophase|single)\b", text, re.MULTILINE)


def test_every_file_of_a_folder_is_named(design: Path) -> None:
    text = design.read_text(encoding="utf-8")
    first = [cell for table in tables(text) for row in table for cell in row[:1]]
    words = {word for each in [*first, *spans(text)] for word in re.findall(r"\w+", each)}
    missing = [name_of(p) for p in files_of(design) if p.stem not in {*words, *UNNAMED}]
    assert not missing, "say in a few words what it is for"


def test_every_file_in_its_tables_exists(design: Path) -> None:
    here = design.parent
    for header, *rows in tables(design.read_text(encoding="utf-8")):
        for name in (name for row in rows if header[0] == "file" for name in listed(row[0])):
            stem = name.removesuffix(".py").rstrip("/")
            assert (here / stem).is_dir() or (here / f"{stem}.py").exists() or is_data(name), name


def is_data(name: str) -> bool:
    return Path(name).suffix in (".db", ".toml")


def test_every_class_that_is_named_exists(design: Path) -> None:
    named = {
        span
        for span in spans(design.read_text(encoding="utf-8"))
        if re.fullmatch(r"[A-Z][a-z]\w*(\.\w+)?", span)
    }
    assert not named - defined() - FOREIGN


def test_what_folders_of_the_server_import_is_what_the_table_says() -> None:
    """From the folder above; `__init__` and `__main__` may load what they start."""
    text = (ROOT / "server" / "DESIGN.md").read_text(encoding="utf-8")
    (table,) = (table for table in tables(text) if table[0][-1] == "imports of `server/`")
    for row in table[1:]:
        folder = ROOT / row[0].strip("`")
        if folder != ROOT / "server":
            assert sorted(imported(folder)) == listed(row[-1]), name_of(folder)


def imported(folder: Path) -> set[str]:
    """Modules of the folder above that a folder's files import."""
    found: set[str] = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 2:
                found |= {node.module} if node.module else {alias.name for alias in node.names}
    return found
