// Why a step is safe, and what was broken where one was not: a sentence or two, and where to read it.
// Pure. [reason, paper and section]; sections are those of the papers as published.

import { table } from "./records.js";
import { BROKEN, COMMITTED, STOPPED } from "./twophase_words.js";

const SIMPLE = "Paxos Made Simple", LIVE = "Paxos Made Live";
const MODERATELY = "Paxos Made Moderately Complex", THESIS = "Ongaro's thesis on Raft";

/** By the event of a role. */
export const EVENT = table({
  "pre-vote": ["A question only. It keeps one that is cut off from disturbing a leader that works.", `${THESIS} 9.6`],
  "pre-voted": ["Nothing is promised by this answer.", `${THESIS} 9.6`],
  campaign: ["A ballot is ROUND.REPLICA, so no two replicas ever have the same; this one is above all that its proposer knows.", `${SIMPLE} 2.2, phase 1 (a)`],
  promise: ["From now on it accepts nothing at a lower ballot, and its answer reports what it has accepted.", `${SIMPLE} 2.2, P1a and phase 1 (b)`],
  refuse: ["It has promised a higher ballot to somebody, and keeps that promise. To refuse is always safe: it lets nothing be chosen.", `${SIMPLE} 2.2, P1a`],
  leads: ["A majority has promised. Whatever was chosen before was accepted by a majority, and any two majorities share an acceptor: it has reported that value, and this leader must propose it again.", `${SIMPLE} 2.2, P2c`],
  "leads no more": ["To stop is always safe: what was accepted stays accepted, and the next leader finds it.", `${SIMPLE} 2.4`],
  propose: ["If a promise reported a value for this slot, it proposes the one of the highest ballot; only where none did, a value of its own, and in a gap a no-op.", `${SIMPLE} 2.2, P2c, and 3 for gaps`],
  accept: ["It has promised nothing higher. Its answer leaves only when this is on its disk.", `${SIMPLE} 2.2, P1a, and 2.5 for the disk`],
  accepted: ["One acceptor more. A value is chosen once a majority has accepted it at the same ballot.", `${SIMPLE} 2.2`],
  chosen: ["A majority has accepted it at one ballot. Every later leader needs the promises of a majority, any two majorities share an acceptor, and so it will learn of this value and propose no other.", `${SIMPLE} 2.2, P2b`],
  commit: ["Every replica applies the same slots in the same order, so all have the same contents.", `${SIMPLE} 3`],
  snapshot: ["What the log no longer has is in a snapshot. Only the learner takes it over: an acceptor's promises are its own.", `${MODERATELY} 4.2; ${LIVE} 5.5`],
  "hand-over": ["Who leads is a matter of progress, never of safety.", `${SIMPLE} 2.4`],
  transfer: ["Who leads is a matter of progress, never of safety.", `${SIMPLE} 2.4`],
});

/** A no-op that is chosen. */
export const NOOP = ["A no-op changes nothing. A new leader proposes one in its first slot, and in gaps: once that is applied, it has applied all that was chosen before it.", `${SIMPLE} 3`];

/** A refusal that is neither for a promise nor for a lease. */
export const STOPS = ["To refuse is always safe: it lets nothing be chosen.", `${SIMPLE} 2.2`];

/** A refusal because of a lease. */
export const LEASE = ["A leader to which a majority granted leases may answer reads alone until they end: who granted one, or may have, promises nobody else anything meanwhile.", `${LIVE} 5.2`];

