// What a step is, in a sentence, and why it is safe, with the paper that says so. Pure.
//
// PMS: Paxos Made Simple (Lamport, 2001). PMMC: Paxos Made Moderately Complex (van Renesse and
// Altinbuken, 2015). PML: Paxos Made Live (Chandra, Griesemer, Redstone, 2007).

import { replicaOf, roleOf } from "./trace.js";
import { isNoop, spell } from "./state.js";

/** Letter and shape of the messages between replicas: questions are square, answers round. */
export const MARK = {
  PreVote: { letter: "v", shape: "square" }, PreVoted: { letter: "v", shape: "circle" },
  Prepare: { letter: "P", shape: "square" }, Promise: { letter: "P", shape: "circle" },
  Accept: { letter: "A", shape: "square" }, Accepted: { letter: "A", shape: "circle" },
  Refused: { letter: "×", shape: "circle" },
  Heartbeat: { letter: "h", shape: "square" }, Heard: { letter: "h", shape: "circle" },
  Forward: { letter: "F", shape: "square" }, Forwarded: { letter: "F", shape: "circle" },
  Fetch: { letter: "L", shape: "square" }, Entries: { letter: "L", shape: "circle" },
  FetchSnapshot: { letter: "S", shape: "square" }, SnapshotPage: { letter: "S", shape: "circle" },
  Copy: { letter: "C", shape: "square" }, Copied: { letter: "C", shape: "circle" },
};

/** A message in a few words. */
export function short(message) {
  const { type, fields } = message;
  const parts = [type];
  if (fields.ballot) parts.push(spell(fields.ballot));
  if (fields.slot) parts.push(`slot ${fields.slot}`);
  if (type === "Accept" && isNoop(fields.value)) parts.push("no-op");
  if (type === "Refused") parts.push(`(${fields.reason})`);
  return parts.join(" ");
}

const WHY = {
  campaign: ["A new ballot must be above all that this proposer knows, and its own: ROUND.REPLICA is unique to it.", "PMS 2.2, Phase 1 (a)"],
  promise: ["It will accept nothing at a lower ballot from now on, and reports what it has accepted; so whoever was to be leader before cannot get a majority without it.", "PMS 2.2, P1a and Phase 1 (b)"],
  refuse: ["It has promised a higher ballot, or a lease binds it. Refusing is always safe: an acceptor may ignore any request.", "PMS 2.2, Phase 1 (b)"],
  leads: ["A majority has promised. Any majority that chose something before shares an acceptor with it, which reported that value.", "PMS 2.2, P2c"],
  "leads no more": ["To stop is always safe: what was accepted stays accepted, and the next leader finds it.", "PMS 2.4"],
  propose: ["The value is the one of the highest ballot that a promise reported for this slot; only where none was reported may it be a new one, and a gap gets a no-op.", "PMS 2.2, P2c; PMS 3 for gaps"],
  accept: ["It has promised nothing higher, and what it accepts is on its disk before the answer leaves.", "PMS 2.2, P1a; PMS 2.5 for the disk"],
  accepted: ["One acceptor more. The value is chosen once a majority has accepted it at the same ballot.", "PMS 2.2"],
  chosen: ["A majority has accepted it at one ballot. Every later leader needs a promise of a majority, and any two majorities share an acceptor, so it will propose this value again.", "PMS 2.2, P2b"],
  commit: ["Slots are applied in order, the same on all replicas, so all have the same contents.", "PMS 3"],
  snapshot: ["The log was cut where a snapshot holds its effect; only the learner takes it over, an acceptor keeps its own promises.", "PMMC 4.2; PML 5.5"],
  "hand-over": ["Who leads is a matter of progress, never of safety.", "PMS 2.4"],
  transfer: ["Who leads is a matter of progress, never of safety.", "PMS 2.4"],
};

