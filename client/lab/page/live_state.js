// What a page knows of a running cluster: frames in, state out. Pure: no document, no clock.
//
// Times are seconds of the lab's machine; whoever draws says which moment it draws.

import { launch, none } from "./live_flights.js";
import { EXPLAINS } from "./live_why.js";

export const HAPPENED = 60, COLUMNS = 240, OWNERS = 200, EXPLAINED = 300;
const BEHIND = 0.6;

/** Nothing is known yet. */
export const nothing = () => ({
  at: 0, replicas: new Map(), health: "", leader: null, trouble: "Looking for the cluster.", engine: null, cluster: null,
  happened: [], columns: new Map(), gaps: [], load: {}, moments: new Map(), flights: none(), explains: [], owners: new Map(), furthest: [], missed: 0, retired: false,
});

/** The state after a frame. A frame that is none of ours changes nothing. */
export function take(state, frame) {
  if (frame.kind === "retired") return { ...state, retired: true };
  if (frame.kind !== "batch" && frame.kind !== "fresh") return state;
  const begun = frame.kind === "fresh" ? { ...nothing(), missed: state.missed + frame.missed } : state;
  const now = shown(frame.picture);
  return {
    ...begun, at: frame.at, ...now, gaps: frame.gaps ?? [], load: frame.load ?? {},
    moments: moments(begun.moments, frame.moments ?? {}, now.replicas),
    flights: launch(begun.flights, frame.events ?? [], frame.at, [...now.replicas.keys()]),
    happened: [...begun.happened, ...frame.happened].sort((a, b) => a.at - b.at).slice(-HAPPENED),
    explains: [...begun.explains, ...(frame.events ?? []).filter(({ event }) => EXPLAINS.has(event))].slice(-EXPLAINED),
    owners: owners(begun.owners, frame.moments ?? {}),
    furthest: furthest(begun.furthest, frame.at, frame.moments ?? {}),
    columns: columns(begun.columns, frame.columns),
  };
}

function shown({ replicas = [], health = "", leader = null, trouble = null, engine = null, cluster = null, up = 0, needs = 0, time = 0 }) {
  return { time, replicas: new Map(replicas.map((one) => [one.id, one])), health, leader, trouble, engine, cluster, up, needs };
}

/** What binds the roles of each replica, as far as it answers. */
function moments(before, changed, replicas) {
  const all = new Map([...before, ...Object.entries(changed).map(([id, moment]) => [Number(id), moment])]);
  for (const id of all.keys()) if (!replicas.get(id)?.answers) all.delete(id);
  return all;
}

/** Whose ballot filled the last slots: acceptors forget it before we stop showing them. */
function owners(before, changed) {
  const all = new Map(before);
  for (const { acceptor } of Object.values(changed)) {
    for (const [slot, ballot] of acceptor?.accepted ?? []) if (ballot) all.set(slot, ballot[1]);
  }
  if (all.size > 2 * OWNERS) for (const slot of [...all.keys()].sort((a, b) => a - b).slice(0, -OWNERS)) all.delete(slot);
  return all;
}

/** How far anybody had applied, and when: replicas are looked at one after the other. */
function furthest(before, at, changed) {
  const applied = Object.values(changed).map(({ learner }) => learner?.applied ?? 0);
  return applied.length ? [...before.filter((one) => one.at > at - 3), { at, applied: Math.max(...applied) }] : before;
}

function columns(before, changed) {
  const all = new Map([...before, ...changed.map(([begins, mean, least, p99]) => [begins, { mean, least, p99 }])]);
  const late = [...all.keys()].sort((a, b) => a - b).slice(0, -COLUMNS);
  for (const begins of late) all.delete(begins);
  return all;
}

/** Each pair of replicas: which of its two directions is cut, and whether one is slow. */
export function links(state) {
  const ids = [...state.replicas.keys()], cuts = pairs(state, "cuts"), slow = pairs(state, "slow");
  return ids.flatMap((one, index) => ids.slice(index + 1).map((other) => {
    const there = `${one}>${other}`, back = `${other}>${one}`;
    return { one, other, there: cuts.has(there), back: cuts.has(back), slow: slow.has(there) || slow.has(back) };
  }));
}

