// The lines of a trace (kvrmi/sim/DESIGN.md) into steps and messages. Pure: no document, no clock.
//
// A step is a message that is handled, or a role that wakes, with all that it shows of it, or one other thing that
// happened. A trace is somebody's text: a line that is no record ends it, and `problem` says so.

import { ALL, asked, isComment, replicaOf, table } from "./records.js";
import { weigh } from "./stops.js";

export const FORMAT = 1;

const KINDS = new Set(["began", "left", "fate", "acted", "life", "state", "links", "happened"]);
const FOLLOWS = new Set(["acted", "state", "links"]);
/** Read a trace: {run, steps, messages, replicas, roles, end, problem}. Never throws. */
export function read(text) {
  const trace = {
    run: {}, steps: [], messages: new Map(), replicas: [], roles: [], values: new Map(), end: null,
    problem: "",
  };
  const lines = text.split("\n");
  for (let number = 0; number < lines.length; number++) {
    if (lines[number] === "") continue;
    const problem = take(trace, lines[number]);
    if (problem) {
      trace.problem = `line ${number + 1}: ${problem}; what comes after it is not shown`;
      break;
    }
  }
  if (!trace.problem && trace.end === null) trace.problem = "it is cut off: it has no last line";
  for (const message of trace.messages.values()) message.words = trace.values.get(valueOf(message)) ?? "";
  weigh(trace);
  return trace;
}

function take(trace, line) {
  let record;
  try {
    record = JSON.parse(line);
  } catch {
    return "it is no JSON";
  }
  if (record === null || typeof record !== "object") return "it is no record";
  if (trace.run.kind === undefined) return begin(trace, record);
  if (record.kind === "end") trace.end = record;
  else if (record.kind === "values") trace.values = new Map(Object.entries(record.words ?? {}).map(([value, words]) => [value, String(words)]));
  else if (KINDS.has(record.kind)) return add(trace, record);
  return "";
}

/** The value that a message carries, as the trace spells bytes. */
const valueOf = ({ fields: { value, entry } }) => (value ?? entry?.value)?.b64;

function begin(trace, record) {
  if (record.kind !== "run" || record.format !== FORMAT) return `no trace of format ${FORMAT}`;
  trace.run = record;
  return "";
}

const isText = (it) => typeof it === "string";
const isObject = (it) => typeof it === "object" && it !== null && !Array.isArray(it);
const isMail = (it) => Number.isInteger(it.id) && isText(it.to) && isText(it.type) && isObject(it.fields);

/** What records of a kind have; the rest of the page relies on it. */
const SHAPE = table({
  began: ({ replicas, roles }) => replicas.every(Number.isInteger) && roles.every(isText),
  left: ({ who, mail }) => isText(who) && mail.every(isMail),
  fate: ({ id, fate, why = "" }) => Number.isInteger(id) && isText(fate) && isText(why),
  acted: ({ replica, event }) => Number.isInteger(replica)
    && [event.role, event.event, event.ballot, event.text].every(isText),
  life: ({ who, up }) => isText(who) && typeof up === "boolean",
  state: ({ who, fields }) => isText(who) && isObject(fields),
  links: ({ cut }) => cut.every((pair) => pair.length === 2 && pair.every(Number.isInteger)),
  happened: ({ what, text }) => isText(what) && isText(text),
});

function add(trace, record) {
  try {
    if (!Number.isFinite(record.at) || !SHAPE[record.kind](record)) throw new TypeError("its shape");
    if (record.kind === "began") {
      trace.replicas = record.replicas;
      trace.roles = record.roles;
      return "";
    }
    const last = trace.steps.at(-1);
    if (last !== undefined && belongs(last, record)) last.records.push(record);
    else trace.steps.push({ at: record.at, records: [record], weight: ALL, fault: false, turn: "" });
    note(trace, record, trace.steps.length - 1);
    return "";
  } catch {
    return "a record lacks what records of its kind have";
  }
}

/** Whether a record is of the same step as what stands before it. */
function belongs(step, record) {
  const first = step.records[0];
  if (first.kind === "fate" && record.kind === "fate") {
    return first.fate === "open" && record.fate === "open";
  }
  if (isComment(record)) return isComment(first) && record.at === step.at && !asked(record);
  if (record.at !== step.at) return false;
  if (FOLLOWS.has(record.kind)) return first.kind !== "links";
  if (record.kind === "left" && record.cause === 0) return isWoken(first, record);
  if (record.kind === "left") {
    return first.kind === "fate" && record.cause === first.id;
  }
  return LIVES.has(record.kind) && LIVES.has(first.kind) && whose(record) !== 0
    && whose(record) === whose(first);
}

/** Whether what leaves is of a role that was woken, and has shown what it does. */
const isWoken = (first, { who }) => first.kind === "acted" && first.cause === 0 && who === `r${first.replica}.${first.event.role}`;

/** Kinds that together are one replica's or role's end or start. */
const LIVES = new Set(["life", "happened"]);

/** The replica that such a record is about; 0: somebody else. */
const whose = ({ kind, who }) => kind === "life" ? replicaOf(who) : typeof who === "number" ? who : 0;

function note(trace, record, step) {
  if (record.kind === "left") {
    for (const mail of record.mail) {
      trace.messages.set(mail.id, {
        id: mail.id, from: record.who, to: mail.to, type: mail.type, fields: mail.fields,
        cause: record.cause, sent: step, sentAt: record.at, fates: [], effects: [], words: "",
      });
      trace.messages.get(record.cause)?.effects.push(mail.id);
    }
  } else if (record.kind === "fate") {
    const { fate, why = "", at } = record;
    trace.messages.get(record.id)?.fates.push({ fate, why, at, step });
  }
}
