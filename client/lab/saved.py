"""The page as one file that plays without a server: scripts inlined, runs as inert text.

Rules: nothing is loaded, from anywhere; only the scripts of this file run, by their checksums, so
nothing that a trace holds can; where no script runs there is a still picture, and the story in
words. The page's `save` fills the same template (page/saving.js); it knows no run.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files

__all__ = ["page", "page_files", "template"]

_START = 'import "main.js";'
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def page(trace: str, *, title: str, story: Sequence[str], still: str = "") -> str:
    """Make the file of one trace.

    Args:
        trace: its JSON lines, as kvrmi/sim/DESIGN.md lists them.
        title: what it is, in a few words.
        story: what happened, a sentence each, for readers without scripts.
        still: a picture for them, as text in columns.

    """
    places = {
        "title": escape(title),
        "given": "{}",
        "still": f"<pre>{escape(still)}</pre>" if still else "",
        "story": "\n".join(f"<li>{escape(sentence)}</li>" for sentence in story),
        "runs": f'<script type="text/plain" class="run">\n{_inert(trace)}\n</script>',
    }
    return _filled(template(), places)


def _inert(trace: str) -> str:
    """JSON lines in which no element can end or begin."""
    return trace.rstrip().replace("<", "\\u003c")


@cache
def template() -> str:
    """Return the file with the places that a run fills: title, given, still, story, runs."""
    held = {name: content.decode() for name, content in page_files().items()}
    modules = json.dumps({"imports": _modules(held)})
    body = held["index.html"].partition("<body>")[2].partition("</body>")[0]
    places = {
        "policy": _policy(modules, _START),
        "style": held["lab.css"],
        "modules": modules,
        "page": body,
        "start": _START,
    }
    return _filled(held["saved.html"], places)


def _modules(held: Mapping[str, str]) -> dict[str, str]:
    """Each module by its name, as an address that holds it: none of them has a folder here."""
    return {
        name: "data:text/javascript;base64,"
        + b64encode(source.replace(' from "./', ' from "').encode()).decode()
        for name, source in held.items()
        if name.endswith(".js") and not name.startswith("live")
    }


def _policy(*scripts: str) -> str:
    """Allow these scripts and the modules that they name, and nothing else."""
    sums = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{each}'" for each in sums)
    return (
        f"default-src 'none'; script-src {allowed} data:; style-src 'unsafe-inline'; img-src data:"
    )


def _filled(text: str, places: Mapping[str, str]) -> str:
    """Fill the places that are given and leave the others."""
    return _PLACE.sub(lambda found: places.get(found[1], found[0]), text)


def page_files() -> dict[str, bytes]:
    """Read the page's files, by name: nothing else of the disk can be asked for."""
    folder = files(__package__ or "").joinpath("page")
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}
