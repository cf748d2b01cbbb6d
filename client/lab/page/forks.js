// Acting in the past: the run that a deed makes, and those before it, which stay. Pure.
//
// A run is its seed and what is done to it, so each fork's address has the whole way to it.

const USUAL_STEPS = 3000;

/** What makes a trace's run again; null where that is no run of a seed. */
export function origin({ run }) {
  if (!Number.isInteger(run.seed)) return null;
  const asked = { protocol: run.protocol, seed: run.seed, profile: run.profile, acts: run.acts ?? [] };
  if (run.steps !== USUAL_STEPS) asked.steps = run.steps;
  if (run.only) asked.only = run.only;
  if (run.plant) asked.bug = run.plant;
  return asked;
}

/** The run in which this is done besides, at a moment: "kill 2". */
export const forked = (asked, at, deed) => ({ ...asked, acts: [...asked.acts ?? [], `${at} ${deed}`] });

/** The moment before a message leaves: who has it lost must say so before. */
export const before = (message) => Math.max(1, message.sentAt - 1e-6);

/** A run and all that it was forked from, the first one first. */
export function lineage(asked) {
  const acts = asked.acts ?? [];
  return [...Array(acts.length + 1).keys()].map((count) => ({ ...asked, acts: acts.slice(0, count) }));
}

/** A run's own deed in words, or that it is the first. */
export function deed({ acts = [] }) {
  if (acts.length === 0) return "the run as it was";
  const [at, ...words] = acts.at(-1).split(" ");
  return `${words.join(" ")} at ${Number(at).toFixed(3)} s`;
}

/** Whether a record is that something was done by hand. */
export const isDeed = ({ who, text }) => who === "fault" && text.startsWith("by hand: ");

/** The step at which what was done last shows its effect; -1: nowhere. */
export function struck({ run, steps }) {
  const words = run.acts.at(-1).split(" ").slice(1).join(" ");
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

const FALLIBLE = new Set(["proposer", "acceptor", "learner", "participant"]);
