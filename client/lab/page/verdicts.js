// What a verdict says, in words: who did what in which slot, and when, by the times of the page. Pure.
//
// A verdict is a line of the simulator's monitors (kvrmi/sim/*/monitor.py), or of the dare. What it
// leaves to the reader, which values and who has them, is read off the trace up to its step.

import { spell } from "./ballots.js";
import { replicaOf } from "./records.js";
import { shortened } from "./twophase_words.js";
import { history } from "./why.js";

/** Where in the trace safety broke, as the first verdict says; -1: it did not. */
export const brokeAt = ({ steps }) => steps.findIndex(({ records }) => records.some(({ who }) => who === "verdict"));

/** {sentence, facts} of a verdict at its step: what broke; who has what in the slot that it names, "" where it names none. */
export function told(text, trace, at) {
  const bare = shortened(text.replace(/^at [\d.]+: /, "")), slot = Number(/slot (\d+)/.exec(bare)?.[1] ?? 0);
  const known = slot ? history(trace, slot, at) : { ballots: [], chosen: null };
  for (const [pattern, words] of WORDS) {
    const found = pattern.exec(bare);
    if (found) return { sentence: words(found.slice(1), { trace, known, at }), facts: facts(trace, slot, known, at) };
  }
  return { sentence: bare.replace(/(?<= (?:at|by|of) )\[\d+(, \d+)*\]/g, listed), facts: facts(trace, slot, known, at) };
}

const WORDS = [
  [/^replica (\d+) calls slot (\d+) chosen at ([\d.]+), by (\[.*\])$/, ([id, slot, ballot, by], { trace }) =>
    `replica ${id} calls slot ${slot} chosen at ballot ${ballot}, which ${having(by)} accepted: ${numbers(by).length} of ${trace.replicas.length} ${numbers(by).length === 1 ? "is" : "are"} no majority`],
  [/^slot (\d+) is proposed at ([\d.]+) on promises in force of (\[.*\]) alone$/, ([slot, ballot, by], { trace }) =>
    `slot ${slot} is proposed at ballot ${ballot}, which ${having(by)} promised and may still count: ${numbers(by).length} of ${trace.replicas.length} ${numbers(by).length === 1 ? "is" : "are"} no majority`],
  [/^slot (\d+) is chosen at ([\d.]+), and another value is proposed at ([\d.]+)$/, ([slot, first, second], { trace, known }) =>
    `slot ${slot} is chosen at ballot ${first}${as(value(trace, known, first))}, and another value is proposed at ballot ${second}${as(value(trace, known, second))}`],
  [/^slot (\d+) has two chosen values: .*$/s, ([slot], { trace, known }) =>
    `slot ${slot} is decided twice: ${known.ballots.map(({ ballot }) => `${value(trace, known, spell(ballot))} at ballot ${spell(ballot)}`).join(", ")}`],
  [/^replica (\d+) applied up to slot (\d+) what was not chosen$/, ([id, slot], { trace, known }) =>
    `replica ${id} has applied in slot ${slot}, or before it, what was not chosen${known.chosen ? `; chosen in slot ${slot} is ${value(trace, known, spell(known.chosen.ballot))}` : ""}`],
  [/^replica (\d+) may read at ([\d.]+), but a quorum has promised ([\d.]+)$/, ([id, own, other]) =>
    `replica ${id} may answer reads alone at ballot ${own}, though a majority has promised ${other}`],
  [/^replica (\d+) votes in epoch \d+ on disk-.*$/, ([id]) =>
    `replica ${id} votes with a new disk, and the log has not said that its lost self counts no more`],
  [/^a read of (\S+) returned (.*); acknowledged before it was (.*)$/s, ([key, got, right]) =>
    `a read of ${key} returned ${found(got)}, though ${found(right)} was acknowledged before`],
  [/^said to be undone, and (in the log|committed): b['"].*$/s, ([where]) =>
    `a client was answered that nothing was done, and its command is ${where}`],
  [/^b['"].* is sent again, and is in the log$/s, () => "a command that is in the log already is sent again, as another one"],
];

const found = (value) => value === "None" ? "nothing" : value;
const as = (value) => value ? `, as ${value}` : "";
const numbers = (list) => list.match(/\d+/g) ?? [];

/** "[1, 2]" as a reader says it. */
export function listed(list) {
  const ids = numbers(list);
  if (ids.length === 0) return "nobody";
  return `replica${ids.length > 1 ? "s" : ""} ${joined(ids)}`;
}

const having = (list) => numbers(list).length === 0 ? "nobody has" : `only ${listed(list)} ${numbers(list).length === 1 ? "has" : "have"}`;

const joined = (ids) => ids.length > 1 ? `${ids.slice(0, -1).join(", ")} and ${ids.at(-1)}` : String(ids[0]);

/** What was proposed at a ballot, in words. */
function value({ values }, { ballots }, name) {
  const one = ballots.find(({ ballot }) => spell(ballot) === name);
  return one ? values.get(one.proposed.value) ?? "a value" : "";
}

/** Who accepted what in a slot, and who has applied it, each with its time. */
function facts(trace, slot, known, until) {
  const when = (at) => `${trace.steps[at].at.toFixed(3)} s`;
  const votes = known.ballots.filter(({ votes }) => votes.size).map(({ ballot, votes }) =>
    `at ballot ${spell(ballot)} acceptor${votes.size > 1 ? "s" : ""} ${joined([...votes].map(([id, at]) => `${id} (${when(at)})`))} accepted ${value(trace, known, spell(ballot))}`);
  if (votes.length === 0) return "";
  const applied = [...appliers(trace, slot, until)].map(([id, at]) => `${id} (${when(at)})`);
  const whom = applied.length ? `replica${applied.length > 1 ? "s" : ""} ${joined(applied)} applied it` : "nobody has applied it yet";
  return `Slot ${slot}: ${votes.join("; ")}; ${whom}.`;
}

/** The replicas that had applied a slot by a step, each with the step at which it had. */
function appliers({ steps }, slot, until) {
  const first = new Map();
  steps.slice(0, until + 1).forEach(({ records }, at) => records.forEach(({ kind, who, fields }) => {
    if (kind === "state" && /\.learner$/.test(who) && fields.applied >= slot && !first.has(replicaOf(who))) first.set(replicaOf(who), at);
  }));
  return first;
}
