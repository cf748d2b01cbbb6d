"""kvrmi: a key-value store that stays consistent while replicas fail.

    import kvrmi
    with kvrmi.connect() as store:
        store["colour"] = "green"

Rule: `connect` is loaded on first use, so that whoever needs only the protocol core (the
simulator, say) loads no networking.
"""

from __future__ import annotations

from . import errors

TYPE_CHECKING = False  # of typing, which no program may wait for before it has imported `early`

if TYPE_CHECKING:
    from .access.store import connect

__all__ = ["__version__", "connect", "errors"]

__version__ = "0.1.0"

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load `connect` when it is first asked for (PEP 562)."""
        if name != "connect":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from .access.store import connect

        globals()["connect"] = connect
        return connect
