"""The cluster file: where it is looked for, how it is read and written.

Rule: what is wrong with a file is one line that names the file and the key. It knows no engine:
what the table of one says is passed on.
"""

from __future__ import annotations

import dataclasses
import json
import os
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .checks import ConfigError
from .config import FORMAT, Cluster
from .gateways import Gateways
from .members import Member
from .naming import ADMIN, CLIENT
from .timing import Timing

__all__ = ["CONFIG_VARIABLE", "dump", "find", "load"]

CONFIG_VARIABLE = "KVRMI_CONFIG"
"""Environment variable that names the cluster file."""
_LOCAL_FILE = Path(".kvrmi") / "cluster.toml"


def find(explicit: str | None = None) -> Path | None:
    """Path of the cluster file: the argument, KVRMI_CONFIG, or ./.kvrmi/cluster.toml if there.

    What was named is returned unseen, so that `load` can say what is wrong with it. Raises
    ConfigError for an empty variable; programs refuse it before they ask.
    """
    if explicit is not None:
        return Path(explicit)
    named = os.environ.get(CONFIG_VARIABLE)
    if named == "":
        raise ConfigError(
            f"not named: the variable {CONFIG_VARIABLE} is empty; unset it, or give it a value"
        )
    if named is not None:
        return Path(named)
    try:
        os.stat(_LOCAL_FILE)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # it cannot be seen whether it is there: `load` says why
        pass
    return _LOCAL_FILE


def load(path: str | Path) -> Cluster:
    """Read a cluster file. Raises ConfigError with one line, also when it cannot be read."""
    try:
        data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        return _cluster(data, Path(path).resolve())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text") from error
    except ValueError as error:  # of tomllib, or a ConfigError of ours
        raise ConfigError(f"{path}: {error}") from error


def dump(cluster: Cluster) -> str:
    """Write it as TOML; `load` gives an equal cluster, but for the folder."""
    head = {"format": FORMAT} | {key: getattr(cluster, key) for key in _HEAD}
    if not cluster.metrics_port:  # older versions do not know the key
        del head["metrics_port"]
    parts = [
        "# A kvrmi cluster. Everything that runs reads this file at its start.",
        *_lines(head),
        "\n[timing]  # seconds",
        *_lines(dataclasses.asdict(cluster.timing)),
    ]
    gateways = {name: port for name, port in cluster.gateways._asdict().items() if port}
    if gateways:
        parts += [
            "\n[gateways]  # ports of the first replica; the next ones count on",
            *_lines(gateways),
        ]
    if cluster.settings:
        parts += [f"\n[{cluster.engine}]", *_lines(cluster.settings)]
    for one in cluster.members:
        table = {"id": one.id, "host": one.host, **one.ports, "disk": one.disk}
        parts += ["\n[[replica]]", *_lines(table)]
    return "\n".join(parts) + "\n"


_HEAD: Mapping[str, type] = {
    "name": str,
    "id": str,
    "engine": str,
    "nameserver": str,
    "coordinator": str,
    "log_entries": int,
    "history_revisions": int,
    "history_bytes": int,
    "pin": bool,
    "listen": str,
    "metrics_port": int,
}
_MEMBER: Mapping[str, type] = {"id": int, "host": str, "disk": str}
"""What of a replica is no port: each port stands under the name of who listens there."""
_TIMING: Mapping[str, type] = dict.fromkeys(
    (field.name for field in dataclasses.fields(Timing)), float
)
_GATEWAYS: Mapping[str, type] = dict.fromkeys(Gateways._fields, int)
_OPTIONAL = frozenset(
    {
        *_GATEWAYS,
        "log_entries",
        "history_revisions",
        "history_bytes",
        "pin",
        "listen",
        "metrics_port",
        "disk",
        *_TIMING,
    }
)
_TYPE_NAMES = {str: "a text", int: "a whole number", bool: "true or false", float: "a number"}


def _lines(table: Mapping[str, object]) -> list[str]:
    # JSON's scalars are TOML's, control characters excepted, which no checked value holds.
    return [f"{key} = {json.dumps(value)}" for key, value in table.items()]


def _cluster(data: dict[str, Any], path: Path) -> Cluster:
    if not data:
        raise ConfigError("is empty: put the cluster file back from a copy")
    if "format" not in data:
        raise ConfigError("format missing: is it a cluster file?")
    written = data.pop("format")
    if written != FORMAT:
        raise ConfigError(f"format is {written!r}, this version reads {FORMAT}")
    timing = data.pop("timing", {})
    gateways = data.pop("gateways", {})
    replicas = data.pop("replica", [])
    settings = data.pop(engine, {}) if isinstance(engine := data.get("engine"), str) else {}
    for name, table in (("timing", timing), ("gateways", gateways), (engine, settings)):
        if not isinstance(table, dict):
            raise ConfigError(f"{name} is not a table")
    if not isinstance(replicas, list) or not all(isinstance(one, dict) for one in replicas):
        raise ConfigError("replica is not a list of tables: write [[replica]]")
    return Cluster(
        **_typed(data, _HEAD, ""),
        members=_members(replicas),
        timing=Timing(**_typed(timing, _TIMING, "timing: ")),
        gateways=Gateways(**_typed(gateways, _GATEWAYS, "gateways: ")),
        settings=_typed(settings, dict.fromkeys(settings, str), f"{engine}: "),
        folder=path.parent,
        source=str(path),
    )


def _members(tables: Sequence[Mapping[str, Any]]) -> tuple[Member, ...]:
    keys = {**_MEMBER, **dict.fromkeys(_ports(tables), int)}
    return tuple(_member(_typed(one, keys, f"replica {one.get('id', '?')}: ")) for one in tables)


def _ports(tables: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """Name what listens at each replica: which roles do is the engine's, whom nobody here knows.

    So a number that fewer than half of the replicas have is a slip of the pen, no role.
    """
    numbers = Counter(
        name
        for table in tables
        for name, value in table.items()
        if name not in _MEMBER and isinstance(value, (int, float))
    )
    return CLIENT, ADMIN, *(name for name, n in numbers.items() if 2 * n >= len(tables))


def _member(table: Mapping[str, Any]) -> Member:
    ports = {name: port for name, port in table.items() if name not in _MEMBER}
    return Member(**{name: table[name] for name in _MEMBER if name in table}, ports=ports)


def _typed(table: Mapping[str, Any], keys: Mapping[str, type], where: str) -> Mapping[str, Any]:
    """Check a table: every key that is needed, none that is unknown, all of their type."""
    for key, value in table.items():
        if key not in keys:
            raise ConfigError(f"{where}unknown key {key!r}")
        kind = keys[key]
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise ConfigError(f"{where}{key} is not {_TYPE_NAMES[kind]}: {value!r}")
    missing = [key for key in keys if key not in table and key not in _OPTIONAL]
    if missing:
        raise ConfigError(f"{where}{', '.join(missing)} missing")
    return table
