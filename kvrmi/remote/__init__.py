"""Pyro5 for a hostile network: daemons, proxies, held connections; see DESIGN.md here.

Importing it imports Pyro5, whatever the environment says: an unknown PYRO_ variable makes Pyro5
raise. Nothing here depends on Pyro5's settings, so then all of them are hidden while it is
imported. The environment stays as it is.
"""

from __future__ import annotations

import importlib
import os


def _import_pyro() -> None:
    try:
        importlib.import_module("Pyro5")
    except ValueError:
        hidden = {name: os.environ.pop(name) for name in list(os.environ) if name[:5] == "PYRO_"}
        try:
            importlib.import_module("Pyro5")
        finally:
            os.environ.update(hidden)


_import_pyro()
