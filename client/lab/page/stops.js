// What a step is worth to one who walks: its grain, whether it is a fault, what it turns. Pure.
//
// LEARNED is where something new begins or ends: Page Down stops there. What is usual (one more write is
// agreed on, one more refusal of the same) is such a stop once, until something else happens. An order
// whose effect is the next step leaves the stop to that.

import { ALL, EVENTS, isComment, isLocal, LEARNED, replicaOf, roleOf, table } from "./records.js";
import { less, majorityOf, spell } from "./ballots.js";
import { answer, isScripted } from "./client_words.js";
import { isRead } from "./script_words.js";
import { concerns, named } from "./twophase.js";

const QUIET = new Set(["NoAnswer", "NotSent", "Heartbeat", "Heard", "Followed", "Ask", "Applied", "Leading", "Durable"]);
const USUAL = new Set(["accepted", "chosen", "refuse", "silence", "voted", "no", "commits", "aborts", "doubt", "unknown", "answered", "done"]);
const CLIENT = /^(ask |as \w+ \d+ )*(put|get|delete|cas|fill)\b/;
const FAULT = /^(kill|cut|star|chain|drop|hold|pause|fail|lose|hang|stall)\b/;
const UNDONE = /\b(resume|start|restart|mend|all faults end)\b/;
const BACK = /^(started|resumed|restarted)/;

/**
 * Give every step its `weight`, whether it is a `fault`, and its `turn`: "majority" where one more makes it
 * one, "late" where there was one, "unsure" where an acceptor that started may have granted a lease. Where a
 * slot is chosen at one more ballot, `earlier` is the one it was chosen at first: {ballot, isSame}.
 */
export function weigh(trace) {
  const facts = new Facts(trace), usual = new Set();
  trace.steps.forEach((step, at) => {
    step.ordered = isOrder(step.records[0]) && isEffect(trace.steps[at + 1], step.at);
    const kinds = step.records.map((record) => news(record, facts, step)).filter(Boolean);
    const isUsual = (kind) => USUAL.has(kind.split(" ")[0]);
    const isNew = kinds.some((kind) => !isUsual(kind));
    if (isNew) usual.clear();
    const stop = isNew || kinds.some((kind) => !usual.has(kind));
    kinds.filter(isUsual).forEach((kind) => usual.add(kind));
    step.weight = stop ? LEARNED : Math.max(...step.records.map((record) => seen(record, trace.messages)));
    step.fault = !step.ordered && step.records.some(isFault);
  });
}

/** What has been promised, accepted, chosen, decided so far. */
class Facts {
  constructor({ replicas, messages }) {
    this.majority = majorityOf(replicas.length);
    this.all = replicas.length;
    this.messages = messages;
    this.sets = new Map();
    this.choices = new Map();
    this.granted = new Set();
  }

  /** Put one into the set of this name: how many it has now, 0 if it was there already. */
  add(name, one) {
    const set = this.sets.get(name) ?? this.sets.set(name, new Set()).get(name);
    const before = set.size;
    set.add(one);
    return set.size > before ? set.size : 0;
  }
}

/**
 * Note that a slot is chosen at a ballot, with a value or null where that is not known, and give a step
 * the `earlier` choice: what a majority accepted once stays chosen, whoever knows of it.
 */
function choose({ choices }, slot, ballot, value, step) {
  const first = choices.get(slot) ?? choices.set(slot, { ballot, value }).get(slot);
  if (first.ballot !== ballot) step.earlier = { ballot: first.ballot, isSame: value !== null && value === first.value };
}

// --- what is new --------------------------------------------------------------------------------------

/** What a record tells that is new: a kind, and whose where that matters; "": nothing. */
function news(record, facts, step) {
  try {
    return NEWS[record.kind]?.(record, facts, step) ?? "";
  } catch {
    return "";  // somebody's text: what makes no sense is no news
  }
}

const NEWS = table({
  acted: ({ replica, event, cause }, facts, step) => ACTED[event.event]?.(event, replica, facts, step, cause) ?? "",
  left: ({ who, cause, mail }, facts, step) =>
    mail.map(({ type, to, fields }) => LEFT[type]?.(fields, { who, to, type, cause, facts, step }) ?? "").find(Boolean) ?? "",
  life({ who, up, at }, facts) {
    if (up && roleOf(who) === "acceptor") facts.granted.delete(replicaOf(who));
    return at > 1 ? "life" : "";
  },
  links: ({ at }) => at > 1 ? "links" : "",
  happened(record, facts, step) {
    const { who, text, at } = record;
    if (text === "" || step.ordered) return "";
    if (who === "script") return isComment(record) ? "comment" : CLIENT.test(text) ? "client" : "";
    if (typeof who === "number") return at > 1 ? "life" : "";
    if (who === "fault" || who === "verdict") return who;
    return replied(who, text);
  },
});

