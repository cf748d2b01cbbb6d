// What a step is, in a sentence, in a word or two, across a row. Pure.

import { answer, answered, briefly, isScripted, relied } from "./client_words.js";
import { broken, crash, EVENT, LEASE, MESSAGE, NOOP, ON_WAY, STOPS } from "./reasons.js";
import { less, spell } from "./ballots.js";
import { isNoop } from "./state.js";
import { asked, isComment, isLocal, replicaOf, roleOf, table } from "./records.js";
import { ANSWERS, isChosen, SENTENCES } from "./paxos_words.js";
import { byHand, line } from "./script_words.js";
import { concerns } from "./twophase.js";
import { BESIDE, EVENTS, SENDS, SHORT, why } from "./twophase_words.js";
import { told } from "./verdicts.js";

/** Letter and shape of the messages between replicas: questions are square, answers round. */
export const MARK = table({
  PreVote: { letter: "v", shape: "square" }, PreVoted: { letter: "v", shape: "circle" },
  Prepare: { letter: "P", shape: "square" }, Promise: { letter: "P", shape: "circle" },
  Accept: { letter: "A", shape: "square" }, Accepted: { letter: "A", shape: "circle" },
  Refused: { letter: "×", shape: "circle" },
  Heartbeat: { letter: "h", shape: "square" }, Heard: { letter: "h", shape: "circle" },
  Forward: { letter: "F", shape: "square" }, Forwarded: { letter: "F", shape: "circle" },
  Fetch: { letter: "L", shape: "square" }, Entries: { letter: "L", shape: "circle" },
  FetchSnapshot: { letter: "S", shape: "square" }, SnapshotPage: { letter: "S", shape: "circle" },
  Copy: { letter: "C", shape: "square" }, Copied: { letter: "C", shape: "circle" },
  Votes: { letter: "V", shape: "circle" }, Go: { letter: "G", shape: "square" },
  Done: { letter: "D", shape: "circle" }, Inquire: { letter: "?", shape: "square" },
  Known: { letter: "!", shape: "circle" }, Page: { letter: "S", shape: "circle" },
});

/** A message in a few words. */
export function short(message) {
  const { type, fields } = message;
  if (concerns(message).length) return SHORT[type](message);
  const parts = [type];
  if (fields.ballot) parts.push(spell(fields.ballot));
  if (fields.slot) parts.push(`slot ${fields.slot}`);
  if (type === "Accept" || type === "Chosen") parts.push(clipped(message.words || (isNoop(fields.value) ? "no-op" : "")));
  if (type === "Refused") parts.push(`(${fields.reason})`);
  return parts.filter(Boolean).join(" ");
}

const clipped = (text) => text.length > LONG ? `${text.slice(0, LONG)}..` : text;
const LONG = 24;

const FAULTS = table({
  crash: "a process is killed", crash_leader: "the leader is killed",
  crash_all: "the power fails: all processes are killed", fail_role: "a single role fails",
  fail_leaders_role: "a role of the leader's fails", fail_learner: "a learner fails",
  break_role: "a role is made to raise an error", pause: "a process is stopped for a while",
  pause_leader: "the leader is stopped for a while", clock_drifts: "a clock goes at another rate",
  mend: "the links are mended", cut: "a link is cut, one way",
  isolate: "a replica is cut off", isolate_leader: "the leader is cut off",
  split: "the network splits in two", star: "all hear one replica, and nobody else",
  chain: "each hears its neighbours only", lag: "messages take another time",
  weather: "messages are lost, late and repeated at other rates", disk_full: "a disk is full",
  sync_fails: "the next sync of a disk fails", disk_slow: "a disk becomes slow",
  hang_leaders_disk: "the leader's disks hang", transfer: "somebody asks the leader to hand over",
  provoke: "a replica is made to campaign", lose_disk: "a disk is lost, with its process",
  depose: "the leader is cut off, and others are made to campaign",
  flip_votes: "a bit flips on an acceptor's disk", flip_state: "a bit flips on a learner's disk",
  restore: "a learner is asked to catch up with a peer", "all faults end": "all faults end",
});

