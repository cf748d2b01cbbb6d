// What a page knows of a running cluster: frames in, state out. Pure: no document, no clock.
//
// Times are seconds of the lab's machine; whoever draws says which moment it draws.

import { launch, none } from "./live_flights.js";
import { moments } from "./live_moments.js";
import { apart, leading } from "./live_standing.js";
import { EXPLAINS } from "./live_why.js";

export const HAPPENED = 60, COLUMNS = 240, OWNERS = 200, EXPLAINED = 300;

/** Nothing is known yet. */
export const nothing = () => ({
  at: 0, replicas: new Map(), health: "", leader: null, trouble: "Looking for the cluster.", engine: null, cluster: null,
  happened: [], columns: new Map(), gaps: [], load: {}, moments: new Map(), flights: none(), explains: [], owners: new Map(), missed: 0, retired: false,
  reported: null, ballot: null, claims: new Map(), quorum: null, led: true, apart: new Map(), heard: new Map(),
});

/** The state after a frame. A frame that is none of ours changes nothing. */
export function take(state, frame) {
  if (frame.kind === "retired") return { ...state, retired: true };
  if (frame.kind !== "batch" && frame.kind !== "fresh") return state;
  const begun = frame.kind === "fresh" ? { ...nothing(), missed: state.missed + frame.missed } : state;
  const now = shown(frame.picture);
  return led(begun, {
    ...begun, at: frame.at, ...now, gaps: frame.gaps ?? [], load: frame.load ?? {},
    moments: moments(begun.moments, frame.moments ?? {}, now.replicas),
    flights: launch(begun.flights, frame.events ?? [], frame.at, [...now.replicas.keys()]),
    happened: (frame.happened ?? begun.happened).slice(-HAPPENED),
    heard: heard(begun, frame.moments ?? {}, frame.at, now.replicas),
    explains: [...begun.explains, ...(frame.events ?? []).filter(({ event }) => EXPLAINS.has(event))].slice(-EXPLAINED),
    owners: owners(begun.owners, frame.moments ?? {}),
    columns: columns(begun.columns, frame.columns),
  });
}

/** The state, with who leads and whom the leader does not reach. */
function led(before, state) {
  const now = { ...state, ...leading(state, state.reported) };
  return { ...now, apart: apart(before, now, pairs(now, "cuts")) };
}

/** When each replica was last heard of by what binds its roles, which is asked for all the time. */
function heard(before, changed, at, replicas) {
  const all = new Map([...before.heard, ...Object.entries(changed).map(([id, moment]) => [Number(id), moment.at])]);
  for (const { id, answers } of replicas.values()) {
    if (all.has(id) && answers && before.replicas.get(id)?.answers === false) all.set(id, at);
  }
  return all;
}

function shown({ replicas = [], health = "", leader = null, trouble = null, engine = null, cluster = null, up = 0, needs = 0, quorum = null, led = true, time = 0 }) {
  return { time, reported: leader, quorum, led, replicas: new Map(replicas.map((one) => [one.id, one])), health, leader, trouble, engine, cluster, up, needs };
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
