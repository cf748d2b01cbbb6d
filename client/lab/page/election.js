// Why somebody leads: who missed which heartbeat, who pre-voted, what leases forbade, what phase 1
// found and adopted. A function of the records up to a step. Pure.

import { less, majorityOf, spell } from "./ballots.js";
import { isLocal, replicaOf, table } from "./records.js";
import { cameBy, isPromise } from "./why.js";

/** The ballot that somebody campaigned with last, or leads at, at or before a step; null: none yet. */
export function latestBallot(trace, until) {
  for (let at = until; at >= 0; at--) {
    for (const record of trace.steps[at].records.toReversed()) {
      const asked = record.kind === "left" ? record.mail.find(({ type }) => type === "Prepare") : undefined;
      if (asked?.fields.ballot) return asked.fields.ballot;
    }
  }
  return null;
}

/**
 * What led to a ballot, up to a step: {ballot, former, by, heard, missed, leases, prevotes, promises,
 * refused, adopted, asked, won}; the maps are by replica.
 */
export function election(trace, ballot, until) {
  const found = {
    majority: majorityOf(trace.replicas.length), ballot, former: null, asked: null, won: null, heard: new Map(), missed: new Map(), leases: new Map(),
    prevotes: new Map(), promises: new Map(), refused: new Map(), adopted: new Map(),
  };
  for (let at = 0; at <= until; at++) {
    for (const record of trace.steps[at].records) {
      if (record.kind === "left") record.mail.forEach((mail) => SENT[mail.type]?.(found, trace.messages.get(mail.id), at));
      else if (record.kind === "fate") ended(found, trace.messages.get(record.id), record);
      else if (isPromise(record) && record.event.ballot === spell(ballot)) promised(found, record.replica, record.at);
    }
  }
  for (const one of found.promises.values()) {
    one.late = found.won !== null && !cameBy(trace.messages.get(one.id), found.won);
  }
  return found;
}

/** What an acceptor has promised; it has no `id` until the promise leaves. */
function promised({ promises }, replica, at) {
  if (!promises.has(replica)) promises.set(replica, { id: null, at, late: false, reports: [] });
  return promises.get(replica);
}

const SENT = table({
  Heartbeat(found, { fields, from }) {
    if (found.asked !== null || !less(fields.ballot, found.ballot) || !less(found.former, fields.ballot)) return;
    found.former = fields.ballot;
    found.missed.clear();
    found.heard.clear();
  },
  Heard(found, { fields, from, sentAt }) {
    if (found.asked !== null || !isSame(fields.ballot, found.former)) return;
    found.leases.set(replicaOf(from), sentAt + fields.lease);
  },
  PreVoted(found, { fields, from, sentAt }) {
    if (isSame(fields.ballot, found.ballot)) found.prevotes.set(replicaOf(from), { granted: fields.granted, at: sentAt });
  },
  Prepare(found, { fields, sentAt }) {
    if (isSame(fields.ballot, found.ballot)) found.asked ??= sentAt;
  },
  Promise(found, { id, fields, from, sentAt }) {
    if (!isSame(fields.ballot, found.ballot)) return;
    const known = promised(found, replicaOf(from), sentAt);
    known.id ??= id;
    known.reports.push(...fields.accepted.map(({ slot, ballot }) => ({ slot, ballot })));
  },
  Refused(found, { fields, from }) {
    if (isSame(fields.ballot, found.ballot)) found.refused.set(replicaOf(from), String(fields.reason));
  },
  Accept(found, { fields, sent }) {
    if (!isSame(fields.ballot, found.ballot)) return;
    found.won ??= sent;
    const highest = reported(found, fields.slot);
    if (highest !== null) found.adopted.set(fields.slot, highest);
  },
});

/** The highest ballot at which a promise reports a slot as accepted; null: none does. */
function reported({ promises }, slot) {
  const ballots = [...promises.values()].flatMap(({ reports }) => reports).filter((one) => one.slot === slot);
  return ballots.reduce((best, { ballot }) => less(best, ballot) ? ballot : best, null);
}

function ended(found, message, { fate, at }) {
  if (message?.type !== "Heartbeat" || found.asked !== null || !isSame(message.fields.ballot, found.former)) return;
  const to = replicaOf(message.to);
  if (fate === "arrived") {
    found.heard.set(to, at);
    found.missed.set(to, 0);
  } else if (!isLocal(message) && fate !== "repeated" && fate !== "open") {
    found.missed.set(to, (found.missed.get(to) ?? 0) + 1);
  }
}