/** A fault, "3 lose_disk", in words; one that is several in a row by its name. */
function fault(text) {
  const name = text.replace(/^\d+ /, "");
  if (name.startsWith("by hand: ")) return `by hand: ${byHand(name.slice("by hand: ".length))}`;
  return FAULTS[name] ?? (/^\w+$/.test(name) ? `several in a row, "${name}"` : name);
}

/** {sentence, why, where} of a step. */
export function say(trace, at) {
  const step = trace.steps[at];
  try {
    const record = main(step);
    const [sentence, reason] = SAY[record.kind](record, trace.messages, trace, step, at);
    return { sentence, why: reason?.[0] ?? "", where: reason?.[1] ?? "" };
  } catch {
    return { sentence: "This step cannot be put into words.", why: "", where: "" };
  }
}

/** The replica that a verdict names; 0: none. */
export const guilty = (verdict) => Number(/replica (\d+)/.exec(verdict)?.[1] ?? 0);

const BRIEF = table({
  campaign: ({ ballot }) => `asks for ${ballot}`,
  promise: ({ ballot }) => `promises ${ballot}`,
  refuse: ({ ballot }) => `refuses ${ballot}`,
  leads: ({ ballot, peer }, replica) => peer === replica ? `leads at ${ballot}` : "",
  "leads no more": ({ ballot, peer }, replica) => peer === replica ? `leads no more` : "",
  chosen: ({ slot }) => `✓ slot ${slot} is chosen`,
  snapshot: () => "takes a snapshot over",
});

/** The same of what an acceptor answers with: not of all slots is it an event, and only now is it on its disk. */
const LEAVES = table({
  Accepted: ({ fields: { slot, ballot } }) => `accepts ${slot} at ${spell(ballot)}`,
});

/** What a record shows beside its replica's line, in two or three words: [replica, text]. */
export function brief(record, messages) {
  if (record.kind === "left") {
    const texts = record.mail.map(({ id, type }) => (BESIDE[type] ?? LEAVES[type])?.(messages.get(id)) ?? "");
    return [replicaOf(record.who), texts.find(Boolean) ?? ""];
  }
  if (record.kind === "acted") {
    return [record.replica, BRIEF[record.event.event]?.(record.event, record.replica) ?? ""];
  }
  if (record.kind === "happened" && typeof record.who === "number") {
    const text = record.text.replace(/;.*$/, "");
    return [record.who, record.what === "process" ? text : `${record.what} ${text}`];
  }
  return record.kind === "life" ? [replicaOf(record.who), ""] : [0, ""];
}

/** What a step shows across its row: faults, links, what a scenario does; with its class. */
export function across(step) {
  for (const record of step.records) {
    if (record.kind === "links") return [SAY.links(record)[0], "fault"];
    if (record.kind !== "happened" || typeof record.who === "number" || !record.text) continue;
    if (record.who === "verdict") return ["safety broke", "fault"];
    if (record.who === "fault") return [fault(record.text), "fault"];
    if (record.who === "script") return isComment(record) ? null : [line(record.text), "order"];
    if (isScripted(record.who) && answer(record.text)) return [briefly(record.text), "order"];
  }
  return null;
}

/** The record that a step is about: the most telling one. */
function main(step) {
  const rank = (record) => {
    if (record.kind === "happened") return record.text ? 6 : 0;
    if (record.kind === "left" && record.mail.some(({ type }) => type in SENDS && type !== "Prepare")) return 5;
    if (record.kind === "left" && record.mail.some(({ type }) => type === "Chosen")) return 5;
    if (record.kind === "acted") return ORDER.indexOf(record.event.event) < 0 ? 3 : 5;
    if (record.kind === "links") return 4;
    if (record.kind === "life") return 4;
    if (record.kind === "left") return record.mail.some((mail) => mail.type === "Refused") ? 4 : 1;
    return record.kind === "fate" ? 2 : -1;
  };
  const most = Math.max(...step.records.map(rank));
  const among = step.records.filter((record) => rank(record) === most);
  return among.toSorted((a, b) => order(a) - order(b))[0];
}

