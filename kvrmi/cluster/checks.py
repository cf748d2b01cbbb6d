"""What a value of a cluster's description may be, and how a wrong one is refused.

Rule: whatever is wrong is one line, for the person who wrote the file or the command.
"""

from __future__ import annotations

import re

from .naming import join_address, split_address

__all__ = ["ConfigError", "check_address", "check_host", "check_word"]

_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}")


class ConfigError(ValueError):
    """A cluster file or a value for it is wrong; the text is one line."""


def check_address(address: str, where: str) -> None:
    """Refuse what is not "host:port". Raises ConfigError."""
    try:
        split_address(address)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None


def check_host(host: str, where: str) -> None:
    """Refuse what is not a host. Raises ConfigError."""
    try:
        split_address(join_address(host, 1))
    except ValueError:
        raise ConfigError(f"{where}: not a host: {host!r}") from None


def check_word(text: str, key: str) -> None:
    """Refuse what is not one short plain word. Raises ConfigError."""
    if _WORD.fullmatch(text) is None:
        raise ConfigError(f"{key} is not 1 to 64 letters, digits, - . or _: {text!r}")
