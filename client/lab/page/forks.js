// Acting in the past: the run that a deed makes, and those before it, which stay. Pure.
//
// A run is what it begins with and what is done to it, so each fork's address has the whole way to it.
// To a seed's run and to a scenario's acts are done, each at its moment; an attempt at the dare is its
// moves, one after the other.

const USUAL_STEPS = 3000;

const texts = (list) => Array.isArray(list) && list.every((it) => typeof it === "string") ? list : [];

/** What makes a trace's run again; null where that is no run of the simulator. */
export function origin({ run }) {
  if (Number.isInteger(run.dare)) return { dare: run.dare, moves: texts(run.moves), ...planted(run) };
  if (run.own && typeof run.text === "string") return { script: run.text, acts: texts(run.acts) };
  if (typeof run.script === "string") return { protocol: run.protocol, scenario: run.script, acts: texts(run.acts) };
  if (!Number.isInteger(run.seed)) return null;
  const asked = { protocol: run.protocol, seed: run.seed, profile: run.profile, acts: texts(run.acts), ...planted(run) };
  if (run.steps !== USUAL_STEPS) asked.steps = run.steps;
  if (run.only) asked.only = run.only;
  return asked;
}

const planted = ({ plant }) => plant ? { bug: plant } : {};

/** The name of what was done to a run, among what it is asked for with. */
const done = (asked) => asked.dare ? "moves" : "acts";

/** The run in which this is done besides: at a moment, "kill 2"; to an attempt, after so many moves. */
export function forked(asked, at, deed, count = asked.moves?.length) {
  if (asked.dare) return { ...asked, moves: [...asked.moves.slice(0, count), ...deed.split("\n")] };
  return { ...asked, acts: [...asked.acts ?? [], `${at} ${deed}`] };
}

/** How many moves of an attempt were made up to a step. */
export const moved = ({ steps }, until) => steps.slice(0, until + 1).flatMap(({ records }) => records)
  .filter(({ who, text }) => who === "script" && !text.startsWith("#")).length;

/** The moment before a message leaves: who has it lost must say so before. */
export const before = (message) => Math.max(1, message.sentAt - 1e-6);

/** A run and all that it was forked from, the first one first. */
export function lineage(asked) {
  const name = done(asked), all = asked[name] ?? [];
  return [...Array(all.length + 1).keys()].map((count) => ({ ...asked, [name]: all.slice(0, count) }));
}

/** A run's own deed in words, or that it is the first. */
export function deed({ acts = [], moves = [], dare }) {
  if (dare) return moves.at(-1) ?? "no move yet";
  if (acts.length === 0) return "the run as it was";
  const [at, ...words] = acts.at(-1).split(" ");
  return `${words.join(" ")} at ${Number(at).toFixed(3)} s`;
}

/** Whether a record is that something was done by hand. */
export const isDeed = ({ who, text }) => who === "fault" && text.startsWith("by hand: ");

/** The step at which what was done last shows its effect; -1: nowhere. */
export function struck({ run, steps }) {
  if (Number.isInteger(run.dare)) return -1;
  const words = texts(run.acts).at(-1).split(" ").slice(1).join(" ");
  const lost = steps.findLastIndex(({ records }) => records.some(({ fate, why }) => fate === "lost" && why === "by hand"));
  if (words.startsWith("lose ") && lost >= 0) return lost;
  const said = steps.findLastIndex(({ records }) => records.some((one) => isDeed(one) && one.text === `by hand: ${words}`));
  return said < 0 ? -1 : Math.min(said + 1, steps.length - 1);
}

/** The step from which nothing can be done any more, as the faults have ended; -1: none. */
export const healed = (trace) => trace.steps.findIndex(({ records }) =>
  records.some((one) => one.who === "fault" && one.text === "all faults end"));

/** What can be done to a replica as it is: [[words of the button, deed]]. */
export function deeds(id, replica, state) {
  const up = [...replica.roles.values()].some((role) => role.up);
  if (!up) return [["start its process", `start ${id}`]];
  const roles = [...replica.roles].filter(([name]) => FALLIBLE.has(name));
  const cut = state.cut.some((pair) => pair.includes(id));
  return [
    ["kill its process", `kill ${id}`],
    replica.stopped ? ["let it go on", `resume ${id}`] : ["stop its process", `stop ${id}`],
    cut ? ["mend all links", "mend"] : ["cut it off", `isolate ${id}`],
    ...roles.map(([name, { up: on }]) => on
      ? [`fail its ${name}`, `fail ${id} ${name}`] : [`restart its ${name}`, `restart ${id} ${name}`]),
  ];
}

/** The same for an attempt at the dare, of `count` moves until now: its moves are a scenario's steps. */
export function moves(id, replica, state, count) {
  const up = [...replica.roles.values()].some((role) => role.up), value = `v${count + 1}`;
  const asks = [["write there", `ask put k ${value} at ${id}\nrun 0.5`], ["read there", `get k at ${id}`]];
  const lost = [["lose its disk", `lose disk ${id}`]];
  const words = deeds(id, replica, state).map(([said, what]) => [said, asMove(what)]);
  return up ? [...asks, ...words, ...lost, ["have it want to lead", `let ${id} campaign`]] : [...words, ...lost];
}

/** A deed as a scenario's step: the words are the same but for these. */
const asMove = (what) => what.replace(/^stop /, "pause ").replace(/^isolate /, "cut ")
  .replace(/^(fail|restart) (\d+) (\w+)$/, "$1 $3 $2");

const FALLIBLE = new Set(["proposer", "acceptor", "learner", "participant"]);
