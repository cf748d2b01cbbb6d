"""The commands: how each is written, what it does, an example with its answer.

Rule: whatever cannot be understood is refused with the command's own usage, before anything is
sent. It runs nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from kvrmi.cli import started_as

from . import making
from .classics import CLASSICS
from .form import Form
from .form import form as _form
from .lexer import Usage, Word, shortened
from .making import Command, direct
from .nearest import meant

__all__ = ["COMMANDS", "GROUPS", "PROGRAMS", "Command", "Form", "known", "parse", "unknown"]


def parse(words: Sequence[Word]) -> Command:
    """Make a command of its words; raises Usage."""
    form = known(str(words[0].text))
    try:
        return form.make(form.pattern.read(words[1:]))
    except Usage as error:
        between = " " if str(error).endswith("?") else "; "
        raise Usage(f"{error}{between}usage: {form.usage}") from None


def known(name: str) -> Form:
    """Return the command of that name, in any case. Raises Usage, with the nearest."""
    form = COMMANDS.get(name.upper())
    if form is not None:
        return form
    raise Usage(unknown(name))


def unknown(name: str) -> str:
    """Say that a word is no command, and what to do about it."""
    if name.lower() in PROGRAMS:
        return f"{name} is a program of its own: {started_as(name.lower())} --help, in a shell"
    if any("\udc80" <= sign <= "\udcff" for sign in name):
        return "the line is no text in UTF-8; HELP lists the commands"
    near = meant(name, PROGRAMS, likeness=_PROGRAM) or meant(name, COMMANDS) or ";"
    return f"unknown command {shortened(name)!r}{near} HELP lists the commands"


_FORCE = "--force: also where the quorum would be lost; else it asks, or is refused in a script."
_PROGRAM = 0.75
"""A program is seldom meant at the prompt, and offered only for what is very like its name."""
PROGRAMS: dict[str, str] = {
    "bench": "measures",
    "workload": "records a history",
    "verify": "judges one",
    "compare": "measures engines beside one another",
    "nemesis": "fails a cluster of its own and judges what its clients saw",
    "live": "shows the cluster while it runs, with keys to fail and heal",
    "doctor": "looks the cluster over, running or not, and says what to type",
    "trace": "draws what the replicas said to each other lately",
    "lab": "plays simulated runs on a page, step by step",
}
"""What is no command but a part of the client with options of its own."""

GROUPS: dict[str, tuple[Form, ...]] = {
    "Keys and values": (
        _form(
            "PUT key value",
            "store value under key",
            direct("store", "put"),
            'PUT city "New York"',
            "OK revision 1",
            more="PUT key @file stores the bytes of a file. The revision counts the writes of the "
            "whole store.",
        ),
        _form(
            "GET key [--local] [--at revision] [--full] [--raw] [> file]",
            "show the value",
            making.get,
            "GET city",
            '"New York"',
            more="--at: what it was at a revision. --local: what the replica that is asked has, "
            "perhaps old. A long value is cut "
            "on a terminal, --full shows all of it. --raw prints its bytes and nothing else; > "
            "file writes them into a file, whole or not at all.",
            several="MGET shows several",
        ),
        _form(
            "DELETE key [key ...] | DELETE --prefix prefix [--yes]",
            "remove keys, or all with a prefix",
            making.delete,
            "DELETE city",
            "OK revision 2",
            more="Several keys are deleted each on its own, not in one step. With --prefix it "
            "counts the keys, shows three, and asks; --yes does not ask.",
        ),
        _form(
            "CAS key expected value | CAS key --absent value",
            "store value if key holds expected, or nothing",
            making.cas,
            "CAS door --absent open",
            "OK revision 3",
            more="Compare and swap, in one step: of several who try, one succeeds.",
        ),
        _form(
            "MPUT key value [key value ...]",
            "store all, in one step",
            making.put_many,
            "MPUT red 1 green 2",
            "OK revision 4",
            also=("PUT_MANY",),
        ),
        _form(
            "MGET key [key ...] [--full]",
            "show the values, of one moment",
            making.get_many,
            "MGET red blue",
            "red   1",
            "blue  (not found)",
            more="In a pipe: a line a value, an empty one where a key is missing; stderr names it.",
            also=("GET_MANY",),
        ),
        _form(
            "KEYS [pattern] [--start key] [--limit n]",
            "list keys in order",
            making.listing("keys"),
            "KEYS",
            "door",
            "green",
            "red",
            more="pattern: how keys begin, or with * (any characters), ? (one) and then also [a-z] "
            "what all of a key is like, as in KEYS user:*; in quotes it is a beginning as it is. "
            "--start: only keys after that one. --limit: at most n.",
        ),
        _form(
            "SCAN [pattern] [--start key] [--limit n] [--full]",
            "list keys and values in order",
            making.listing("scan"),
            "SCAN --start door",
            "green  2",
            "red    1",
            more="pattern, --start and --limit as for KEYS. Long values are cut on a "
            "terminal, --full shows all of them.",
        ),
        _form("SIZE", "count the keys", direct("store", "size"), "SIZE", "3"),
        _form(
            "CONTAINS key [key ...]",
            "report whether keys are there",
            making.each("contains"),
            "CONTAINS red",
            "true",
            more="Several keys are looked for each on its own, not at one moment.",
        ),
    ),
    "The past": (
        _form(
            "HISTORY key [--last n] [--upto revision] [--local] [--full]",
            "show what changed a key, the newest first",
            making.history,
            "HISTORY door",
            "revision 3  open  (slot 5, ana:5f3a 3)",
            more="Twenty changes, or n, up to 1000; of all revisions, or up to one. Each with the "
            "revision that made it, the value, the slot, and client and sequence of the request. "
            "Each replica keeps what it saw itself: the last 100,000 revisions or 64 MiB, unless "
            "the cluster's file says otherwise.",
        ),
        _form(
            "OUTCOME client sequence [--settle]",
            "report what became of a request whose outcome was unknown",
            making.outcome,
            "OUTCOME ana:5f3a 3",
            "applied at revision 3, answered true",
            more="Exit status 0 if it was applied, 1 if it was not and never will be, 4 where "
            "that is open, or no longer known. --settle uses an open request up, so that it never "
            "takes effect; that needs the cluster's file and secret.",
        ),
    ),
    "The cluster": (
        _form(
            "STATUS",
            "show every replica; exit status as HEALTH",
            direct("program", "status"),
            "STATUS",
        ),
        _form(
            "HEALTH [--wait s]",
            "report whether the cluster serves",
            making.health,
            "HEALTH --wait 30",
            "serving: replica 1 leads, 5 of 5 replicas up",
            more="Exit status 0 if it serves, 3 without a quorum, 6 if nobody answers. --wait: "
            "until it serves, for s seconds at most.",
        ),
        _form(
            "METRICS [id]",
            "show what the replicas have counted, as Prometheus reads it",
            direct("program", "metrics"),
            "METRICS 1",
            more="Of one, or of all that answer: requests by operation and outcome, latencies, "
            "syncs, batches, elections, forwards, refusals.",
        ),
        _form(
            "EXPORT file",
            "write all pairs into a file",
            direct("program", "export"),
            "EXPORT backup.jsonl",
        ),
        _form(
            "IMPORT file",
            "put all pairs of an exported file; others stay",
            direct("program", "import"),
            "IMPORT backup.jsonl",
        ),
    ),
    "The log, which needs the cluster's file and secret": (
        _form(
            "WHY key",
            "show which decision gave a key its value, and why it stays",
            direct("answer", "why"),
            "WHY door",
            more="Slot, ballot, proposer, acceptors, whose request it was, and the hashes, as the "
            "leader has them on record, as far back as HISTORY goes.",
        ),
        _form(
            "LOG [id] [--from slot] [--last n]",
            "show blocks of the log: of the leader, or of a replica",
            making.log,
            "LOG --last 1",
            "slot 9  ballot 1.1  by 1,2,3  revision 7  5d0f7c3a > 86c1f2a0  put k 1 (c 7)",
            "replica 1 has applied slot 9",
            more="A block a line: slot, ballot, the acceptors that are known to have accepted it, "
            "the revision after it, the hash of the block before and its own, its operations. "
            "Twenty at most, or n, up to 500; the newest, or from a slot on. Long values are cut. "
            "What a replica keeps no more is one line, its slot and hash.",
        ),
        _form(
            "CHAIN VERIFY [id] [--all]",
            "compute a replica's hash chain anew from its disk, or those of all and compare them",
            making.chain,
            "CHAIN VERIFY --all",
            more="Of the leader, or of a replica. With --all it names the first slot in which two "
            "replicas differ. Exit status 1 if they differ or a disk is damaged.",
        ),
    ),
    "Orders, which need the cluster's file and secret": (
        _form(
            "FAIL id role [seconds] [--force]",
            "fail a role (proposer, acceptor, learner; with engine 2pc participant)",
            making.order("fail"),
            "FAIL 2 acceptor 5",
            "replica 2: acceptor failed, back in 5 s",
            more="It is back after these seconds; without them when RESTART id role is given. "
            + _FORCE,
        ),
        _form(
            "RESTART id [role] [--force]",
            "restart a role, or the replica",
            making.order("restart"),
            "RESTART 2 acceptor",
            "replica 2: acceptor restarted, incarnation 2",
            more=_FORCE,
        ),
        _form(
            "CUT id id [--force]",
            "stop the messages between two replicas",
            making.cut,
            "CUT 1 3",
            "replicas 1 and 3 are cut off from each other",
            more=_FORCE,
        ),
        _form(
            "HEAL [id id]",
            "end the cuts between two replicas, or all",
            direct("admin", "heal"),
            "HEAL",
            "healed: 1-3",
        ),
        _form(
            "TRANSFER id",
            "hand leadership to a replica, until one with a lower id has been fit for some seconds",
            direct("admin", "transfer"),
            "TRANSFER 2",
            "replica 2 leads",
        ),
        _form(
            "VETO id [votes]",
            "have a replica vote ABORT on the next transaction (engine 2pc)",
            direct("admin", "veto"),
            "VETO 2",
            "replica 2 votes ABORT on the next transaction",
            more="votes: on so many; 0 ends it. Each is a write at any replica, answered ABORTED "
            "with nothing done. Other engines have no such votes.",
        ),
        _form(
            "KILL id [--force]",
            "kill a replica's process",
            making.order("kill"),
            "KILL 4",
            "replica 4 is down until START 4",
            more=_FORCE + " Without a coordinator it is down until somebody starts it by hand.",
            also=("FAILPROCESS",),
        ),
        _form(
            "STOP id [--force]",
            "stop a replica cleanly",
            making.order("stop"),
            "STOP 4",
            "replica 4 is down until START 4",
            more=_FORCE,
        ),
        _form(
            "START id",
            "start a replica that is down",
            making.order("start"),
            "START 4",
            "replica 4 is starting, pid 4711",
            more="For a replica that KILL, STOP or failProcess left down on purpose, which STATUS "
            "shows as held. Without a coordinator there is no such state, and nobody who starts "
            "processes: start it by hand where it ran.",
        ),
        _form(
            "RESTORE id [peer]",
            "bring a learner up to a peer, by its log or, where that does not reach, a snapshot",
            direct("admin", "restore"),
            "RESTORE 2 3",
            more="A coordinator does so after each start; without one a console does.",
        ),
    ),
    "The classic systems' servers, which need the same": CLASSICS,
    "This client": (
        _form(
            "RECONNECT [id]",
            "ask this replica first; without id: the leader",
            making.reconnect,
            "RECONNECT 3",
            "replica 3 answers; replica 1 leads",
        ),
        _form(
            "HELP [command]",
            "explain the commands, or one",
            direct("program", "help"),
            "HELP PUT",
            also=("?",),
        ),
        _form(
            "CLEAR",
            "clear the screen, as Ctrl-L does",
            direct("program", "clear"),
            "CLEAR",
        ),
        _form(
            "EXIT",
            "leave; the cluster stays",
            direct("program", "exit"),
            "EXIT",
            also=("QUIT", "E"),
        ),
    ),
}
COMMANDS: dict[str, Form] = {
    name: form for forms in GROUPS.values() for form in forms for name in form.names
}
