// What stands beside the diagram: a card for each replica, the log's slots, the step in detail.

import { html, press } from "./dom.js";
import { less, spell } from "./ballots.js";
import { isLost, isNoop, isOutdated } from "./state.js";
import { doubts, leaderless, standing as part, transactions, transactionWhy } from "./twophase_panels.js";
import { latestBallot } from "./election.js";
import { LATER, leaderWhy, quorums } from "./quorums.js";
import { isTwophase } from "./twophase_why.js";
import { history, majorities, story } from "./why.js";
import { guilty, short } from "./words.js";

const LAMPS = ["proposer", "acceptor", "learner", "manager", "participant"];
const SLOTS = 14, TEXT = 2000, MOST_VALUES = 4;

/** What cards show of each replica: to be kept while the state goes on. */
export function facts(state) {
  return new Map([...state.replicas].map(([id, { promised, chosen, applied, view = 1 }]) =>
    [id, { promised: spell(promised), chosen, applied, view }]));
}

/** A card for each replica; `before` are the facts one step earlier: what differs is outlined. */
export function cards(state, before, { replica = null, leader = null } = {}) {
  const blamed = guilty(state.verdict);
  return [...state.replicas].map(([id, it]) =>
    card(id, it, before?.get(id), state, { blamed: id === blamed, whatIf: replica, why: leader }));
}

function card(id, replica, before, state, { blamed, whatIf, why }) {
  const leads = replica.leads !== null && !isOutdated(state, replica.leads);
  const broken = less(replica.promised, replica.vowed);
  const marks = `${leads ? " leader" : ""}${blamed ? " blamed" : ""}`;
  return html("article", { class: `card owner${id}${marks}` },
    html("h2", {}, `${id} `, html("small", {}, called(replica, standing(replica, leads, state, id), why)), ...whatIf ? [button(id, whatIf)] : []),
    html("p", { class: "lamps" }, ...LAMPS.filter((role) => replica.roles.has(role))
      .map((role) => lamp(role, replica.roles.get(role)))),
    html("dl", {},
      ...(votes(replica) ? fact("promised", spell(replica.promised), before?.promised) : []),
      ...(broken ? fact("but had", `${spell(replica.vowed)}: broken`, "") : []),
      ...(votes(replica) ? fact("chosen", replica.chosen, before?.chosen) : fact("view", replica.view ?? 1, before?.view)),
      ...fact("applied", replica.applied, before?.applied)),
    votes(replica) ? lease(replica.grant, state) : doubts(state, id));
}

/** How it stands; for a leader a way to why it is one. */
const called = ({ leads }, words, why) => leads && why ? press(words, () => why(leads), "why it leads (l)") : words;

const button = (id, whatIf) => html("button", {
  type: "button", class: "whatif", title: `What if replica ${id} failed here?`, "aria-label": `What if replica ${id} failed here?`,
  onclick: () => whatIf(id),
}, "⚡");

/** Whether it is an acceptor of ballots: of Paxos, not of two-phase commit. */
const votes = (replica) => replica.roles.has("acceptor");

function standing(replica, leads, state, id) {
  if (!up(replica)) return "down";
  if (replica.stopped) return "stopped";
  if (!votes(replica)) return part(state, id);
  if (replica.leads === null) return "follows";
  return `${leads ? "leads at" : "believes it leads at"} ${spell(replica.leads)}`;
}

const up = (replica) => LAMPS.some((role) => replica.roles.get(role)?.up);

function lamp(role, state) {
  const on = state?.up ?? false;
  const label = `${role}: ${on ? `up, incarnation ${state.incarnation}` : "down"}`;
  return html("span", { class: on ? "lamp on" : "lamp off", title: label }, on ? "●" : "○", html("span", { class: "role" }, ` ${role}`));
}

function fact(name, value, before) {
  const changed = before !== undefined && String(before) !== String(value);
  return [html("dt", {}, name), html("dd", { class: changed ? "changed" : null }, String(value))];
}