/** That a ballot is refused: of what it asks, as a lease and a write are two things. */
const refused = (replica, ballot, cause, { messages }) => `refuse ${replica} ${ballot} ${messages.get(cause)?.type ?? ""}`;

/** What a client was answered: what is not done is news; of a scenario's client what it read, too. */
function replied(who, text) {
  const { code, request } = answer(text) ?? { code: "OK" };
  if (code !== "OK") return isScripted(who) ? "answer" : `answered ${code}`;
  return !isScripted(who) ? "" : isRead(request) ? "answer" : "done";
}

const ACTED = table({
  campaign: () => "campaign",
  promise({ ballot }, replica, facts, step) {
    const count = facts.add(`promise ${ballot}`, replica);
    if (count === facts.majority) step.turn = "majority";
    if (count > facts.majority) step.turn = "late";
    return count && count <= facts.majority ? "promise" : "";
  },
  refuse({ ballot, text }, replica, facts, step, cause) {
    if (/reason=ballot/.test(text)) return refused(replica, ballot, cause, facts);
    if (/reason=lease$/.test(text) && !facts.granted.has(replica)) step.turn = "unsure";
    return facts.add("refused", `${replica} ${ballot}`) ? "lease" : "";
  },
  leads: ({ peer }, replica) => peer === replica ? "leads" : "",
  "leads no more": ({ peer, text }, replica) =>
    peer === replica ? "ends" : /no heartbeat in time/.test(text) ? "silence" : "",
  chosen: ({ slot }, replica, facts) => facts.add("chosen", slot) ? "chosen" : "",
  snapshot: () => "snapshot", "hand-over": () => "hand-over", transfer: () => "transfer",
  view: () => "view", store: () => "store",
});

const LEFT = table({
  Heard(fields, { who, facts }) {
    facts.granted.add(replicaOf(who));
    return "";
  },
  Accepted({ slot, ballot }, { who, cause, facts, step }) {
    const count = facts.add(`accepted ${slot} at ${spell(ballot)}`, replicaOf(who));
    if (count !== facts.majority) return "";
    step.turn = "majority";
    choose(facts, slot, spell(ballot), facts.messages.get(cause)?.fields.value?.b64 ?? null, step);
    return "accepted";
  },
  Chosen({ entry: { slot, ballot, value } }, { facts, step }) {
    choose(facts, slot, spell(ballot), value.b64, step);
    return facts.add("chosen", slot) ? "chosen" : "";
  },
  Refused: ({ ballot, promised, reason }, { who, cause, facts }) =>
    reason === "ballot" && less(ballot, promised) ? refused(replicaOf(who), spell(ballot), cause, facts) : "",
  Votes(fields, { who, to, type, facts, step }) {
    const parts = concerns({ type, fields, from: who, to });
    if (parts.some(([, , { yes }]) => !yes)) return "no";
    const counts = parts.map(([manager, number]) => facts.add(`yes ${named(manager, number)}`, who));
    if (counts.includes(facts.all)) step.turn = "majority";
    return counts.includes(facts.all) ? "voted" : "";
  },
  Go(fields, { who, to, type, facts }) {
    const first = concerns({ type, fields, from: who, to })
      .filter(([manager, number]) => facts.add("decided", named(manager, number)));
    return first.length === 0 ? "" : first.some(([, , { commit }]) => commit) ? "commits" : "aborts";
  },
  Inquire: (fields, { who }) => `doubt ${replicaOf(who)}`,
  Known: ({ found }) => found.some(({ state }) => state === "prepared") ? "unknown" : "",
});

// --- orders, faults, and the rest ---------------------------------------------------------------------

/** Whether it is only that something is ordered: by a script, or by the faults of a run. */
const isOrder = (record) => record.kind === "happened" && !isComment(record) && (record.who === "script" || record.who === "fault");

/** Whether a step at this moment is what became of an order. */
const isEffect = (step, at) => step !== undefined && step.at === at
  && step.records.some(({ kind, who }) => kind === "links" || kind === "life" || (kind === "happened" && typeof who === "number"));

function isFault({ kind, who, text, up, cut, at }) {
  if (kind === "links") return cut.length > 0;
  if (kind === "life") return !up;
  if (kind !== "happened") return false;
  if (who === "fault") return !UNDONE.test(text);
  if (who === "script") return FAULT.test(text);
  return typeof who === "number" && at > 1 && !BACK.test(text);
}

/** How a record weighs that tells nothing new. */
function seen(record, messages) {
  if (record.kind === "happened") return record.text !== "" && (typeof record.who === "number" || isOrder(record) || isScripted(record.who)) ? EVENTS : ALL;
  if (record.kind === "life" || record.kind === "links") return EVENTS;
  if (record.kind === "left") return Math.max(ALL, ...record.mail.map(({ id }) => passing(messages.get(id))));
  return record.kind === "fate" && record.fate !== "open" ? passing(messages.get(record.id)) : ALL;
}

const passing = (message) => message === undefined || isLocal(message) || QUIET.has(message.type) ? ALL : EVENTS;
