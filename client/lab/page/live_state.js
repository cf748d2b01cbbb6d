// What a page knows of a running cluster: frames in, state out. Pure: no document, no clock.
//
// Times are seconds of the lab's machine; whoever draws says which moment it draws.

export const HAPPENED = 60, COLUMNS = 240;

/** Nothing is known yet. */
export const nothing = () => ({
  at: 0, replicas: new Map(), health: "", leader: null, trouble: "Looking for the cluster.", engine: null, cluster: null,
  happened: [], columns: new Map(), missed: 0, retired: false,
});

/** The state after a frame. A frame that is none of ours changes nothing. */
export function take(state, frame) {
  if (frame.kind === "retired") return { ...state, retired: true };
  if (frame.kind !== "batch" && frame.kind !== "fresh") return state;
  const begun = frame.kind === "fresh" ? { ...nothing(), missed: state.missed + frame.missed } : state;
  return {
    ...begun, at: frame.at, ...shown(frame.picture),
    happened: [...begun.happened, ...frame.happened].slice(-HAPPENED),
    columns: columns(begun.columns, frame.columns),
  };
}

function shown({ replicas = [], health = "", leader = null, trouble = null, engine = null, cluster = null, up = 0, needs = 0 }) {
  return { replicas: new Map(replicas.map((one) => [one.id, one])), health, leader, trouble, engine, cluster, up, needs };
}

function columns(before, changed) {
  const all = new Map([...before, ...changed.map(([begins, mean, least, p99]) => [begins, { mean, least, p99 }])]);
  const late = [...all.keys()].sort((a, b) => a - b).slice(0, -COLUMNS);
  for (const begins of late) all.delete(begins);
  return all;
}

/** Each pair of replicas, and which of its two directions is cut. */
export function links(state) {
  const ids = [...state.replicas.keys()];
  const cuts = new Set([...state.replicas.values()].flatMap((one) => (one.cuts ?? []).map(([from, to]) => `${from}>${to}`)));
  return ids.flatMap((one, index) => ids.slice(index + 1).map((other) =>
    ({ one, other, there: cuts.has(`${one}>${other}`), back: cuts.has(`${other}>${one}`) })));
}

/** Where replicas stand on a ring: the first at the top, then clockwise. */
export function places(ids, width, height, margin) {
  const turn = (2 * Math.PI) / Math.max(1, ids.length);
  return new Map(ids.map((id, index) => [id, {
    x: width / 2 + (width / 2 - margin.x) * Math.sin(index * turn),
    y: height / 2 - (height / 2 - margin.y) * Math.cos(index * turn),
  }]));
}