/** Which one of several events a step is about: its own leading comes before the end of another's. */
function order({ event, replica }) {
  const place = ORDER.indexOf(event?.event);
  return event?.event === "leads" && event.peer !== replica ? place + 1.5 : place;
}

const ORDER = [
  "chosen", "leads", "leads no more", "promise", "refuse", "campaign", "accept", "snapshot",
  "hand-over", "transfer", "accepted", "propose", "commit",
];

const SAY = table({
  acted({ replica, event }, messages, trace, step) {
    const sentence = (SENTENCES[event.event] ?? EVENTS[event.event])?.(replica, event, { step, messages });
    return [sentence ?? `Replica ${replica}, ${event.role}: ${event.text}.`, reason(event)];
  },
  happened({ who, what, text }, messages, trace, step) {
    if (who === "verdict") return verdict(text, trace, trace.steps.indexOf(step));
    if (who === "fault") return [`${striking(fault(text))}.`, /start|stop|kill|crash/.test(text) ? crash(trace) : ON_WAY];
    if (who === "script") return script(text, step);
    if (typeof who === "number") return [befell(who, what, text), crash(trace)];
    return [answered(who, text), relied(text, trace)];
  },
  life({ who, up, incarnation }, messages, trace) {
    const name = `Replica ${replicaOf(who)}'s ${roleOf(who)}`;
    return [up ? `${name} comes up, incarnation ${incarnation}.` : `${name} goes down.`, crash(trace)];
  },
  links({ cut }) {
    if (cut.length === 0) return ["All links carry messages again.", ON_WAY];
    const ways = cut.map(([from, to]) => `${from}→${to}`);
    return [`Cut now: ${ways.join(", ")}.`, ON_WAY];
  },
  fate({ id, fate, why }, messages, trace, step) {
    const message = messages.get(id);
    if (fate === "open") return [`The run ends; still under way are ${step.records.length} messages.`, null];
    if (message === undefined) return [`A message that nobody sent: ${fate}.`, null];
    if (message.type in NEWS && fate === "arrived") return [NEWS[message.type](message, messages.get(message.cause)), ON_WAY];
    const ends = FATE[fate] ?? fate;
    const name = `${short(message)} of replica ${replicaOf(message.from)} to ${place(message.to)}`;
    const usual = fate === "arrived" || fate === "repeated";
    return [`${name} ${ends}${why ? ` (${why})` : ""}.`, usual ? about(message) : ON_WAY];
  },
  left({ who, mail }, messages, trace, step, at) {
    const sent = mail.map(({ id }) => messages.get(id));
    const chosen = sent.find(({ type }) => type === "Chosen");
    if (chosen) return [isChosen(chosen, step), chosen.words === "no-op" ? NOOP : EVENT.chosen];
    const first = sent.find((one) => replicaOf(one.to) !== replicaOf(who)) ?? sent[0];
    if (concerns(first).length) return [SENDS[first.type](first, { trace, step, at }), why(first)];
    if (first.type in ANSWERS) return [ANSWERS[first.type](first, messages, step), about(first)];
    if (first.type in NEWS) return [NEWS[first.type](first, messages.get(first.cause)), ON_WAY];
    const to = [...new Set(sent.map((one) => place(one.to)))].join(", ");
    return [`Replica ${replicaOf(who)}'s ${roleOf(who)} sends ${short(first)} to ${to}.`, MESSAGE[first.type]];
  },
  state({ who }) {
    return [`Replica ${replicaOf(who)}'s ${roleOf(who)} changes.`, null];
  },
});

function verdict(text, trace, at) {
  const { plant, about = "" } = trace.run, message = trace.messages.get(culprit(trace, at));
  const [said, section] = broken(text, plant ? about : "");
  const by = message ? `${did(message, trace.messages.get(message.cause), at)} ` : "";
  const { sentence, facts } = told(text, trace, at);
  return [`Safety broke at ${trace.steps[at].at.toFixed(3)} s: ${sentence}.`, [[facts, by + said].filter(Boolean).join(" "), section]];
}