const isSame = (one, other) => spell(one ?? null) === spell(other ?? null);

/**
 * Rows for the picture, of these replicas: who promised, and who may still accept below that. What
 * counts is what acceptors have promised; once their candidate leads, what it led by.
 */
export function sides(found, ids) {
  const { ballot, former, promises } = found, members = inTime(found), later = tooLate(found);
  const rows = [{ label: `promised ${spell(ballot)}`, owner: ballot.replica, members, later }];
  if (former === null) return rows;
  const free = ids.filter((id) => !promises.has(id));
  return [...rows, { label: `left for ${spell(former)}`, owner: former.replica, members: free, later: [] }];
}

/** What the row means of those that have not promised; "": nobody led before. */
export function left({ ballot, former, promises, majority }, ids) {
  if (former === null) return "";
  const free = ids.filter((id) => !promises.has(id)).length, name = spell(former);
  const said = `left for ${name}: who has not promised ${spell(ballot)}, and can still accept at ${name}`;
  return free < majority
    ? `${said}: ${free}, and it takes ${majority} for anything to be chosen`
    : `${said}: ${free}, and that is a majority, so something could still be chosen there`;
}

/** Whose promises the leader has, or will have when they come; once it leads, which it began with. */
const inTime = ({ promises }) => [...promises].filter(([, { late }]) => !late).map(([id]) => id);
const tooLate = ({ promises }) => [...promises].filter(([, { late }]) => late).map(([id]) => id);

/** The same in sentences. */
export function told(found) {
  const { ballot } = found, me = ballot.replica, name = spell(ballot);
  if (found.asked === null) return [`Nobody has asked for promises at ${name} yet.`];
  return [silence(found, me), lease(found), phase1(found, me, name), afterwards(found, name)].filter(Boolean);
}

function silence({ former, heard, asked, prevotes }, me) {
  const yes = [...prevotes].filter(([, { granted }]) => granted).map(([id]) => id);
  const others = yes.length ? ` It asked whether others miss a leader too: ${list(yes)} said yes.` : "";
  if (former === null) return `Replica ${me} knew of no leader.${others}`;
  const last = heard.get(me), who = `replica ${former.replica}, which led at ${spell(former)}`;
  return last === undefined
    ? `Replica ${me} never heard a heartbeat of ${who}.${others}`
    : `Replica ${me} heard ${who}, for the last time at ${last.toFixed(3)} s, ${(asked - last).toFixed(2)} s before it asked for promises.${others}`;
}

function lease({ former, leases, asked }) {
  if (former === null || leases.size === 0) return "";
  const end = Math.max(...leases.values());
  const over = end <= asked ? "all had ended by then" : "who grants one refuses until it ends";
  return `Leases for ${spell(former)} ran until ${end.toFixed(3)} s: while a majority grants one, nobody else is promised anything; ${over}.`;
}

function phase1(found, me, name) {
  const { former, refused, adopted, majority, won } = found, who = inTime(found);
  if (who.length < majority) return `So far ${list(who) || "nobody"} promised ${name}${refused.size ? `, and ${list([...refused.keys()])} refused` : ""}: it takes ${majority}.`;
  const old = former && former.replica !== me ? ` From then on nothing can be chosen at ${spell(former)}, whatever replica ${former.replica} believes or sends.` : "";
  const heard = `Acceptors ${list(who)} promised ${name}: a majority.${old}`;
  if (won === null) return `${heard} Replica ${me} leads as soon as it has their promises.`;
  const slots = [...adopted].map(([slot, ballot]) => `slot ${slot} (accepted at ${spell(ballot)})`).slice(0, 4);
  const again = slots.length ? ` They reported ${slots.join(", ")}: replica ${me} proposes the same again.` : " They reported nothing that is still open.";
  return `${heard}${again}`;
}

/** Promises that came when it led already: they change nothing for it. */
function afterwards(found, name) {
  const late = tooLate(found);
  if (late.length === 0) return "";
  const slots = late.flatMap((id) => found.promises.get(id).reports).map(({ slot, ballot }) => `slot ${slot} (accepted at ${spell(ballot)})`);
  const reported = slots.length ? `, and reported ${slots.slice(0, 4).join(", ")}` : "";
  return `${late.length === 1 ? `Acceptor ${late[0]}` : `Acceptors ${list(late)}`} promised ${name} too${reported}; that came when replica ${found.ballot.replica} led already, on the promises of a majority.`;
}

function list(ids) {
  const all = [...ids].sort((a, b) => a - b);
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}