const WHY_SENT = {
  PreVote: ["A question only: it promises nothing, and spares a leader that works.", "Ongaro's thesis 9.6"],
  PreVoted: ["Nothing is promised by this answer.", "Ongaro's thesis 9.6"],
  Prepare: WHY.campaign, Promise: WHY.promise, Refused: WHY.refuse,
  Accept: ["It is sent only after a majority has promised this ballot.", "PMS 2.2, Phase 2 (a)"],
  Accepted: WHY.accept,
  Heartbeat: ["It asks for a lease: until that ends, no acceptor that grants it promises another's ballot.", "PML 5.2"],
  Heard: ["A lease: reads at the leader are safe while a majority grants it, with a margin for the clocks.", "PML 5.2"],
  Fetch: ["A learner may take chosen values from whoever knows them: a chosen value never changes.", "PMS 2.3"],
  Entries: ["A chosen value never changes, so any learner's copy is good.", "PMS 2.3"],
  Copy: ["An acceptor that lost its disk asks what others have accepted; it does not vote before its replacement is itself chosen.", "PML 5.1"],
  Copied: ["It may vote again once it is a voter of a new epoch by the log; a promise that was lost counts for nothing then.", "PML 5.1"],
};

const ON_WAY = ["Messages may be lost, late or repeated. Nothing that was promised depends on their arrival.", "PMS 2.1"];
const CRASH = ["Agents may stop and restart. What an acceptor let out is on its disk.", "PMS 2.1 and 2.5"];
const CLIENT = ["A write is acknowledged after it is chosen and applied, never before.", "PMS 3"];

/** {sentence, why, where} of a step. */
export function say(trace, at) {
  const step = trace.steps[at];
  const record = main(step, trace.messages);
  const [sentence, reason] = SAY[record.kind](record, trace.messages, trace);
  return { sentence, why: reason?.[0] ?? "", where: reason?.[1] ?? "" };
}

/** The record that a step is about: the most telling one. */
function main(step, messages) {
  const rank = (record) => {
    if (record.kind === "happened") return record.text ? 6 : 0;
    if (record.kind === "acted") return ORDER.indexOf(record.event.event) < 0 ? 3 : 5;
    if (record.kind === "links") return 4;
    if (record.kind === "life") return 4;
    if (record.kind === "left") return record.mail.some((mail) => messages.get(mail.id)) ? 1 : 0;
    return record.kind === "fate" ? 2 : -1;
  };
  const most = Math.max(...step.records.map(rank));
  const among = step.records.filter((record) => rank(record) === most);
  const told = (record) => ORDER.indexOf(record.event?.event);
  return among.toSorted((a, b) => told(a) - told(b))[0];
}

const ORDER = [
  "chosen", "leads no more", "leads", "promise", "refuse", "campaign", "accept", "snapshot",
  "hand-over", "transfer", "accepted", "propose", "commit",
];

const SAY = {
  acted({ replica, event }) {
    const told = TOLD[event.event]?.(replica, event);
    return [told ?? `Replica ${replica}, ${event.role}: ${event.text}.`, WHY[event.event]];
  },
  happened({ who, what, text }, messages, trace) {
    if (who === "verdict") return [`Safety broke: ${text}.`, [trace.run.about ?? "", ""]];
    if (who === "fault") return [`A fault strikes: ${text.replace(/^\d+ /, "").replaceAll("_", " ")}.`, ON_WAY];
    if (who === "script") return script(text);
    if (typeof who === "number") return [`Replica ${who}${what === "process" ? "" : `, ${what}`}: ${text}.`, CRASH];
    return [`Client ${who} ${text}.`, CLIENT];
  },
  life({ who, up, incarnation }) {
    const name = `Replica ${replicaOf(who)}'s ${roleOf(who)}`;
    return [up ? `${name} comes up, incarnation ${incarnation}.` : `${name} goes down.`, CRASH];
  },
  links({ cut }) {
    if (cut.length === 0) return ["All links carry messages again.", ON_WAY];
    const ways = cut.map(([from, to]) => `${from}→${to}`);
    return [`Cut now: ${ways.join(", ")}.`, ON_WAY];
  },
  fate({ id, fate, why }, messages) {
    const message = messages.get(id);
    if (message === undefined) return [`A message that nobody sent: ${fate}.`, null];
    const ends = FATE[fate] ?? fate;
    const name = `${short(message)} of replica ${replicaOf(message.from)} to ${place(message.to)}`;
    const usual = fate === "arrived" || fate === "repeated";
    return [`${name} ${ends}${why ? ` (${why})` : ""}.`, usual ? WHY_SENT[message.type] : ON_WAY];
  },
  left({ who, mail }) {
    const goals = mail.map((one) => place(one.to));
    const first = mail.find((one) => replicaOf(one.to) !== replicaOf(who)) ?? mail[0];
    const to = [...new Set(goals)].join(", ");
    return [`Replica ${replicaOf(who)}'s ${roleOf(who)} sends ${short(first)} to ${to}.`, WHY_SENT[first.type]];
  },
  state({ who }) {
    return [`Replica ${replicaOf(who)}'s ${roleOf(who)} changes.`, null];
  },
};

