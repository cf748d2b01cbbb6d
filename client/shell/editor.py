"""prompt_toolkit, set up for this shell: keys, menu, toolbar, history, pastes.

Rules: Enter ends a block of whole commands, never half of one; the menu shows what is in memory and
is shown again when more arrives. It runs nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from prompt_toolkit import PromptSession, search
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.buffer import Buffer, CompletionState
from prompt_toolkit.completion import CompleteEvent, Completion, get_common_complete_suffix
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import completion_is_selected, has_completions, has_focus, is_searching
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.search import SearchDirection, SearchState
from prompt_toolkit.styles import Style

from kvrmi.cli import started_as
from kvrmi.columns import wrapped

from ..grammar.commands import COMMANDS
from . import blocks
from .completion import Completions
from .cursor import at_cursor
from .history import Remembered, history_file
from .known import Known
from .paste import LIMIT, Pastes
from .toolbar import toolbar

__all__ = ["Editor"]

log = logging.getLogger("kvrmi.client")

_STYLE = Style.from_dict(
    {
        "bottom-toolbar": "noreverse",
        "hint": "ansibrightblack",
        "now": "bold",
        "about": "ansibrightblack",
        "auto-suggestion": "ansibrightblack italic",
    }
)
_ROOM = 10
"""Columns beside the prompt without which it stands above the line: too wide a one hides it."""
_MENU = 6
"""Lines that the menu takes; none are kept free for it before it is shown."""


class Editor:
    """Reads blocks of commands from a terminal."""

    def __init__(
        self, known: Known, name: str | None, prompt: str, note: Callable[[str], None]
    ) -> None:
        """`known` says when there is more to show; `name`: the client's, for the toolbar.

        `note` prints a line for the person, and is called where that garbles nothing.
        """
        self._known = known
        self._name = name
        self._note = note
        self._prompt = prompt
        self._completions = Completions(known)
        self._session: PromptSession[str] = PromptSession(
            self._fitted_prompt,
            history=Remembered(history_file()),
            completer=self._completions,
            complete_while_typing=False,  # done here, from memory
            auto_suggest=AutoSuggestFromHistory(),
            bottom_toolbar=self._toolbar,
            multiline=True,
            prompt_continuation=_continued,
            key_bindings=self._keys(),
            style=_STYLE,
            reserve_space_for_menu=_MENU,
            search_ignore_case=True,
            enable_suspend=True,
        )
        self._buffer = self._session.default_buffer
        self._buffer.on_text_insert += partial(self._offer, requested=False)
        self._offered = self._buffer.document
        app = self._session.app
        app.renderer.cpr_not_supported_callback = None  # a toolbar less is no reason for a warning
        if isinstance(app.input, Vt100Input):
            keys = app.input.vt100_parser
            app.input.vt100_parser = Pastes(keys, self._refuse)  # type: ignore[assignment]
        known.changed = self._changed

    def read(self) -> str:
        """Return the next block; raises EOFError at the end of input, KeyboardInterrupt."""
        return self._session.prompt(pre_run=self._guard, set_exception_handler=False)

    def _guard(self) -> None:
        """Keep a key that breaks the editor from showing a traceback, or ending the client."""
        asyncio.get_running_loop().set_exception_handler(self._failed)

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        log.error("the line editor failed: %s", context.get("message"), exc_info=error)
        run_in_terminal(
            lambda: self._note(f"a key was ignored, the line editor failed at it: {error!r}")
        )

    def _fitted_prompt(self) -> str:
        """Write the prompt; above the line where a narrow window would leave no room in it."""
        if len(self._prompt) + _ROOM <= self._columns():
            return self._prompt
        return "\n".join([*wrapped(self._prompt, self._columns()).splitlines(), "> "])

    def _columns(self) -> int:
        return self._session.app.output.get_size().columns

    def _toolbar(self) -> StyleAndTextTuples:
        wanted = self._session.search_buffer.text
        if is_searching() and not self._is_found(wanted):
            return [("class:now", "not found; Ctrl-C ends the search"[: self._columns()])]
        at = at_cursor(self._buffer.document.text_before_cursor)
        return toolbar(at, self._known.seen, self._name, time.monotonic(), self._columns())

    def _is_found(self, text: str) -> bool:
        """Whether a search of the history finds a text; it shows the line as it was if not."""
        found = self._buffer.document_for_search(
            SearchState(text, SearchDirection.BACKWARD, ignore_case=True)
        )
        return text.lower() in found.text.lower()

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        line = has_focus(DEFAULT_BUFFER)
        unchosen = line & has_completions & ~completion_is_selected
        keys.add("enter", filter=line)(_enter)
        keys.add("enter", filter=is_searching)(_run_found)
        keys.add(Keys.BracketedPaste, filter=line)(_paste)
        keys.add("tab", filter=line)(self._tab)
        keys.add("up", filter=unchosen)(_back)
        keys.add("c-@", filter=line)(_end)
        keys.add(Keys.Vt100MouseEvent)(_nothing)
        keys.add("escape", filter=line & has_completions, eager=True)(_close)
        return keys

    def _refuse(self, length: int) -> None:
        """Say what became of a paste that is too large."""
        run_in_terminal(
            lambda: self._note(
                f"a paste of {length:,} characters was not taken, {LIMIT:,} are the most; nothing "
                "was run. Save it in a file: PUT key @file stores it, and in a shell "
                f"{started_as()} < file runs its lines"
            )
        )

    def _tab(self, event: KeyPressEvent) -> None:
        """Insert what all completions begin with, or go through them one by one."""
        buffer = event.current_buffer
        state = buffer.complete_state
        if state is not None and state.complete_index is not None:
            buffer.complete_next()
            return
        self._offer(buffer, requested=True)
        state = buffer.complete_state
        if state is None:
            return
        common = get_common_complete_suffix(buffer.document, state.completions)
        if len(state.completions) == 1:
            buffer.apply_completion(state.completions[0])
            if _takes_more(buffer.document.text_before_cursor):
                buffer.insert_text(" ")  # which offers what may come next
        elif common:
            buffer.insert_text(common)
        else:
            buffer.go_to_completion(0)

    def _offer(self, buffer: Buffer, *, requested: bool) -> None:
        """Show what may come next, from memory; names of files come later."""
        self._offered = buffer.document
        event = CompleteEvent(text_inserted=not requested, completion_requested=requested)
        if at_cursor(buffer.document.text_before_cursor).place.kind == "file":
            buffer.start_completion(insert_common_part=requested, complete_event=event)
        else:
            self._show(list(self._completions.get_completions(buffer.document, event)))

    def _show(self, completions: list[Completion]) -> None:
        """Put a menu in place of the one that is shown."""
        buffer = self._buffer
        before = buffer.document.text_before_cursor
        news = [one for one in completions if not before.endswith(one.text, one.start_position)]
        buffer.complete_state = CompletionState(buffer.document, completions) if news else None
        buffer.on_completions_changed.fire()

    def _changed(self) -> None:
        """Show what is known now; called in any thread."""
        loop = self._session.app.loop
        with contextlib.suppress(RuntimeError):  # it is just being closed
            if loop is not None:
                loop.call_soon_threadsafe(self._refresh)

    def _refresh(self) -> None:
        """Draw again; and the menu, if it was for the text that there still is."""
        self._session.app.invalidate()
        buffer = self._buffer
        state = buffer.complete_state
        chosen = state is not None and state.complete_index is not None
        at = at_cursor(buffer.document.text_before_cursor).place
        if at.kind == "key" and buffer.document == self._offered and not chosen:
            event = CompleteEvent(text_inserted=True)
            self._show(list(self._completions.get_completions(buffer.document, event)))


def _enter(event: KeyPressEvent) -> None:
    """Run whole commands; add a line to an unfinished one."""
    buffer = event.current_buffer
    if blocks.is_whole(buffer.text):
        buffer.validate_and_handle()
    else:
        buffer.cursor_position = len(buffer.text)
        buffer.newline(copy_margin=False)


def _run_found(event: KeyPressEvent) -> None:
    """Run what a search has found."""
    search.accept_search()
    _enter(event)


def _paste(event: KeyPressEvent) -> None:
    """Insert a paste as it is, but for the end of its last line: that is for Enter."""
    text = event.data.replace("\r\n", "\n").replace("\r", "\n")
    whole = blocks.is_whole(event.current_buffer.document.text_before_cursor + text)
    event.current_buffer.insert_text(text.rstrip("\n") if whole else text)


def _back(event: KeyPressEvent) -> None:
    """Go to the history in spite of a menu in which nothing was chosen."""
    event.current_buffer.cancel_completion()
    event.current_buffer.auto_up()


def _end(event: KeyPressEvent) -> None:
    """Take NUL for Ctrl-D: as such it arrives if it was typed while a command ran."""
    if not event.current_buffer.text:
        event.app.exit(exception=EOFError)


def _nothing(event: KeyPressEvent) -> None:
    """Do nothing with what looks like a mouse: a colour in pasted text does, and is no event."""


def _close(event: KeyPressEvent) -> None:
    """Close the menu."""
    event.current_buffer.cancel_completion()


def _takes_more(block: str) -> bool:
    """Whether the block ends in the name of a command that takes arguments."""
    form = COMMANDS.get(blocks.last(block).strip().upper())
    return form is not None and " " in form.usage


def _continued(width: int, number: int, wrapped: int) -> str:
    return " " * width if wrapped else "... ".rjust(width)
