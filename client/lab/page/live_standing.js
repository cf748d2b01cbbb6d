// Who leads, and what is said of each replica and of the cluster. Pure.
//
// A replica is called leader only if nothing that is known speaks against it: not if another leads
// at a higher ballot, nor if a majority has promised one.

import { newest } from "./live_moments.js";

const BRIEF = 1.5;

/** Ballots of those that hold themselves for the leader, by id, and the leader's; null for none. */
export function leading(state, reported) {
  const claims = new Map();
  for (const replica of state.replicas.values()) {
    const ballot = claim(replica, newest(state, replica.id)?.proposer, reported);
    if (ballot) claims.set(replica.id, ballot);
  }
  const able = [...claims].filter(([, ballot]) => !left(state, ballot));
  const [leader, ballot] = able.reduce((best, one) => below(best[1], one[1]) ? one : best, [null, null]);
  return { claims, leader, ballot };
}

/** The ballot at which a replica believes that it leads: its own word, or what looks have shown. */
function claim(replica, proposer, reported) {
  if (!replica.answers) return null;
  if (proposer) return proposer.leads ? proposer.ballot ?? number(replica.ballot) : null;
  return replica.id === reported ? number(replica.ballot) ?? [0, replica.id] : null;
}

/** Whether a majority of acceptors has promised something higher. */
function left(state, ballot) {
  const promised = [...state.replicas.keys()].map((id) => newest(state, id)?.acceptor?.promised ?? null);
  return state.needs > 0 && promised.filter((one) => below(ballot, one)).length >= state.needs;
}

const number = (ballot) => ballot ? ballot.split(".").map(Number) : null;
const below = (one, other) => other !== null && (one === null || one[0] < other[0] || (one[0] === other[0] && one[1] < other[1]));

/** The cluster in one line. */
export function health(state) {
  const { replicas, leader, reported, up, needs } = state;
  if (!replicas.size) return "";
  const count = `${up} of ${replicas.size} up, ${needs} needed`;
  if (state.health === "nobody answers") return `nobody answers: ${count}`;
  if (leader !== null) return `${state.quorum === false ? "no quorum: replica" : "serving: replica"} ${leader} leads, ${count}`;
  if (!state.led || (state.health === "serving" && reported === null)) return `${state.health}: ${count}`;
  return state.quorum ? `no leader yet: an election runs, ${count}` : `no quorum: nobody leads, ${count}`;
}

/** Since when each replica and the leader do not reach each other; null: since before we looked. */
export function apart(before, state, cuts) {
  const all = new Map();
  for (const id of state.replicas.keys()) {
    const deaf = cuts.has(`${state.leader}>${id}`), mute = cuts.has(`${id}>${state.leader}`);
    const alone = [...state.replicas.keys()].every((other) => other === id || (cuts.has(`${id}>${other}`) && cuts.has(`${other}>${id}`)));
    if (deaf || mute) all.set(id, { deaf, alone, since: before.apart.has(id) ? before.apart.get(id).since : before.at ? state.at : null });
  }
  return all;
}

/** For how long a replica has not been heard of, where that is so long that it means something. */
export function silence(state, id) {
  const seconds = state.at - (state.heard.get(id) ?? state.at);
  return seconds >= BRIEF ? seconds : 0;
}

/** For how many seconds a replica's disk has done nothing, if it hangs; 0 if it does not. */
export const hung = ({ roles }) => Math.max(0, ...Object.values(roles ?? {}).map(({ hangs }) => hangs ?? 0));

/** What a replica is at the moment, in a word or two. */
export function standing(state, replica) {
  const { id, answers, state: word, ballot } = replica, quiet = silence(state, id);
  if (word === "held" || (!answers && word === "down")) return "down";
  if (quiet && word !== "starting") return `silent for ${quiet.toFixed(1)} s`;
  if (!answers) return word;
  if (state.leader === id) return `leads ${state.ballot?.join(".") ?? ballot ?? ""}`;
  if (state.claims.has(id)) return `believes it leads ${state.claims.get(id).join(".")}`;
  if (state.apart.has(id)) return parted(state.apart.get(id));
  if (word !== "up" || !state.led) return word;
  return state.leader === null && state.health !== "serving" ? "has no leader" : "follows";
}

const parted = ({ deaf, alone }) => alone ? "cut off" : deaf ? "hears no leader" : "is not heard";

/** Why a replica follows nobody, or leads no more, where it knows of no leader; "" if it does. */
export function unled(state, id) {
  const last = state.explains.filter(({ event, replica }) => replica === id && (event === "leads" || event === "leads no more")).at(-1);
  if (state.leader !== null || last?.event !== "leads no more") return "";
  const why = /reason=(.*)/.exec(last.text)?.[1] ?? "";
  if (why.startsWith("no quorum answered")) return "no majority answered";
  return why === "no heartbeat in time" ? `no heartbeat of ${last.peer} in time` : why;
}

/** When the leader and a replica last reached each other, if they do not now; "" if they do. */
export function heard(state, id) {
  const { since } = state.apart.get(id) ?? { since: null };
  return since === null ? "" : `last heard ${(state.at - since).toFixed(1)} s ago`;
}
