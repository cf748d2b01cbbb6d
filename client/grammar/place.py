"""What stands at the cursor of a line that is being typed: for completion, hints and colours.

Rules: it never raises, and takes time in proportion to the line. It asks nobody: which keys or
files there are is somebody else's question.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .commands import COMMANDS, Form
from .lexer import Word, read
from .pattern import Pattern, Placed

__all__ = ["Place", "place"]

_QUOTE = re.compile(r"""[bB]?["']""")


class Place(NamedTuple):
    """What stands at the cursor.

    form: the command; None while its name is typed, or if there is none of that name.
    argument: which word of `form.usage.split()` is being typed; None if it says nothing of it.
    kind: command, key, id, role, option, file, value, number, or none.
    start: where what is being typed begins, its quote included, an @ or > before it not.
    typed: what was typed of it up to the cursor, without quotes.
    quoted: whether it begins with a quote.
    """

    form: Form | None
    argument: int | None
    kind: str
    start: int
    typed: str
    quoted: bool


def place(line: str, cursor: int) -> Place:
    """Say what stands before the cursor; what comes after it is not looked at."""
    line = line[:cursor]
    words = read(line).words
    within = bool(words) and words[-1].end == len(line)
    word = words.pop() if within else Word("", len(line), len(line), True)
    if not words:
        return _at(line, word, None, None, "command")
    form = COMMANDS.get(str(words[0].text).upper())
    if form is None:
        return _at(line, word, None, None, "none")
    argument, kind, skipped = _within(form.pattern, form.pattern.place(words[1:]), word)
    return _at(line, _without(word, skipped), form, argument, kind)


def _within(pattern: Pattern, before: Placed, word: Word) -> tuple[int | None, str, int]:
    """Return the word of the usage, its kind, and how many signs stand before what is typed."""
    options = pattern.options
    text = word.text if word.bare and isinstance(word.text, str) else ""
    if before.lacks and (argument := options[before.lacks].argument):
        return argument.at, argument.kind, 0
    if text.startswith("--") and options:
        near = [option.at for name, option in options.items() if name.startswith(text)]
        return near[0] if len(near) == 1 else None, "option", 0
    if text.startswith(">") and ">" in options:
        return options[">"].at + 1, "file", 1
    slot = pattern.shape(before).slot(len(before.words))
    if slot is None:
        return None, "option" if options else "none", 0
    from_file = slot.kind == "value" and text.startswith("@") and not text.startswith("@@")
    return slot.at, "file" if from_file else slot.kind, int(from_file)


def _without(word: Word, signs: int) -> Word:
    if not signs or isinstance(word.text, bytes):
        return word
    return word._replace(text=word.text[signs:], start=word.start + signs)


def _at(line: str, word: Word, form: Form | None, argument: int | None, kind: str) -> Place:
    typed = word.text if isinstance(word.text, str) else ""
    quoted = _QUOTE.match(line, word.start) is not None
    return Place(form, argument, kind, word.start, typed, quoted)
