"""Text that comes faster than anybody types: pastes, parted from keys before the editor sees them.

Rules: what is pasted is text, whatever bytes are in it; more than the line editor can bear never
reaches it, and the memory it takes is bounded. It stands before prompt_toolkit's own parser of
keys, which takes seconds for what is dropped here, and knows no commands.
"""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

__all__ = ["LIMIT", "Pastes"]

LIMIT = 64 * 1024
"""Characters of one paste that the line editor takes."""
_BEGIN, _END = "\x1b[200~", "\x1b[201~"
_BURST = 1000
"""Characters read at once that are no keys: the editor reads 1024 at most."""
_ABANDON = "\x03"


class Pastes:
    """Feeds a parser of keys, and takes pastes out of what it is fed.

    A terminal marks a paste at both ends. One without marks is recognized by its speed, or by bytes
    that no key sends, and ends when nothing follows. Enter keeps its meaning in the first, since
    programs type lines too, and not in the second.
    """

    def __init__(self, parser: Vt100Parser, too_large: Callable[[int], None]) -> None:
        """`too_large` is called with the length of a paste that was dropped."""
        self._parser = parser
        self._too_large = too_large
        self._rest = ""
        self.reset()

    def reset(self) -> None:
        """Forget what is half read."""
        self._parser.reset()
        self._rest = ""
        self._marked = _Block()
        self._within = False
        self._burst = _Block()
        self._in_burst = self._binary = False

    def feed(self, data: str) -> None:
        """Take what was read from the terminal."""
        if data == _ABANDON:  # a person, who sees nothing of what is typed
            self._abandon()
        full = len(data) >= _BURST and "\x1b" not in data
        data, self._rest = self._rest + data, ""
        while data:
            if self._within:
                data = self._marked_text(data)
            elif _BEGIN in data:
                before, _, data = data.partition(_BEGIN)
                self._unmarked(before, False)
                self._within = True
            else:
                split = _begun(data, _BEGIN)
                self._rest = data[split:]
                self._unmarked(data[:split], full)
                return

    def flush(self) -> None:
        """Take what is half read for what it is: nothing follows for now."""
        if not self._within:
            rest, self._rest = self._rest, ""
            self._unmarked(rest, False)
            self._end_burst()
        self._parser.flush()

    def _abandon(self) -> None:
        """End whatever paste there is: of a marked one the end was lost."""
        self._marked, self._within, self._rest = _Block(), False, ""
        self._end_burst()

    def _marked_text(self, data: str) -> str:
        """Add to the paste; returns what comes after its end."""
        text, mark, after = data.partition(_END)
        if not mark:
            split = _begun(data, _END)
            text, self._rest = data[:split], data[split:]
        self._marked.add(text)
        if mark:
            self._within = False
            self._marked = self._taken(self._marked)
        return after

    def _unmarked(self, data: str, full: bool) -> None:
        """Pass keys on; collect what cannot be keys."""
        self._binary = self._binary or _is_binary(data)
        if not (self._in_burst or full or self._binary):
            self._parser.feed(data)
            return
        self._in_burst = True
        *lines, rest = [data] if self._binary else data.split("\r")
        for line in lines:
            self._burst.add(line)
            self._burst = self._taken(self._burst)
            self._parser.feed("\r")
        self._burst.add(rest)
        if lines and not rest and not full:
            self._end_burst()

    def _end_burst(self) -> None:
        self._burst = self._taken(self._burst)
        self._in_burst = self._binary = False

    def _taken(self, block: _Block) -> _Block:
        """Hand a complete paste to the editor; returns an empty one."""
        if block.length > LIMIT:
            self._too_large(block.length)
        elif block.length:
            self._parser.feed_key_callback(KeyPress(Keys.BracketedPaste, "".join(block.parts)))
        return _Block()


class _Block:
    """A paste in the making."""

    def __init__(self) -> None:
        self.length = 0
        self.parts: list[str] = []

    def add(self, text: str) -> None:
        """Count it, and keep it while it is not too much."""
        self.length += len(text)
        if self.length <= LIMIT:
            self.parts.append(text)
        else:
            self.parts.clear()


def _begun(data: str, mark: str) -> int:
    """Find where a mark may begin that is not complete yet; the end of `data` if nowhere."""
    for length in range(min(len(mark) - 1, len(data)), 0, -1):
        if data.endswith(mark[:length]):
            return len(data) - length
    return len(data)


def _is_binary(data: str) -> bool:
    """Whether no keyboard sends this at once: several NULs, or what is no UTF-8, among other text.

    Ctrl-D typed while a command ran is a NUL at the end of what was typed before it.
    """
    text = data.rstrip("\0")
    return len(data) > 8 and (text.count("\0") > 1 or any("\udc80" <= c <= "\udcff" for c in text))
