"""The scenarios that ship with kvrmi, by name.

Rule: one folder, one format (kvrmi/sim/scenario.py). It plays nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from kvrmi.sim.scenario import Scenario, read

__all__ = ["named", "texts"]

_END = ".txt"


def texts(protocol: str = "") -> Mapping[str, str]:
    """Return the scenarios of a protocol, or all, as they are written, by name."""
    folder = files("kvrmi.sim").joinpath("scenarios")
    found = {each.name: each for each in folder.iterdir() if each.name.endswith(_END)}
    written = {
        name.removesuffix(_END): found[name].read_text(encoding="utf-8") for name in sorted(found)
    }
    return {
        name: text
        for name, text in written.items()
        if protocol in ("", read(text.splitlines()).protocol)
    }


def named(name: str) -> Scenario:
    """Read one of them; raises KeyError."""
    return read(texts()[name].splitlines())
