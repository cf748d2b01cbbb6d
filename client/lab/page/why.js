// Why a slot has the value that it has: who proposed, promised and accepted, ballot by ballot, and
// which majorities share an acceptor. A function of the records up to a step. Pure.

import { less, majorityOf, spell } from "./ballots.js";
import { replicaOf, table } from "./records.js";

/**
 * {ballots, chosen} of a slot; each ballot, the lowest first, with its promises and votes. Chosen is
 * what a majority has accepted at one ballot, whether anybody knows it yet or not.
 */
export function history(trace, slot, until) {
  const majority = majorityOf(trace.replicas.length);
  const found = { ballots: new Map(), chosen: null, majority };
  for (let at = 0; at <= until; at++) {
    for (const record of trace.steps[at].records) {
      if (record.kind === "left") record.mail.forEach((mail) => SEEN[mail.type]?.(found, record, mail, slot, at));
    }
  }
  const proposed = [...found.ballots.values()].filter((one) => one.proposed !== null);
  for (const { proposed: { step }, promises } of proposed) {
    for (const one of promises.values()) one.late = !cameBy(trace.messages.get(one.id), step);
  }
  proposed.sort((a, b) => less(a.ballot, b.ballot) ? -1 : 1);
  return { ballots: proposed, chosen: found.chosen, majority };
}

/** Whether a message had come by a step. */
export const cameBy = (message, step) => message.fates.some((one) => one.fate === "arrived" && one.step <= step);

const SEEN = table({
  Promise({ ballots }, { who }, { id, fields }, slot, step) {
    const report = fields.accepted.find((one) => one.slot === slot) ?? null;
    const promises = at(ballots, fields.ballot).promises;
    const known = promises.get(replicaOf(who));
    promises.set(replicaOf(who), { id: known?.id ?? id, step: known?.step ?? step, report: known?.report ?? report, late: false });
  },
  Accept({ ballots }, { who }, { fields }, slot, step) {
    if (fields.slot !== slot) return;
    at(ballots, fields.ballot).proposed ??= { by: replicaOf(who), step, value: fields.value.b64 };
  },
  Accepted(found, { who }, { fields: { ballot, slot: named } }, slot, step) {
    if (named !== slot) return;
    const { votes } = at(found.ballots, ballot);
    if (!votes.has(replicaOf(who))) votes.set(replicaOf(who), step);
    if (votes.size >= found.majority) found.chosen ??= { ballot, acceptors: [...votes.keys()], step };
  },
});

function at(ballots, ballot) {
  const name = spell(ballot);
  if (!ballots.has(name)) {
    ballots.set(name, { ballot, proposed: null, promises: new Map(), votes: new Map() });
  }
  return ballots.get(name);
}

/** The same in sentences, for people: at most FEW ballots of it. */
export function story({ ballots, chosen, majority }, values) {
  if (ballots.length === 0) return ["Nobody has proposed anything for this slot yet."];
  const first = (chosen && ballots.find((one) => spell(one.ballot) === spell(chosen.ballot))) ?? ballots[0];
  const name = values.get(first.proposed.value) ?? "a value";
  const said = [
    `Replica ${first.proposed.by} proposed ${name} at ballot ${spell(first.ballot)}; `
      + `acceptors ${list(before(first))} had promised that ballot.${after(first)}`,
    chosen
      ? `Acceptors ${list(chosen.acceptors)} accepted it at that ballot: a majority, so it is chosen, whether anybody knows that yet or not.`
      : `Accepted so far by ${list(first.votes.keys())}; it takes ${majority} for it to be chosen.`,
  ];
  const later = ballots.filter((one) => chosen && less(chosen.ballot, one.ballot)).slice(0, FEW);
  return [...said, ...later.map((one) => met(one, chosen, first.proposed.value))];
}

const FEW = 2;

/** Whose promises of a ballot had come when its leader proposed: it relies on these. */
export const before = ({ promises }) => [...promises].filter(([, { late }]) => !late).map(([id]) => id);

function after({ promises }) {
  const late = [...promises].filter(([, one]) => one.late).map(([id]) => id);
  return late.length ? ` (${list(late)} promised it later.)` : "";
}

/** How a later ballot met what was chosen. */
function met(one, chosen, value) {
  const promised = before(one), shared = promised.filter((id) => chosen.acceptors.includes(id));
  const again = one.proposed.value === value;
  const needed = `At ballot ${spell(one.ballot)} replica ${one.proposed.by} needed a majority too, `
    + `and got the promises of ${list(promised)}.${after(one)}`;
  if (shared.length === 0) return `${needed} None of them accepted it: no two majorities can be so.`;
  const who = shared.length === 1 ? `Acceptor ${shared[0]} is` : `Acceptors ${list(shared)} are`;
  const both = `${who} in both majorities`;
  return again
    ? `${needed} ${both}, so it learned of the value, and proposed that again.`
    : `${needed} ${both}, and yet it proposed another value: this is what must never happen.`;
}

function list(ids) {
  const all = [...ids].sort((a, b) => a - b);
  if (all.length < 2) return all.join("") || "nobody";
  return `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}