function lease(grant, state) {
  const left = grant ? Math.max(0, grant.until - state.at) : 0;
  if (left === 0) return html("p", { class: "lease" }, "grants no lease");
  const title = "what its acceptor grants: with a majority's leases a leader answers reads alone";
  if (isOutdated(state, grant.ballot)) return html("p", { class: "lease", title }, `too few for ${spell(grant.ballot)}: ${left.toFixed(2)} s`);
  return html("p", { class: "lease", title }, `lease for ${spell(grant.ballot)}: ${left.toFixed(2)} s `,
    html("meter", { min: 0, max: grant.lease, value: left }));
}

/** The last slots as a table: a row a slot, a column a replica. `pick` takes a slot. */
export function log(state, values, pick) {
  if (state.transactions.size) return transactions(state, values, heading, pick);
  const known = [...state.slots.keys()].sort((a, b) => a - b).slice(-SLOTS);
  const ids = [...state.replicas.keys()];
  return [
    html("h2", {}, "Log"),
    html("table", {},
      heading("slot", ids, html("th", {}, "value")),
      html("tbody", {}, ...known.map((number) => slotRow(state, number, ids, values, pick)))),
    html("p", { class: "legend" }, "2.1 accepted at that ballot · ✓ chosen · ■ what was chosen is applied · struck out: another value was chosen · no-op: changes nothing; a new leader's first slot"),
  ];
}

/** A table's head: a column for each replica. */
function heading(first, ids, ...more) {
  const columns = ids.map((id) => html("th", { class: `owner${id}` }, String(id)));
  return html("thead", {}, html("tr", {}, html("th", {}, first), ...columns, ...more));
}

function slotRow(state, number, ids, values, pick) {
  const slot = state.slots.get(number);
  const chosen = slot.chosen;
  return html("tr", { class: chosen ? "chosen" : null },
    html("th", {}, press(`${number}${chosen ? " ✓" : ""}`, () => pick(number), "why it has this value")),
    ...ids.map((id) => cell(slot, state.replicas.get(id), id, number)),
    html("td", { class: "value" }, ...held(slot, values)));
}

/** The values of a slot: one, or where there are several each with its ballot; what is chosen is marked. */
function held({ proposed, chosen }, values) {
  const said = [...proposed].map(([ballot, value]) => ({ ballot, words: values.get(value) ?? "", isChosen: value === chosen?.value }));
  const same = new Set(said.map(({ words }) => words)).size < 2;
  const shown = same ? said.slice(-1) : said.slice(-MOST_VALUES);
  return shown.map(({ ballot, words, isChosen }) => html("div", { title: words, class: `owner${ballot.split(".")[1]}` },
    same ? words : `${ballot}: ${words}${isChosen ? " ✓" : ""}`));
}

function cell(slot, replica, id, number) {
  const ballot = slot.accepted.get(id);
  const applied = replica.applied >= number;
  const owner = ballot ? ` owner${ballot.replica}` : "";
  const lost = isLost(slot, ballot);
  const said = ballot ? `accepted ${lost ? "another value than what was chosen, " : ""}at ${spell(ballot)}` : "nothing accepted";
  const title = `replica ${id}: ${said}${applied ? ", applied what was chosen" : ""}`;
  const text = ballot ? spell(ballot) : "·";
  return html("td", { class: `slot${owner}`, title }, lost ? html("s", {}, text) : text, applied ? " ■" : "");
}

