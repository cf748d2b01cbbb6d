"""The demo: failures and recovery under load, shown act by act, and checked at the end."""

from .play import run
from .show import Show

__all__ = ["Show", "run"]
