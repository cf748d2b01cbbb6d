// Two-phase commit beside the diagram: what a replica's card says, and the table of transactions.

import { html, press } from "./dom.js";
import { held, named } from "./twophase.js";
import { nobodyLeads, numbered, story } from "./twophase_why.js";

const ROWS = 14;
const LONG = 1;  // seconds in doubt after which a card says so in red

/** What a card shows of a replica besides its lamps. */
export function doubts(state, id) {
  const waits = held(state, id);
  if (waits.length === 0) return html("p", { class: "lease" }, "holds no locks");
  const [name, since] = waits[0], seconds = state.at - since;
  const more = waits.length > 1 ? ` and ${waits.length - 1} more` : "";
  const said = `voted YES on ${name}${more}, and waits: ${seconds.toFixed(2)} s`;
  return html("p", { class: seconds > LONG ? "lease blocked" : "lease" }, said);
}

/** How a replica stands, in two or three words. */
export function standing(state, id) {
  const manages = [...state.transactions.values()].some((one) =>
    one.manager === id && one.outcomes.size < state.replicas.size && one.votes.size && one.decided !== "abort");
  const waits = held(state, id).some(([, since]) => state.at - since > LONG);
  return waits ? "in doubt" : manages ? "manages" : "takes part";
}

/** The last transactions: a row each, a column a replica. `pick` takes the number of one. */
export function transactions(state, values, heading, pick) {
  const ids = [...state.replicas.keys()], left = Math.max(0, state.transactions.size - ROWS);
  const rows = [...state.transactions].slice(-ROWS).map(([name, one], at) => row(name, one, ids, values, () => pick(left + at + 1)));
  return [
    html("h2", {}, "Transactions"),
    html("table", {}, heading("", ids, html("th", {}, "command")), html("tbody", {}, ...rows)),
    html("p", { class: "legend" }, "Y voted YES, its keys are locked · N voted NO · ? in doubt, asks the others · ✓ committed · ✗ aborted"),
  ];
}

/** Why a transaction, by its number, stands as it does. */
export function transactionWhy(trace, state, number, close) {
  const one = numbered(state)[number - 1], name = one ? named(one.manager, one.number) : "";
  const said = one ? story(one, state, trace.values) : ["Nothing was asked yet: there is no transaction."];
  return [html("h2", {}, one ? `Transaction ${name} ` : "Transactions ", press("close", close)), ...said.map((sentence) => html("p", {}, sentence)), source()];
}

/** What a reader finds who looks for a leader. */
export const leaderless = (state, close) =>
  [html("h2", {}, "Why nobody leads ", press("close", close)), ...nobodyLeads(state).map((sentence) => html("p", {}, sentence)), source()];

const source = () => html("p", {}, html("cite", {}, "Bernstein, Hadzilacos and Goodman 7.4"));

function row(name, one, ids, values, pick) {
  const done = ids.every((id) => one.outcomes.get(id) === "commit");
  const cells = ids.map((id) => html("td", { class: "slot", title: told(one, id) }, mark(one, id)));
  const words = values.get(one.command) ?? "";
  return html("tr", { class: done ? "chosen" : null }, html("th", { class: `owner${one.manager}` }, press(name, pick, "why it stands as it does")),
    ...cells, html("td", { class: "value" }, html("div", { title: words }, words)));
}

function mark(one, id) {
  const outcome = one.outcomes.get(id), vote = one.votes.get(id);
  if (outcome) return outcome === "commit" ? "✓" : "✗";
  if (one.doubt.has(id)) return "Y ?";
  return vote === undefined ? "·" : vote.yes ? "Y" : "N";
}

function told(one, id) {
  const vote = one.votes.get(id), outcome = one.outcomes.get(id);
  const voted = vote === undefined ? "has not voted" : vote.yes ? "voted YES" : `voted NO: ${vote.why}`;
  return `replica ${id} ${voted}${outcome ? `; ${outcome}` : ""}`;
}