/** By which message safety broke. */
function did(message, cause, at) {
  const name = `${short(message)} of replica ${replicaOf(message.from)} to ${replicaOf(message.to)}`;
  if (message.fates.some(({ fate, step }) => fate === "arrived" && step <= at)) return `It broke as ${name} came.`;
  return `It broke with ${name}${cause && !isLocal(cause) ? `, which answers ${short(cause)}` : ""}.`;
}

/**
 * The message by which safety broke, if `at` is the step of the verdict: the last one that left or
 * came before it; 0: there is none.
 */
export function culprit(trace, at) {
  const steps = trace.steps.slice(Math.max(0, at - FEW), at + 1).flatMap(({ records }) => records);
  const verdict = steps.findLastIndex((record) => record.who === "verdict");
  if (verdict < 0 || !trace.steps[at].records.includes(steps[verdict])) return 0;
  return steps.slice(0, verdict).reduce((last, record) => subject(record, trace.messages) || last, 0);
}

const FEW = 20;

/** The message between replicas that a record shows leaving or coming; 0: none. */
function subject(record, messages) {
  if (record.kind === "left") return record.mail.find((mail) => !isLocal(messages.get(mail.id)))?.id ?? 0;
  const came = record.kind === "fate" && (record.fate === "arrived" || record.fate === "repeated");
  return came && messages.has(record.id) && !isLocal(messages.get(record.id)) ? record.id : 0;
}

function befell(who, what, text) {
  const whose = what === "process" ? `Replica ${who}` : `Replica ${who}'s ${what}`;
  return `${whose}: ${text.replaceAll("; nothing unsynced", "")}.`;
}

/** Why an event is safe. */
function reason({ event, text }) {
  if (event === "refuse") return found(/reason=(.*)$/, text) === "ballot" ? EVENT.refuse : refused(found(/reason=(.*)$/, text));
  return EVENT[event];
}

/** Why a refusal is safe that is not for a higher promise. */
const refused = (why) => why === "lease" ? LEASE : STOPS;

/** Why it is safe that a message leaves or comes. */
function about(message) {
  if (concerns(message).length) return why(message);
  if (message.type !== "Refused") return MESSAGE[message.type];
  const { ballot, promised, reason: because } = message.fields;
  return because === "ballot" && less(ballot, promised) ? EVENT.refuse : refused(because);
}

const place = (address) => `replica ${replicaOf(address)}'s ${roleOf(address)}`;

const FATE = {
  arrived: "arrives", repeated: "arrives once more", late: "comes too late: nobody waits for it",
  lost: "is lost on its way", cut: "is lost: the link is cut",
  refused: "is refused: nobody listens there", held: "is held back", open: "is still under way",
};

/** News of the network: nobody sends them. */
const NEWS = table({
  NoAnswer: (message, asked) =>
    `${capital(place(message.to))} waits no more: replica ${replicaOf(message.from)} does not answer${asked ? ` ${short(asked)}` : ""}.`,
  NotSent: (message, asked) =>
    `${capital(place(message.to))} learns that replica ${replicaOf(message.from)} cannot be reached${asked ? `: ${short(asked)} was not sent` : ""}.`,
});

const capital = (text) => text[0].toUpperCase() + text.slice(1);

const found = (pattern, text) => pattern.exec(text)?.at(-1) ?? "";

function script(text, step) {
  const comments = step.records.filter(isComment).map((record) => record.text.replace(/^#\s*/, ""));
  if (comments.length) return [comments.join(" "), asked(step.records[0]) === "Question" ? THINK : null];
  return [line(text), null];
}

const THINK = ["Think first: one step on (→ or Page Down) is the answer.", ""];
const striking = (words) => words.startsWith("by hand: ") ? `By hand: ${words.slice("by hand: ".length)}` : `A fault strikes: ${words}`;