const pairs = (state, name) =>
  new Set([...state.replicas.values()].flatMap((one) => (one[name] ?? []).map(([from, to]) => `${from}>${to}`)));

/** Where replicas stand on a ring: the first at the top, then clockwise. */
export function places(ids, width, height, margin) {
  const turn = (2 * Math.PI) / Math.max(1, ids.length);
  return new Map(ids.map((id, index) => [id, {
    x: width / 2 + (width / 2 - margin.x) * Math.sin(index * turn),
    y: height / 2 - (height / 2 - margin.y) * Math.cos(index * turn),
  }]));
}

/** Whether what `from` sends reaches `to`: the link is whole, and both are there. */
export function passes(state) {
  const cut = pairs(state, "cuts");
  return (from, to) => !cut.has(`${from}>${to}`) && Boolean(state.replicas.get(to)?.answers);
}

/** What binds a replica at a moment: seconds left of its grant and hold, ballots, what waits. */
export function bound(state, id, at) {
  const moment = state.moments.get(id);
  if (!moment) return null;
  const since = Math.max(0, at - moment.at), acceptor = moment.acceptor;
  const left = (seconds) => Math.max(0, (seconds ?? 0) - since);
  return {
    promised: acceptor?.promised ?? null, grant: left(acceptor?.grant), hold: left(acceptor?.hold),
    leads: moment.proposer?.leads ?? false, reads: moment.proposer?.reads ?? false, queue: moment.front ?? null,
    chosen: moment.learner?.chosen ?? null, applied: moment.learner?.applied ?? null,
    behind: behind(state, moment),
  };
}

/** Slots that others had applied a while before this replica was looked at, and it had not. */
function behind(state, { at, learner }) {
  const then = state.furthest.filter((one) => one.at < at - BEHIND).map(({ applied }) => applied);
  return learner ? Math.max(0, Math.max(0, ...then) - learner.applied) : 0;
}

/** A leader's lease is what a majority grants its ballot: the seconds of the last one needed. */
export function lease(state, at) {
  const ballot = state.replicas.get(state.leader)?.ballot;
  if (!ballot) return 0;
  const granted = [...state.replicas.keys()].map((id) => bound(state, id, at))
    .filter((one) => one?.promised && one.promised.join(".") === ballot).map((one) => one.grant).sort((a, b) => b - a);
  return granted[state.needs - 1] ?? 0;
}

/**
 * The log's last slots on each replica: "" (nothing known), accepted, chosen or applied. Slots are
 * chosen as soon as anybody reports so; a replica knows it once its own `chosen` is there.
 */
export function slots(state, count) {
  const accepted = new Map([...state.moments].map(([id, { acceptor }]) => [id, new Map(acceptor?.accepted ?? [])]));
  const learned = (id) => state.moments.get(id)?.learner ?? state.replicas.get(id);
  const known = [...state.replicas.keys()].flatMap((id) => [learned(id).chosen ?? 0, ...(accepted.get(id)?.keys() ?? [])]);
  const last = Math.max(count, ...known);
  const numbers = Array.from({ length: count }, (_, index) => last - count + 1 + index);
  const rows = [...state.replicas.values()].map((replica) => ({
    id: replica.id,
    cells: numbers.map((slot) => cell(replica.answers && learned(replica.id), slot, accepted.get(replica.id)?.get(slot), state.owners.get(slot) ?? 0)),
  }));
  return { numbers, rows };
}

function cell(learned, slot, ballot, owner) {
  if (!learned) return { what: "", owner: 0 };
  if (slot <= (learned.applied ?? 0)) return { what: "applied", owner };
  if (slot <= (learned.chosen ?? 0)) return { what: "chosen", owner };
  return ballot ? { what: "accepted", owner: ballot[1] } : { what: "", owner: 0 };
}
