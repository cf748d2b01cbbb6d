"""How a command is written: its usage, and the words of a line put in the places it names.

A usage is the one description of a command, as in `SCAN [prefix] [--start key] [--limit n]`. Small
words are arguments, whose names say what they may be; brackets mean optional, `...` again and
again, ` | ` another way of writing it. Rule: whatever reads a line, to run it or to help somebody
who types it, goes by the usage. It knows no command.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .arguments import kind_of, made
from .lexer import Usage, Word, shortened
from .nearest import meant

__all__ = ["Given", "Option", "Pattern", "Placed", "Slot"]


class Slot(NamedTuple):
    """An argument: its name, what kind of thing it is, and which word of the usage it is."""

    name: str
    kind: str
    at: int


class Option(NamedTuple):
    """An option, or >: which word of the usage it is, and its argument."""

    at: int
    argument: Slot | None


class Placed(NamedTuple):
    """Words in their places: those of arguments, options with theirs, the option that lacks its."""

    words: list[Word]
    options: dict[str, Word | None]
    lacks: str


class Given(NamedTuple):
    """What the words of a command mean: arguments in order, and options by name."""

    args: tuple[object, ...]
    options: dict[str, object]


class _Shape:
    """One way of writing a command."""

    def __init__(self, usage: str, first: int) -> None:
        """Take a usage apart; `first` says which word of the whole usage it begins with."""
        self.options: dict[str, Option] = {}
        self.needed: set[str] = set()
        self._slots: list[Slot] = []
        self._again: list[Slot] = []
        self._counts: list[int] = [0]
        for optional, words in _brackets(usage):
            slots = [Slot(name, kind_of(name), first + at) for at, name in words]
            name = slots[0].name
            if name.startswith(("--", ">")):
                self.options[name] = Option(slots[0].at, slots[1] if len(slots) > 1 else None)
                self.needed |= set() if optional else {name}
            elif slots[-1].name == "...":
                self._again = slots[:-1]
            else:
                self._slots += slots
                self._counts = [*(self._counts if optional else []), len(self._slots)]

    def slot(self, number: int) -> Slot | None:
        """Return the argument at a place, counted from 0; None where nothing may stand."""
        if number < len(self._slots):
            return self._slots[number]
        past = number - len(self._slots)
        return self._again[past % len(self._again)] if self._again else None

    def takes(self, count: int) -> bool:
        """Whether so many arguments are a whole command."""
        past = count - len(self._slots)
        again = bool(self._again) and past > 0 and past % len(self._again) == 0
        return again or count in self._counts


class Pattern:
    """A command's usage, taken apart."""

    def __init__(self, usage: str, several: str = "") -> None:
        """`usage`: as in the head of this file, ways of writing it separated by " | ".

        several: what takes several keys, where this takes one.
        """
        self.usage = usage
        self._several = several
        self._shapes: list[_Shape] = []
        first = 0
        for part in usage.split(" | "):
            self._shapes.append(_Shape(part, first))
            first += len(part.split()) + 1
        self.options: dict[str, Option] = {}
        for shape in self._shapes:
            self.options |= shape.options

    def place(self, words: Sequence[Word]) -> Placed:
        """Put words in their places, wrong ones too; never raises.

        Only bare words are options; after -- none is.
        """
        placed, lacks, literal = Placed([], {}, ""), "", False
        for word in words:
            text = word.text if word.bare and isinstance(word.text, str) else ""
            if lacks:
                placed.options[lacks] = word
                lacks = ""
            elif not literal and text == "--":
                literal = True
            elif not literal and text.startswith("--"):
                placed.options[text] = None
                option = self.options.get(text)
                lacks = text if option and option.argument else ""
            elif not literal and text == ">" and text not in self.options:
                placed.options[text] = None
            elif not literal and text.startswith(">") and ">" in self.options:
                placed.options[">"] = word._replace(text=text[1:], start=word.start + 1)
                lacks = ">" if text == ">" else ""
            else:
                placed.words.append(word)
        return placed._replace(lacks=lacks)

    def shape(self, placed: Placed) -> _Shape:
        """Choose the way of writing that is used."""
        fits = [shape for shape in self._shapes if shape.needed <= placed.options.keys()]
        return max(fits, key=lambda shape: len(shape.needed), default=self._shapes[0])

    def read(self, words: Sequence[Word]) -> Given:
        """Make what the words mean. Raises Usage: what is wrong with them."""
        placed = self.place(words)
        shape = self.shape(placed)
        options = {name: self._option(shape, name, word) for name, word in placed.options.items()}
        if placed.lacks:
            raise Usage(f"{placed.lacks} needs a word after it")
        if not shape.takes(len(placed.words)):
            missing = shape.slot(len(placed.words))
            raise Usage(f"{missing.name} is missing" if missing else self._too_many(shape))
        slots = enumerate(placed.words)
        given = [made(slot.name, word) for at, word in slots if (slot := shape.slot(at))]
        return Given(tuple(given), options)

    def _too_many(self, shape: _Shape) -> str:
        first = shape.slot(0)
        if first is None or first.name != "key" or not self._several:
            return "too many words; quotes keep spaces"
        return f"one key at a time, quotes keep spaces; {self._several}"

    def _option(self, shape: _Shape, name: str, word: Word | None) -> object:
        if name == ">" and name not in self.options:
            raise Usage("only GET writes into a file; as text > stands in quotes, or after --")
        if name not in self.options:
            near = meant(name, self.options) or "; as text it stands in quotes, or after --"
            raise Usage(f"unknown option {shortened(name)!r}{near}")
        if name not in shape.options:
            raise Usage(f"{name} does not go with that")
        argument = shape.options[name].argument
        return True if argument is None or word is None else made(argument.name, word)


def _brackets(usage: str) -> Iterator[tuple[bool, list[tuple[int, str]]]]:
    """Take the words after the first apart, each with its place: optional ones, others alone."""
    together: list[tuple[int, str]] = []
    for at, word in enumerate(usage.split()[1:], start=1):
        optional = word.startswith("[") or bool(together)
        together.append((at, word.strip("[]")))
        if not optional or word.endswith("]"):
            yield optional, together
            together = []
