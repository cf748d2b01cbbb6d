// The lines of a trace (kvrmi/sim/DESIGN.md) into steps and messages. Pure: no document, no clock.
//
// A step is a message that is handled with all that its role shows of it, or one other thing that
// happened. A trace is somebody's text: a line that is no record ends it, and `problem` says so.

export const FORMAT = 1;

/** Grains: who walks at GRAIN sees the steps whose weight is at least that. */
export const ALL = 0, EVENTS = 1, LEARNED = 2;

/** A table by name, in which nothing stands but what was put there. */
export const table = (entries) => Object.assign(Object.create(null), entries);

const KINDS = new Set(["began", "left", "fate", "acted", "life", "state", "links", "happened"]);
const FOLLOWS = new Set(["acted", "state", "links"]);
const QUIET = new Set(["NoAnswer", "NotSent", "Heartbeat", "Heard", "Followed", "Ask", "Applied", "Leading", "Durable"]);
const TELLING = new Set(["Votes", "Go", "Inquire"]);
const NEWS = new Set([
  "campaign", "promise", "refuse", "leads", "leads no more", "accept", "chosen", "snapshot",
  "hand-over", "transfer", "view", "store",
]);

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
  for (const step of trace.steps) step.weight = weight(step, trace.messages);
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
  else if (record.kind === "values") trace.values = new Map(Object.entries(record.words ?? {}));
  else if (KINDS.has(record.kind)) return add(trace, record);
  return "";
}

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
  if (isComment(record)) return isComment(first) && record.at === step.at;
  if (record.at !== step.at) return false;
  if (FOLLOWS.has(record.kind)) return first.kind !== "links";
  if (record.kind === "left") {
    return record.cause !== 0 && first.kind === "fate" && record.cause === first.id;
  }
  return LIVES.has(record.kind) && LIVES.has(first.kind) && whose(record) !== 0
    && whose(record) === whose(first);
}

/** Kinds that together are one replica's or role's end or start. */
const LIVES = new Set(["life", "happened"]);

/** The replica that such a record is about; 0: somebody else. */
const whose = ({ kind, who }) => kind === "life" ? replicaOf(who) : typeof who === "number" ? who : 0;

/** Whether a record is a line of a scenario that explains. */
export const isComment = (record) =>
  record.kind === "happened" && record.who === "script" && record.text.startsWith("#");

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
  return record.who === "script" && /^(kill|cut|star|chain|drop|hold|pause|fail|lose|hang)\b/.test(record.text);
}

function weight(step, messages) {
  return Math.max(...step.records.map((record) => weigh(record, messages)));
}

function weigh(record, messages) {
  if (record.kind === "acted") return NEWS.has(record.event.event) ? LEARNED : ALL;
  if (record.kind === "happened") return weighHappened(record);
  if (record.kind === "life" || record.kind === "links") return record.at > 1 ? LEARNED : EVENTS;
  if (record.kind === "left") {
    return Math.max(ALL, ...record.mail.map(({ id, type }) => TELLING.has(type) ? LEARNED : weighMessage(messages.get(id))));
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
  if (record.who === "script") return isComment(record) ? LEARNED : EVENTS;
  return typeof record.who === "number" ? EVENTS : ALL;
}

function weighMessage(message) {
  return message === undefined || isLocal(message) || QUIET.has(message.type) ? ALL : EVENTS;
}
