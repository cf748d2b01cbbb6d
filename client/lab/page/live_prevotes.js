// Pre-votes in words: who missed which heartbeat and asks whether it could lead, who answers what. Pure.

import { less } from "./ballots.js";

/** Who missed which heartbeat, or was asked to lead, and asks. */
export function asks({ replica, ballot, text }) {
  const because = text === "asked" ? "" : `${missed(replica, text)}, and `;
  return `Replica ${replica} ${because}asks who would promise ballot ${ballot} (a pre-vote).`;
}

function missed(replica, text) {
  const [, led, ago] = /heartbeat=(\S+) ago=([\d.]+)s/.exec(text) ?? [];
  if (!led) return "has heard no leader since it started";
  const { replica: leader } = read(led), seconds = Number(ago).toFixed(2);
  return leader === replica ? `led at ${led} until ${seconds} s before`
    : `has heard no heartbeat of replica ${leader}, which led at ${led}, for ${seconds} s`;
}

/** What an acceptor answers: "yes", "promised" (a higher ballot), "lease", or "" (it does not say why not). */
export function answer({ ballot, text }) {
  if (/ yes$/.test(text)) return "yes";
  const promised = / promised=(\S+)/.exec(text)?.[1] ?? "";
  if (!less(read(promised), read(ballot))) return "promised";
  return / lease=/.test(text) ? "lease" : "";
}


/** What they answer, in a sentence. */
export function answers(one) {
  const { all, ballot, text } = one, who = `${all.length === 1 ? "Acceptor" : "Acceptors"} ${list(all)}`;
  const no = `${who} would not promise ${ballot}`;
  switch (answer(one)) {
    case "yes": return `${who} would promise ${ballot}.`;
    case "promised": return `${no}: ${all.length === 1 ? "it has" : "they have"} promised ${/ promised=(\S+)/.exec(text)[1]}.`;
    case "lease": return `${no} yet: the lease of ${leased(text)} s.`;
    default: return `${no}: it may not vote now, or holds its promises back after a start.`;
  }
}

function leased(text) {
  const [, ballot, left] = / lease=(\S+) left=([\d.]+)s/.exec(text) ?? [];
  return `replica ${read(ballot).replica}, which leads at ${ballot}, runs for another ${Number(left).toFixed(2)}`;
}

function read(text) {
  const [round, replica] = String(text).split(".").map(Number);
  return { round, replica };
}

/** Several numbers in words. */
export function list(ids) {
  const all = ids.toSorted((a, b) => a - b);
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}