/** By the message that is sent or comes. */
export const MESSAGE = table({
  PreVote: EVENT["pre-vote"], PreVoted: EVENT["pre-voted"],
  Prepare: EVENT.campaign, Promise: EVENT.promise, Refused: EVENT.refuse,
  Accept: ["It is sent only after a majority has promised this ballot.", `${SIMPLE} 2.2, phase 2 (a)`],
  Accepted: EVENT.accept,
  Heartbeat: ["It asks for a lease: until that ends, who grants it promises nothing to anybody else.", `${LIVE} 5.2`],
  Heard: ["A lease is granted. While a majority grants one, reads at the leader miss nothing; it stops a margin earlier, as clocks differ.", `${LIVE} 5.2`],
  Fetch: ["A chosen value never changes, so a learner may take it from any other.", `${SIMPLE} 2.3`],
  Entries: ["A chosen value never changes, so any learner's copy is good.", `${SIMPLE} 2.3`],
  Copy: ["An acceptor that lost its disk copies what others have accepted. It may not vote yet: it no longer knows what it promised.", `${LIVE} 5.1`],
  Copied: ["It votes again once the log itself says that its lost self counts no more.", `${LIVE} 5.1`],
  Forward: ["Any replica takes requests; the leader proposes them, at this ballot or never.", `${MODERATELY} 4.4`],
  Forwarded: ["Answered when it is chosen and applied, or when it is certain that it never will be.", `${SIMPLE} 3`],
});

export const ON_WAY = ["Messages may be lost, late or repeated. Nothing is safe because one arrives.", `${SIMPLE} 2.1`];
const CRASH = ["Whoever stops may start again. What an acceptor has answered is on its disk.", `${SIMPLE} 2.1 and 2.5`];
const CLIENT = ["A write is acknowledged after it is chosen and applied, never before.", `${SIMPLE} 3`];

/** Why it is safe that somebody stops or starts, and what a client's answer means. */
export const crash = ({ run }) => run.protocol === "2pc" ? STOPPED : CRASH;
export const client = ({ run }) => run.protocol === "2pc" ? COMMITTED : CLIENT;

const INVARIANTS = [
  [/votes at .* having promised/, "An acceptor must accept nothing below its promise. The leader that got the promise relies on it: nothing older can be chosen behind its back.", `${SIMPLE} 2.2, P1a`],
  [/not durably/, "What an acceptor answers must be on its disk first: after a crash it would not know of it, and could promise or accept what contradicts it.", `${SIMPLE} 2.5`],
  [/may read at .* but a quorum has promised/, "A leader answers reads alone while a majority already follows another, whose writes it does not see. A lease must have ended before a majority promises anything to somebody else.", `${LIVE} 5.2`],
  [/another value is proposed|two values are proposed/, "One slot could get two values. Once one is chosen, every higher ballot must propose that one and no other.", `${SIMPLE} 2.2, P2b`],
  [/calls slot .* chosen/, "Chosen means accepted by a majority, at one ballot, on their disks. Anything less may be outvoted later.", `${SIMPLE} 2.2`],
  [/applied up to slot .* not chosen/, "A learner applied what no majority has accepted: another value may still be chosen there.", `${SIMPLE} 2.3`],
  [/on promises in force of/, "A proposal needs the promises of a majority of those that vote now. A promise counts no more once its acceptor's disk was lost.", `${SIMPLE} 2.2, phase 2 (a); ${LIVE} 5.1`],
  [/votes again|votes in epoch/, "An acceptor that lost its disk has forgotten what it promised. It must not vote before the log says that its lost self counts no more.", `${LIVE} 5.1`],
  [/though revision .* was known/, "A read returned less than what was known before it was asked: it is not linearizable.", `${LIVE} 5.2`],
  [/sent again|took effect|said to be undone|reported as not done/, "A command takes effect once at most, and never if its client was answered that nothing was done.", ""],
  [/another state|read Answer/, "Replicas that applied the same slots must have the same contents.", `${SIMPLE} 3`],
  [/no write was acknowledged/, "Nothing false was answered, but the cluster does not recover although a majority is up.", `${SIMPLE} 2.4`],
];

/** What a verdict means; `bug` is what was planted, or "". */
export function broken(verdict, bug) {
  const [, reason, where] = [...INVARIANTS, ...BROKEN].find(([pattern]) => pattern.test(verdict)) ?? ["", "", ""];
  return [`${reason}${bug ? ` The planted bug: ${bug}` : ""}`.trim(), where];
}