const place = (address) => `replica ${replicaOf(address)}'s ${roleOf(address)}`;

const FATE = {
  arrived: "arrives", repeated: "arrives once more", late: "comes too late: nobody waits for it",
  lost: "is lost on its way", cut: "is lost: the link is cut",
  refused: "is refused: nobody listens there", held: "is held back", open: "is still under way",
};

const TOLD = {
  campaign: (replica, { ballot }) => `Replica ${replica} wants to lead and asks for promises at ballot ${ballot}.`,
  promise: (replica, { ballot, peer, text }) => {
    const accepted = /accepted=(\d+)/.exec(text)?.[1] ?? "0";
    const reports = accepted === "0" ? "it has accepted nothing that is still open" : `it reports ${accepted} accepted value${accepted === "1" ? "" : "s"}`;
    return `Acceptor ${replica} promises ${ballot} to replica ${peer}; ${reports}.`;
  },
  refuse: (replica, { ballot, peer, text }) => `Acceptor ${replica} refuses ${ballot} of replica ${peer}: ${refusal(text)}.`,
  leads: (replica, { ballot, peer }) => replica === peer
    ? `Replica ${replica} leads at ballot ${ballot}: a majority has promised it.`
    : `Replica ${replica} learns that replica ${peer} leads at ballot ${ballot}.`,
  "leads no more": (replica, { peer, text }) => `For replica ${replica}, replica ${peer} leads no more: ${text.replace(/^.*reason=/, "")}.`,
  propose: (replica, { slot, ballot, text }) => `Leader ${replica} proposes for slot ${slot} at ${ballot}: ${value(text)}.`,
  accept: (replica, { slot, ballot }) => `Acceptor ${replica} accepts slot ${slot} at ballot ${ballot}, on its disk.`,
  accepted: (replica, { slot, peer, text }) => `Leader ${replica} hears that acceptor ${peer} accepted slot ${slot} ${/\(.*\)/.exec(text)?.[0] ?? ""}.`,
  chosen: (replica, { slot, ballot, text }) => `Slot ${slot} is chosen at ballot ${ballot}, by acceptors ${/acceptors=([\d,]+)/.exec(text)?.[1].replaceAll(",", ", ") ?? "of a majority"}.`,
  commit: (replica, { slot, text }) => `Learner ${replica} applies slot ${slot}: ${value(text)}.`,
};

function refusal(text) {
  const promised = /promised=([\d.]+)/.exec(text)?.[1];
  const reason = /reason=(.*)$/.exec(text)?.[1] ?? "";
  if (reason === "ballot") return `it has promised ${promised}`;
  if (reason === "lease") return "a lease of another's still runs";
  return reason;
}

function value(text) {
  const commands = /commands=(\d+)(?:: (.*))?$/.exec(text);
  if (!commands) return text;
  if (commands[1] === "0") return "a no-op";
  return commands[2]?.replace(/ id=\S+/g, "") ?? `${commands[1]} command${commands[1] === "1" ? "" : "s"}`;
}

function script(text) {
  if (text.startsWith("#")) return [text.replace(/^#\s*/, ""), null];
  return [`The scenario: ${text}.`, null];
}
