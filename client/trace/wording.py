"""What an event or a message is in a few words.

Rule: an event whose name is not here is shown as its log's line has it, so no event is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from .messages import Message
from .rings import Event

__all__ = ["TROUBLE", "kind", "said", "value"]

TROUBLE = frozenset(
    {"cut", "failed", "refuse", "leads no more", "leads unreachable", "silent", "forward not sent",
     "forward unanswered", "in doubt"}
)  # fmt: skip
"""Events that are failures, or follow from one."""


def said(event: Event) -> str:
    """Say what its replica did."""
    words = _SAID.get(event["event"])
    return words(event) if words else _plain(event)


def kind(message: Message) -> str:
    """Name a message with its slot or ballot."""
    about = message.about
    number = f" for slot {about['slot']}" if about["slot"] else ""
    ballot = f" {about['ballot']}" if about["ballot"] else ""
    return f"{message.kind}{ballot}{number}"


def value(event: Event) -> str:
    """Name the commands that an event's line ends with: `put "k"`; "" where it names none."""
    count, _, named = _found(r"(?:commands|requests)=(.*)$", event).partition(" ")
    if count == "0":
        return "no-op"
    commands = named.removeprefix("revision=").partition(": ")[2] if "revision=" in named else named
    return _bare(commands) or (f"{count.rstrip(':')} commands" if count else "")


def _bare(commands: str) -> str:
    """Leave out the ids of requests."""
    return re.sub(r" id=\S*?(?=,|$)", "", commands)


def _found(pattern: str, event: Event) -> str:
    found = re.search(pattern, event["text"])
    return found[1] if found else ""


def _plain(event: Event) -> str:
    return str(event["text"])


def _valued(event: Event) -> str:
    named = value(event)
    return f": {named}" if named else ""


def _pre_vote(event: Event) -> str:
    led, ago = _found(r"heartbeat=(\S+)", event), _found(r"ago=(\S+)s$", event)
    missed = f"; no heartbeat of {led} for {ago} s" if ago else "; it has heard no leader"
    return f"asks who would promise {event['ballot']}{missed}"


def _pre_voted(event: Event) -> str:
    promised, lease = _found(r"promised=(\S+)", event), _found(r"lease=(\S+)", event)
    if not promised:
        return f"would promise {event['ballot']}"
    left = _found(r"left=(\S+)s$", event)
    leased = f"; the lease of {lease} runs for {left} s more" if lease else ""
    return f"would not promise {event['ballot']}: it promised {promised}{leased}"


def _promise(event: Event) -> str:
    count = _found(r"accepted=(\d+)", event)
    some = "" if count in ("", "0") else f", reports {count} accepted"
    return f"promises {event['ballot']}{some}"


def _refuse(event: Event) -> str:
    promised, why = _found(r"promised=(\S+)", event), _found(r"reason=(.*)$", event)
    reason = f"it promised {promised}" if why == "ballot" else why
    return f"refuses {event['ballot']}: {reason}"


def _accepted(event: Event) -> str:
    count = _found(r"(\(.*\))", event)
    return f"hears that {event['peer']} accepted slot {event['slot']} {count}".rstrip()


def _chosen(event: Event) -> str:
    by = _found(r"acceptors=(\S+)", event).replace(",", ", ")
    return f"slot {event['slot']} is chosen, accepted by {by}"


def _leads(event: Event) -> str:
    mine = "(this replica)" in event["text"]
    who = "leads" if mine else f"knows that {event['peer']} leads"
    return f"{who} at ballot {event['ballot']}"


def _leads_no_more(event: Event) -> str:
    return f"sees that {event['peer']} leads no more: {_found(r'reason=(.*)$', event)}"


def _go(event: Event) -> str:
    outcome = _found(r"^GO (\w+)", event).lower()
    if event["role"] == "manager":
        return f"sends {event['peer']} that it is to {outcome}"
    revision = _found(r"revision=(\d+)", event)
    return f"{outcome}s" + (f", revision {revision}" if revision else "")


def _vote(event: Event) -> str:
    no = _found(r"^VOTE ABORT (.*) manager=", event)
    return f"votes {f'no, {no}' if no else 'yes'}, to {event['peer']}{_named_at_end(event)}"


def _votes(event: Event) -> str:
    noes = _found(r"abort=(\d+)", event)
    return f"has the vote of {event['peer']}: {'yes' if noes == '0' else 'no'}"


def _named_at_end(event: Event) -> str:
    """Name the commands that stand after a colon."""
    named = _bare(event["text"].partition(": ")[2])
    return f": {named}" if named else ""


def _lives(word: str) -> Callable[[Event], str]:
    return lambda event: (
        f"{event['role']} {word}, incarnation {_found(r'incarnation=(.*)$', event)}"
    )


def _link(word: str) -> Callable[[Event], str]:
    return lambda event: (
        f"{word}: {_found(r'from=(.*) to', event)} to {_found(r' to=(.*)$', event)}"
    )


_SAID: Mapping[str, Callable[[Event], str]] = {
    "accept": lambda event: f"accepts slot {event['slot']} at {event['ballot']}",
    "accepted": _accepted,
    "campaign": lambda event: f"asks for promises at ballot {event['ballot']}",
    "chosen": _chosen,
    "commit": lambda event: f"applies slot {event['slot']}{_valued(event)}",
    "cut": _link("link is cut here"),
    "failed": _lives("failed"),
    "forward to": lambda event: f"forwards to {event['peer']}{_valued(event)}",
    "forward from": lambda event: f"takes over from {event['peer']}{_valued(event)}",
    "forward answered": lambda event: f"has the answer of {event['peer']}",
    "forward not sent": lambda event: f"cannot reach {event['peer']} to forward a request",
    "forward unanswered": lambda event: f"has no answer of {event['peer']} to a request",
    "healed": _link("link is healed here"),
    "hand-over": lambda event: f"is asked by {event['peer']} to lead",
    "leads": _leads,
    "leads no more": _leads_no_more,
    "leads open": lambda event: f"serves as leader at ballot {event['ballot']}",
    "leads unreachable": lambda event: f"finds that the leader, {event['peer']}, is gone",
    "learners informed": lambda event: f"says that slot {event['slot']} is chosen",
    "pre-vote": _pre_vote,
    "pre-voted": _pre_voted,
    "promise": _promise,
    "propose": lambda event: f"proposes slot {event['slot']} at {event['ballot']}{_valued(event)}",
    "go": _go,
    "go-ack": lambda event: f"hears that {event['peer']} has done so",
    "prepare": lambda event: f"asks for votes{_named_at_end(event)}",
    "vote": _vote,
    "votes": _votes,
    "refuse": _refuse,
    "restarted": _lives("is back"),
    "started": lambda event: f"starts, {event['text']}",
}
