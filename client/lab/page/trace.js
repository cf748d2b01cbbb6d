// The lines of a trace (kvrmi/sim/DESIGN.md) into steps and messages. Pure: no document, no clock.
//
// A step is a message that is handled with all that its role shows of it, or one other thing that
// happened. A trace is somebody's text: a line that is no record ends it, and `problem` says so.

export const FORMAT = 1;

/** Grains: who walks at GRAIN sees the steps whose weight is at least that. */
export const ALL = 0, EVENTS = 1, LEARNED = 2;

const KINDS = new Set(["began", "left", "fate", "acted", "life", "state", "links", "happened"]);
const FOLLOWS = new Set(["acted", "state", "links", "life"]);
const QUIET = new Set(["Heartbeat", "Heard", "Followed", "Ask", "Applied", "Leading", "Durable"]);
const NEWS = new Set([
  "campaign", "promise", "refuse", "leads", "leads no more", "accept", "chosen", "snapshot",
  "hand-over", "transfer",
]);
const NOBODY = new Set(["client", "script"]);

/** Read a trace: {run, steps, messages, replicas, roles, end, problem}. Never throws. */
export function read(text) {
  const trace = {
    run: {}, steps: [], messages: new Map(), replicas: [], roles: [], end: null, problem: "",
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
  for (const step of trace.steps) step.weight = weight(step, trace.messages);
  if (trace.steps.length) trace.steps.at(-1).weight = LEARNED;
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
  else if (KINDS.has(record.kind)) return add(trace, record);
  return "";
}

function begin(trace, record) {
  if (record.kind !== "run" || record.format !== FORMAT) return `no trace of format ${FORMAT}`;
  trace.run = record;
  return "";
}

function add(trace, record) {
  try {
    if (record.kind === "began") {
      trace.replicas = record.replicas.map(Number);
      trace.roles = record.roles.map(String);
      return "";
    }
    const last = trace.steps.at(-1);
    if (last !== undefined && belongs(last, record)) last.records.push(record);
    else trace.steps.push({ at: record.at, records: [record], weight: ALL });
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
  if (FOLLOWS.has(record.kind)) return record.at === step.at && first.kind !== "links";
  return record.kind === "left" && record.at === step.at && record.cause !== 0
    && first.kind === "fate" && record.cause === first.id;
}

function note(trace, record, step) {
  if (record.kind === "left") {
    for (const mail of record.mail) {
      trace.messages.set(mail.id, {
        id: mail.id, from: record.who, to: mail.to, type: mail.type, fields: mail.fields,
        cause: record.cause, sent: step, sentAt: record.at, fates: [], effects: [],
      });
      trace.messages.get(record.cause)?.effects.push(mail.id);
    }
  } else if (record.kind === "fate") {
    const { fate, why = "", at } = record;
    trace.messages.get(record.id)?.fates.push({ fate, why, at, step });
  }
}

/** The number of the replica that an address such as r2.acceptor names; 0: nobody's. */
export function replicaOf(address) {
  const found = /^r(\d+)\./.exec(String(address));
  return found ? Number(found[1]) : 0;
}

/** The role that an address such as r2.acceptor names. */
export const roleOf = (address) => String(address).replace(/^r\d+\./, "");

/** Whether a message stays within one replica. */
export const isLocal = (message) => replicaOf(message.from) === replicaOf(message.to);

/** Whether a step is a fault: one that was drawn, ordered by a script, or a role's or process' end. */
export function isFault(step) {
  return step.records.some((record) =>
    record.kind === "links"
    || (record.kind === "life" && !record.up)
    || (record.kind === "happened" && (record.who === "fault" || ordersFault(record))));
}

function ordersFault(record) {
  return record.who === "script" && /^(kill|cut|drop|hold|stop|fail|wipe|lose|hang)\b/.test(record.text);
}

function weight(step, messages) {
  return Math.max(...step.records.map((record) => weigh(record, messages)));
}

function weigh(record, messages) {
  if (record.kind === "acted") return NEWS.has(record.event.event) ? LEARNED : ALL;
  if (record.kind === "happened") return weighHappened(record);
  if (record.kind === "life" || record.kind === "links") return record.at > 1 ? LEARNED : EVENTS;
  if (record.kind === "left") {
    return Math.max(ALL, ...record.mail.map((mail) => weighMessage(messages.get(mail.id))));
  }
  if (record.kind === "fate") {
    if (record.fate === "open") return ALL;
    return weighMessage(messages.get(record.id));
  }
  return ALL;
}

function weighHappened(record) {
  if (record.text === "") return ALL;
  if (record.who === "fault" || record.who === "verdict") return LEARNED;
  if (typeof record.who === "number" && record.at > 1) return LEARNED;
  if (record.who === "script") return record.text.startsWith("#") ? LEARNED : EVENTS;
  return NOBODY.has(record.who) || typeof record.who === "number" ? EVENTS : ALL;
}

function weighMessage(message) {
  return message === undefined || isLocal(message) || QUIET.has(message.type) ? ALL : EVENTS;
}
