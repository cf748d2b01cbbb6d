"""Plain English where users and readers look: messages, documents, docstrings, comments; links.

The list holds words that were used for "return", "report", "answer" and "create" once, and readers
stumbled over. It is no substitute for reading a message aloud.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = ("client", "examples", "kvrmi", "nameserver", "server", "run_cluster.py")
BANNED = re.compile(
    r"\b(tells?|told|telling)\b"  # return, report, inform, show
    r"|\bsaid nothing\b|\bknows? again\b|\bdisturbs? nobody\b|\bgood-bye\b"
    r"|\bdrives? \w+( \w+)? over\b|\bbegins anew with\b|\bhears? of (one|it|that)\b",
    re.IGNORECASE,
)


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return [ROOT / name for name in listed.stdout.split()]


DOCUMENTS = tracked("*.md")
SOURCES = [path for path in tracked(*PARTS) if path.suffix == ".py"]


def words_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each string and comment; names in the code are another matter."""
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def test_messages_and_docstrings() -> None:
    found = [
        f"{path.relative_to(ROOT)}, line {line}: {match[0]}"
        for path in SOURCES
        for line, text in words_of(path)
        if " " in text and (match := BANNED.search(text))
    ]
    assert found == [], "say return, report, answer, inform or show"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [f"line {n}: {line}" for n, line in enumerate(lines, 1) if BANNED.search(line)]
    assert not found, "say return, report, answer, inform or show"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        if "://" not in target:
            assert (path.parent / file).exists(), target
        if anchor and not file:
            assert anchor in anchors, target