/** Why a slot has its value, up to a step: in sentences, and the majorities as a table; of two-phase commit a transaction. */
export function slotWhy(trace, slot, at, close, go, state) {
  if (isTwophase(trace)) return transactionWhy(trace, state, slot, close);
  const known = history(trace, slot, at), ids = trace.replicas;
  return [
    html("h2", {}, `Slot ${slot} `, press("close", close)),
    quorums(ids, majorities(known).map((row) => ({ ...row, act: () => go(row.step) })), known.majority),
    html("p", { class: "legend" }, `● promised or accepted, joined where they are a majority · ${LATER} · in a frame: who is in all majorities`),
    ...story(known, trace.values).map((sentence) => html("p", {}, sentence)),
    html("p", {}, html("cite", {}, "Paxos Made Simple 2.2, P2b and P2c")),
  ];
}

/** Why somebody leads at a step, or that nobody does. */
export function leading(trace, step, close, state) {
  if (isTwophase(trace)) return leaderless(state, close);
  const ballot = latestBallot(trace, step);
  return ballot ? leaderWhy(trace, ballot, step, close)
    : [html("h2", {}, "Why nobody leads ", press("close", close)), html("p", {}, "Nobody has asked for promises yet.")];
}

/** A message, or else what the step's records hold. */
export function inspector(trace, at, picked, pick, go, lose = null) {
  const message = trace.messages.get(picked);
  if (message !== undefined) return letter(trace, message, pick, go, lose);
  const step = trace.steps[at];
  const count = `${step.records.length} record${step.records.length === 1 ? "" : "s"}`;
  const lines = step.records.map((record) => JSON.stringify(record)).join("\n");
  return [
    html("h2", {}, `Step ${at}`),
    ...concerned(step).map((id) => trace.messages.get(id)).filter(Boolean).map((one) => link(one, pick)),
    html("details", {}, html("summary", {}, count), html("pre", {}, cutOff(lines))),
  ];
}

/** The messages that a step is about, by id. */
export function concerned(step) {
  const ids = step.records.flatMap((record) =>
    record.kind === "left" ? record.mail.map((mail) => mail.id) : record.kind === "fate" ? [record.id] : []);
  return [...new Set(ids)].slice(0, 12);
}

function letter(trace, message, pick, go, lose) {
  const cause = trace.messages.get(message.cause);
  return [
    html("h2", {}, `${short(message)} `, press("close", () => pick(0))),
    html("p", {}, `Message ${message.id}, ${message.from} to ${message.to}. `),
    html("p", {}, press(`Left at step ${message.sent}`, () => go(message.sent)), ...became(message, go)),
    ...lose ? [html("div", { class: "deeds" }, html("button", { type: "button", onclick: () => lose(message) }, "⚡ What if it were lost?"))] : [],
    html("h3", {}, "Because of"),
    cause ? link(cause, pick) : html("p", {}, "a timer, a client, or the process itself"),
    ...ledTo(trace, message, pick),
    html("h3", {}, "Fields"), html("pre", {}, cutOff(JSON.stringify(message.fields, spoken(trace.values), 1))),
  ];
}

const became = ({ fates }, go) => fates.flatMap(({ fate, why, step }) =>
  [", ", press(`${fate}${why ? ` (${why})` : ""} at step ${step}`, () => go(step))]);

function ledTo(trace, { effects }, pick) {
  if (effects.length === 0) return [];
  const shown = effects.slice(0, 8).map((id) => link(trace.messages.get(id), pick));
  return [html("h3", {}, "Led to"), ...shown];
}

const link = (message, pick) => html("p", {},
  press(`${short(message)}: ${message.from} → ${message.to}`, () => pick(message.id)));

/** Ballots and values as words, other bytes as their number: for JSON.stringify. */
const spoken = (values) => (name, value) => {
  if (value === null || typeof value !== "object") return value;
  const names = Object.keys(value).join();
  if (names === "round,replica") return spell(value);
  if (names === "b64") return values.get(value.b64) ?? (isNoop(value) ? "no-op" : `${Math.floor(value.b64.length * 3 / 4)} bytes`);
  return value;
};

const cutOff = (text) => text.length > TEXT ? `${text.slice(0, TEXT)} .. ${text.length - TEXT} characters more` : text;
