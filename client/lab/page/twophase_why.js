// Why a transaction stands as it does at a step, and who may decide what: two-phase commit, in
// sentences, from the state alone. Pure.

import { named } from "./twophase.js";

const joined = (ids) => ids.length > 1 ? `${ids.slice(0, -1).join(", ")} and ${ids.at(-1)}` : String(ids[0]);
const participants = (ids, ...verb) => `Participant${ids.length > 1 ? "s" : ""} ${joined(ids)} ${ids.length > 1 ? verb[1] ?? verb[0] : verb[0]}`;

/** Whether a trace is of two-phase commit. */
export const isTwophase = ({ roles }) => roles.includes("manager");

/** The transactions by the order in which they came: the first is number 1. */
export const numbered = ({ transactions }) => [...transactions.values()];

/** The sentences of one. */
export function story(one, state, values) {
  const { manager, number, command, votes, decided } = one, ids = [...state.replicas.keys()];
  const yes = ids.filter((id) => votes.get(id)?.yes), no = ids.filter((id) => votes.get(id)?.yes === false);
  const missing = ids.filter((id) => !votes.has(id));
  return [
    `Replica ${manager} was asked: ${values.get(command) ?? "a write"}. It manages ${named(manager, number)}, and asks all to vote.`,
    ...yes.length ? [`${participants(yes, "voted YES")}: the write is on disk there, and its keys are locked until the outcome is known.`] : [],
    ...no.map((id) => `Participant ${id} voted NO: ${votes.get(id).why}.`),
    ...missing.length && decided === null ? [`${participants(missing, "has not voted", "have not voted")}.`] : [],
    ...outcome(one, state, ids), ...waiting(one, state, ids),
  ];
}

function outcome({ manager, decided, outcomes, votes, prepared }, state, ids) {
  if (decided === null && votes.size && !prepared.size) return ["It was never decided, and no key is locked for it any more: nothing of it was done."];
  if (decided === null) return [undecided(manager, state, ids.every((id) => votes.get(id)?.yes))];
  const done = ids.filter((id) => outcomes.get(id) === decided);
  const why = decided === "commit" ? "all had voted YES" : "a manager may always abort what it has not committed";
  const heard = done.length ? ` ${participants(done, "has", "have")} carried that out.` : "";
  return [`Manager ${manager} decided ${decided.toUpperCase()}: ${why}.${heard}`];
}

function undecided(manager, state, isReady) {
  const { roles, stopped } = state.replicas.get(manager), isUp = [...roles.values()].some(({ up }) => up);
  const where = !isUp ? ", and its process is down" : stopped ? ", and its process is stopped" : "";
  const votes = isReady ? "All have voted YES, but only" : "Only";
  return `${votes} manager ${manager} may decide it${where}: it may have aborted, and nobody else can know.`;
}

/** Who waits, and for how long. */
function waiting({ prepared, doubt }, state, ids) {
  return ids.filter((id) => prepared.has(id)).map((id) =>
    `Participant ${id} has waited ${(state.at - prepared.get(id)).toFixed(2)} s with its keys locked${doubt.has(id) ? ", and asks the others" : ""}.`);
}

/** Why nobody leads, and what each manager has still to decide. */
export function nobodyLeads(state) {
  const open = numbered(state).filter(({ decided, prepared }) => decided === null && prepared.size);
  const managers = [...new Set(open.map(({ manager }) => manager))].sort();
  return [
    "Nobody leads in two-phase commit. The replica that a client asks manages that write, and a manager has no successor: what it has not decided, nobody else may.",
    ...managers.map((id) => `Manager ${id} has still to decide ${joined(open.filter(({ manager }) => manager === id).map(({ manager, number }) => named(manager, number)))}.`),
    ...managers.length ? [] : ["Nobody waits for a decision now."],
  ];
}
