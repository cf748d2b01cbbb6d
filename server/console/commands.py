"""What can be typed at a replica's console, and what it does.

Rules: a line that is no command is refused with what would be, and nothing is done; a command's
result is what clients get (kvrmi/access/verbs.py). It reads no terminal, and knows no role.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from kvrmi.access import verbs
from kvrmi.access.admins import Admins
from kvrmi.access.showing import plain
from kvrmi.access.verbs import Shown
from kvrmi.errors import InvalidRequest, KVError, NoQuorum

__all__ = ["COMMANDS", "Commands", "Leave"]

_log = logging.getLogger("kvrmi.server.console")

_BETWEEN = re.compile(r"[\s(),]+")
_JSON = "--json"
_FORCE = ("--force", "force")


class Leave(Exception):
    """Somebody asked to end this server."""


class Form(NamedTuple):
    """One command: how it is written, what it does."""

    usage: str
    help: str

    @property
    def name(self) -> str:
        """Its name, as it is usually written."""
        return _BETWEEN.split(self.usage)[0]


COMMANDS = (
    Form("c", "wait until all others are connected"),
    Form("reconnect [id ...]", "connect anew to all others but these"),
    Form("links [--json]", "how this server is connected; all cuts"),
    Form("failLink(src,dest) [both] [force]", "stop all messages from src to dest"),
    Form("fixLink(src,dest) [both]", "let them pass again"),
    Form("failProcess [force]", "end this server at once, as by SIGKILL"),
    Form("restore [id]", "catch up with a server, or the furthest"),
    Form("printBlockchain [--last n] [--json]", "the log, a block a line, tentative too"),
    Form("printKVStore [--json]", "keys and values as applied here"),
    Form("printQueue [--json]", "requests without an answer yet"),
    Form("status [--json]", "every server in a line"),
    Form("log on|off", "all lines of its log here, or urgent ones"),
    Form("help", "this list"),
    Form("e [force]", "end this server cleanly"),
)
_FORCING = (
    "What would leave no majority that reaches each other is refused, unless force is added. Both "
    "means both ways."
)
_ALONE = (
    "There is no coordinator. A server that failed is down until somebody starts it again by hand, "
    "in its terminal, with the same command but without --format; it then restores itself from "
    "another server, and restore does so again. The state held does not exist here, and a client's "
    "START is refused."
)
_COORDINATED = (
    "Beside a coordinator failProcess leaves this server held: down until START {me}, by a client. "
    "START has it restored from another server."
)


class Commands:
    """Runs the lines that are typed at the console of replica `me`."""

    def __init__(
        self,
        me: int,
        admins: Admins,
        *,
        kill: Callable[[], None],
        show_log: Callable[[bool], None],
        fit: Callable[[str], str] = str,
    ) -> None:
        """`admins` reaches all replicas, this one too.

        `kill` ends the process at once; `show_log(True)` shows all lines of the log, `False` only
        urgent ones; `fit` breaks a line for people where the terminal ends.
        """
        self._fit = fit
        self._me = me
        self._admins = admins
        self._kill = kill
        self._show_log = show_log
        self._on: dict[str, Callable[[list[str]], Shown]] = {
            "c": _alone(lambda: verbs.connect(admins, me)),
            "e": self._leave,
            "exit": self._leave,
            "faillink": self._fail_link,
            "failprocess": self._fail_process,
            "fixlink": lambda words: verbs.fix_link(admins, *_link(words)),
            "help": _alone(self._help),
            "links": _alone(lambda: verbs.links_of(admins, [me])),
            "log": self._log,
            "printblockchain": lambda words: verbs.blocks(admins, me, _last(words)),
            "printkvstore": _alone(lambda: verbs.pairs(admins, me)),
            "printqueue": _alone(lambda: verbs.queue(admins, me)),
            "quit": self._leave,
            "reconnect": lambda words: verbs.reconnect(admins, me, [_id(one) for one in words]),
            "restore": self._restore,
            "status": _alone(lambda: verbs.status(admins)),
        }

    def run(self, line: str) -> Iterator[str]:
        """Carry out one line; what to print, as it comes, errors too. Raises Leave.

        An empty line does nothing.
        """
        words = [word for word in _BETWEEN.split(line) if word]
        if not words:
            return
        typed, *words = words
        name, as_json = typed.lower(), _JSON in words
        words = [word for word in words if word != _JSON]
        try:
            act = self._known(name, typed)
            if name == "c" and not words and not as_json:
                yield "connecting to other servers"
            shown = act(words)
            yield from (
                [json.dumps(shown.fields, default=plain)]
                if as_json
                else map(self._fit, shown.lines)
            )
        except InvalidRequest as error:
            usage = next((form.usage for form in COMMANDS if form.name.lower() == name), "")
            undone = "" if "nothing was " in str(error) else "; nothing was done"
            yield self._fit(f"{error}{undone}" + (f"; usage: {usage}" if usage else ""))
        except KVError as error:
            yield self._fit(f"{error.code}: {error}")
        except Leave:
            raise
        except Exception as error:  # the server goes on, and its terminal must be able to end it
            _log.exception("console: %s", name)
            yield self._fit(f"{name} failed, see the log: {error!r}")

    def _known(self, name: str, typed: str) -> Callable[[list[str]], Shown]:
        if name not in self._on:
            raise InvalidRequest(f"{typed[:40]!r} is no command, help lists them")
        return self._on[name]

    def _restore(self, words: list[str]) -> Shown:
        if len(words) > 1:
            raise InvalidRequest("one server at most")
        return verbs.restore(self._admins, self._me, *map(_id, words))

    def _fail_link(self, words: list[str]) -> Shown:
        link, forced = _unforced(words)
        source, to, both = _link(link)
        if not forced and source != to:
            self._keep_quorum("fail_link", source, to)
        return verbs.fail_link(self._admins, source, to, both)

    def _fail_process(self, words: list[str]) -> Shown:
        """End at once; a coordinator is informed first, or it would start us again."""
        self._may_end("kill", words)
        if self._admins.coordinated:
            with contextlib.suppress(KVError):  # then there is nobody to start us
                self._admins.coordinator("kill", self._me, True)
        self._kill()
        return Shown((), {})

    def _keep_quorum(self, order: str, *args: object) -> None:
        """Refuse what would lose the quorum, as far as those servers say that answer."""
        lost = verbs.would_lose(self._admins, order, *args)
        if lost is not None:
            raise NoQuorum(f"{lost}; nothing was done; add the word force to do it all the same")

    def _leave(self, words: list[str]) -> Shown:
        self._may_end("stop", words)
        raise Leave

    def _may_end(self, order: str, words: list[str]) -> None:
        """Refuse to end this server where that would lose the quorum, unless it is forced."""
        more, forced = _unforced(words)
        if more:
            raise _too_many(more)
        if not forced:
            self._keep_quorum(order, self._me)

    def _log(self, words: list[str]) -> Shown:
        wanted = [word.lower() for word in words]
        if wanted not in (["on"], ["off"]):
            raise InvalidRequest("on or off is missing")
        self._show_log(wanted == ["on"])
        return Shown((), {"log": wanted[0]})

    def _help(self) -> Shown:
        widest = max(len(form.usage) for form in COMMANDS)
        lines = [f"{form.usage:<{widest}}  {form.help}" for form in COMMANDS]
        about = _COORDINATED.format(me=self._me) if self._admins.coordinated else _ALONE
        return Shown((*lines, _FORCING, about), {"value": [form._asdict() for form in COMMANDS]})


def _alone(act: Callable[[], Shown]) -> Callable[[list[str]], Shown]:
    """Make a command that takes no words."""

    def run(words: list[str]) -> Shown:
        if words:
            raise _too_many(words)
        return act()

    return run


def _too_many(words: Sequence[str]) -> InvalidRequest:
    return InvalidRequest(f"{words[0][:40]!r} is one word too many")


def _unforced(words: Sequence[str]) -> tuple[list[str], bool]:
    """Take the word that forces an order from its words; whether it was there."""
    rest = [word for word in words if word.lower() not in _FORCE]
    return rest, len(rest) < len(words)


def _last(words: Sequence[str]) -> int:
    if words and words[0] != "--last":
        raise _too_many(words)
    if words and len(words) != 2:
        raise InvalidRequest("--last takes one number")
    return _id(words[1]) if words else 0


def _link(words: Sequence[str]) -> tuple[int, int, bool]:
    both = [word.lower() for word in words[2:]]
    if len(words) < 2 or both not in ([], ["both"]):
        raise InvalidRequest("a link is two numbers")
    return _id(words[0]), _id(words[1]), bool(both)


def _id(word: str) -> int:
    if not (word.isascii() and word.isdecimal() and len(word) < 10 and int(word)):
        raise InvalidRequest(f"{word[:40]!r} is no number from 1")
    return int(word)
