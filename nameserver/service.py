"""The name server's remote object: Pyro5's own name server, made safe to show to anybody.

Rules: anybody may look names up, only who proved to know the cluster's secret may write, and a
replica writes its own names only; what is kept is bounded; no caller's regex is ever run (it holds
the interpreter for as long as its author likes). Addresses that are registered are never connected
to. It is a convenience: nothing that runs depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import Pyro5.core
import Pyro5.errors
import Pyro5.nameserver
import Pyro5.server

from kvrmi.cluster import naming
from kvrmi.remote.identity import Caller

from .pattern import Pattern

NAMES_MAX = 1000
NAME_CHARS_MAX = 200
URI_CHARS_MAX = 300
TAGS_MAX = 16
TAG_CHARS_MAX = 120


@Pyro5.server.expose
class NameServer:
    """`Pyro.NameServer`, as any Pyro5 client expects it; errors are NamingErrors.

    Patterns are read as far as they say how a name begins; others are refused.
    """

    def __init__(self, location: str, caller: Callable[[], Caller | None]) -> None:
        """`location` is our own "host:port"; `caller` says who makes the present call."""
        self._names = Pyro5.nameserver.NameServer()
        self._caller = caller
        own = naming.NAMESERVER
        tags = {"class:Pyro5.nameserver.NameServer"}  # what Pyro5's own says of itself
        self._names.register(own, f"PYRO:{own}@{location}", metadata=tags)

    def ping(self) -> None:
        """Do nothing, in order to be answered."""

    def count(self) -> int:
        """Count the names."""
        return int(self._names.count())

    def lookup(self, name: str, return_metadata: bool = False) -> Any:
        """Look up a name's URI, or (URI, tags)."""
        _check_text("name", name, NAME_CHARS_MAX)
        return self._names.lookup(name, bool(return_metadata))

    def list(
        self, prefix: str | None = None, regex: object = None, return_metadata: bool = False
    ) -> Any:
        """List name -> URI (or (URI, tags)) of the names that begin with `prefix` or `regex`."""
        if prefix and regex:
            raise _refused("give prefix or regex, not both")
        if regex:
            pattern = _pattern(regex)
            names = self._names.list(return_metadata=bool(return_metadata))
            return {name: found for name, found in names.items() if pattern.matches(name)}
        if prefix:
            _check_text("prefix", prefix, NAME_CHARS_MAX)
        return self._names.list(prefix=prefix, return_metadata=bool(return_metadata))

    def yplookup(
        self,
        meta_all: Collection[str] | None = None,
        meta_any: Collection[str] | None = None,
        return_metadata: bool = True,
    ) -> Any:
        """List the names that carry all, or any, of some tags: name -> (URI, tags) or URI."""
        if meta_all and meta_any:
            raise _refused("give meta_all or meta_any, not both")
        for tags in (meta_all, meta_any):
            _check_tags(tags)
        return self._names.yplookup(meta_all, meta_any, bool(return_metadata))

    def register(
        self,
        name: str,
        uri: object,
        safe: bool = False,
        metadata: Collection[str] | None = None,
    ) -> None:
        """Give a name a URI and tags in place of what it had; with `safe`, only if it is new."""
        _check_text("name", name, NAME_CHARS_MAX)
        self._check_writer(name)
        address = _address(uri)
        _check_tags(metadata)
        with self._names.lock:
            if name not in self._names.storage and self._names.count() >= NAMES_MAX:
                raise _refused(
                    f"the name server is full: it holds {NAMES_MAX} names; remove one first"
                )
            self._names.register(name, address, bool(safe), metadata)

    def set_metadata(self, name: str, metadata: Collection[str] | None) -> None:
        """Replace the tags of a name."""
        _check_text("name", name, NAME_CHARS_MAX)
        self._check_writer(name)
        _check_tags(metadata)
        self._names.set_metadata(name, metadata)

    def remove(
        self, name: str | None = None, prefix: str | None = None, regex: object = None
    ) -> int:
        """Remove a name, or all that begin with `prefix`; how many there were."""
        if regex is not None:
            raise _refused("names are not removed by patterns here, but by name or prefix")
        start = name or prefix
        if not start:
            return 0
        _check_text("name", start, NAME_CHARS_MAX)
        self._check_writer(start if name else f"{start}.")
        return int(self._names.remove(name=name, prefix=prefix))

    def _check_writer(self, name: str) -> None:
        caller = self._caller()
        if caller is None:
            raise _refused("writing names needs proof of the cluster's secret; nothing was changed")
        own = naming.kvstore(caller.replica)
        if caller.replica and name != own and not name.startswith(f"{own}."):
            raise _refused(f"replica {caller.replica} writes its own names only, not {name!r}")
        if name == naming.NAMESERVER:
            raise _refused(f"{name} is the name server's own name")


def _pattern(regex: object) -> Pattern:
    _check_text("pattern", regex, NAME_CHARS_MAX)
    try:
        return Pattern(str(regex))
    except ValueError:
        raise _refused(
            "of patterns only plain prefixes are taken here, such as kvrmi\\. or ^http; "
            "or list by prefix, or by tags with yplookup"
        ) from None


def _address(uri: object) -> str:
    _check_text("URI", uri if isinstance(uri, str) else str(uri), URI_CHARS_MAX)
    try:
        return str(Pyro5.core.URI(uri))
    except (Pyro5.errors.PyroError, TypeError):
        raise _refused("the URI must begin with PYRO:") from None


def _check_text(what: str, text: object, limit: int) -> None:
    if not isinstance(text, str) or not 0 < len(text) <= limit or not text.isprintable():
        raise _refused(f"a {what} is a printable str of 1 to {limit} characters")


def _check_tags(tags: object) -> None:
    if tags is None:
        return
    if not isinstance(tags, (list, tuple, set, frozenset)) or len(tags) > TAGS_MAX:
        raise _refused(f"tags are a collection of at most {TAGS_MAX} str")
    for tag in tags:
        _check_text("tag", tag, TAG_CHARS_MAX)


def _refused(text: str) -> Exception:
    error: Exception = Pyro5.errors.NamingError(text)
    return error
