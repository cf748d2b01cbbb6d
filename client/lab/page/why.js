// Why a slot has the value that it has: who proposed, promised and accepted, ballot by ballot, and
// which majorities share an acceptor. A function of the records up to a step. Pure.

import { less, majorityOf, spell, unspell } from "./ballots.js";
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
      else if (isPromise(record)) promise(found, record.replica, unspell(record.event.ballot), at);
    }
  }
  const proposed = [...found.ballots.values()].filter((one) => one.proposed !== null);
  for (const { proposed: { step }, promises } of proposed) {
    for (const one of promises.values()) one.late = !cameBy(trace.messages.get(one.id), step);
  }
  proposed.sort((a, b) => less(a.ballot, b.ballot) ? -1 : 1);
  return { ballots: proposed, chosen: found.chosen, majority };
}

/** The slot that a step is about: of its event, of a message, or of the one that a message answers; 0: of none. */
export function slotOf({ steps, messages }, at) {
  const { records } = steps[at];
  const event = records.map((record) => record.event?.slot ?? 0).find(Boolean);
  const mail = records.flatMap((record) => record.kind === "left" ? record.mail.map(({ id }) => id) : record.kind === "fate" ? [record.id] : []);
  const own = (message) => message?.fields.slot ?? messages.get(message?.cause)?.fields.slot;
  return Number(event ?? mail.map((id) => own(messages.get(id))).find(Number.isInteger) ?? 0);
}

/** Whether a message had come by a step; one that never left has not. */
export const cameBy = (message, step) => message?.fates.some((one) => one.fate === "arrived" && one.step <= step) ?? false;

/** Whether a record is an acceptor's promise: it is bound from then on, though nobody else knows it yet. */
export const isPromise = ({ kind, event }) => kind === "acted" && event.event === "promise" && /^\d+\.\d+$/.test(event.ballot);

/** Note who promised a ballot at a step; its promise, which has no `id` until it leaves. */
function promise({ ballots }, replica, ballot, step) {
  const { promises } = at(ballots, ballot);
  if (!promises.has(replica)) promises.set(replica, { id: null, step, report: null, late: false });
  return promises.get(replica);
}

const SEEN = table({
  Promise(found, { who }, { id, fields }, slot, step) {
    const known = promise(found, replicaOf(who), fields.ballot, step);
    known.id ??= id;
    known.report ??= fields.accepted.find((one) => one.slot === slot) ?? null;
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
      ? `Acceptors ${list(chosen.acceptors)} accepted it at that ballot: a majority, so it is chosen, whether anybody knows that yet or not.${unneeded(first, chosen)}`
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

/** Who accepted at the ballot that chose, when it was chosen already. */
const afterwards = ({ votes }, { acceptors }) => [...votes.keys()].filter((id) => !acceptors.includes(id));

function unneeded(one, chosen) {
  const more = afterwards(one, chosen);
  return more.length ? ` ${acceptors(more)} accepted it too, later: it was chosen by then.` : "";
}

const acceptors = (ids) => `${ids.length === 1 ? "Acceptor" : "Acceptors"} ${list(ids)}`;

/** How a later ballot met what was chosen. */
function met(one, chosen, value) {
  const promised = before(one), shared = promised.filter((id) => chosen.acceptors.includes(id));
  const again = one.proposed.value === value;
  const needed = `At ballot ${spell(one.ballot)} replica ${one.proposed.by} needed a majority too, `
    + `and got the promises of ${list(promised)}.${after(one)}`;
  if (shared.length === 0) return `${needed} None of them accepted it: no two majorities can be so.`;
  const both = `${acceptors(shared)} ${shared.length === 1 ? "is" : "are"} in both majorities`;
  const votes = [...one.votes.keys()];
  const anew = votes.length ? ` ${acceptors(votes)} accepted it at ${spell(one.ballot)} too: nothing changes by that.` : "";
  return again
    ? `${needed} ${both}, so it learned of the value, and proposed that again.${anew}`
    : `${needed} ${both}, and yet it proposed another value: this is what must never happen.`;
}

/**
 * The rows of the picture, at most MOST ballots and the one that chose: {label, owner, members, later, step,
 * aside}. Members are a ballot's majority: those that accepted where it chose, those whose promises it relies
 * on where it had to ask. Later ones were not needed. A row aside says nothing about what majorities share.
 */
export function majorities({ ballots, chosen }) {
  const isChoice = ({ ballot }) => chosen !== null && spell(ballot) === spell(chosen.ballot);
  return ballots.filter((one, index) => index >= ballots.length - MOST || isChoice(one)).flatMap((one) => {
    const { ballot, proposed: { step }, promises, votes } = one, name = spell(ballot), owner = ballot.replica;
    const relied = before(one), later = [...promises.keys()].filter((id) => !relied.includes(id));
    const accepted = isChoice(one)
      ? { members: chosen.acceptors, later: afterwards(one, chosen), aside: false }
      : { members: [...votes.keys()], later: [], aside: chosen !== null && less(chosen.ballot, ballot) };
    return [
      { label: `promised ${name}`, owner, members: relied, later, step, aside: false },
      { label: `accepted ${name}`, owner, step, ...accepted },
    ];
  });
}

const MOST = 4;

function list(ids) {
  const all = [...ids].sort((a, b) => a - b);
  if (all.length < 2) return all.join("") || "nobody";
  return `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}
