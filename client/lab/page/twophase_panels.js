// Two-phase commit beside the diagram: what a replica's card says, and the table of transactions.

import { html } from "./dom.js";
import { held } from "./twophase.js";

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

/** The last transactions: a row each, a column a replica. */
export function transactions(state, values, heading) {
  const ids = [...state.replicas.keys()];
  const rows = [...state.transactions].slice(-ROWS).map(([name, one]) => row(name, one, ids, values));
  return [
    html("h2", {}, "Transactions"),
    html("table", {}, heading("", ids, html("th", {}, "command")), html("tbody", {}, ...rows)),
    html("p", { class: "legend" }, "Y voted YES, its keys are locked · N voted NO · ? in doubt, asks the others · ✓ committed · ✗ aborted"),
  ];
}

function row(name, one, ids, values) {
  const done = ids.every((id) => one.outcomes.get(id) === "commit");
  const cells = ids.map((id) => html("td", { class: "slot", title: told(one, id) }, mark(one, id)));
  const words = values.get(one.command) ?? "";
  return html("tr", { class: done ? "chosen" : null }, html("th", { class: `owner${one.manager}` }, name),
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
