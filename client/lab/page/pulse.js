// How writing went on in runs that stand side by side, and what the pair shows so far. Pure.
//
// Both are looked at up to the same moment: where the shorter run has ended, up to its end.

/** Seconds without a write that are worth a word. */
const LONG = 0.5;

/** The moments at which something was written, as far as anybody had carried it out. */
export function writes({ steps }) {
  const times = [];
  let most = 0;
  for (const { at, records } of steps) {
    const revisions = records.map(({ kind, fields }) => kind === "state" ? Number(fields.revision ?? 0) : 0);
    if (Math.max(...revisions) <= most) continue;
    most = Math.max(...revisions);
    times.push(at);
  }
  return times;
}

/** {count, silent, longest: [from, to]} of these writes up to a moment. */
export function pauses(times, until) {
  const past = times.filter((at) => at <= until), ends = [...past.slice(1), until];
  const gaps = past.map((from, index) => [from, ends[index]]);
  const longest = gaps.reduce((best, gap) => gap[1] - gap[0] > best[1] - best[0] ? gap : best, [until, until]);
  return { count: past.length, silent: past.length ? until - past.at(-1) : 0, longest };
}

/** Each run's line at a moment: {text, isLong}; a run is {times, end, broke}, `broke` Infinity where it did not. */
export function lines(runs, now) {
  const shortest = Math.min(...runs.map(({ end }) => end)), until = Math.min(now, shortest);
  return runs.map(({ times, end }) => {
    const { count, silent, longest } = pauses(times, until), isLong = silent > LONG;
    const isOver = now >= end && end === shortest;
    const ended = isOver ? `run ended at ${seconds(end)}: ` : now > shortest ? `up to ${seconds(shortest)}, where the other run ends: ` : "";
    if (count === 0) return { text: `${ended}nothing is written yet`, isLong: false };
    const state = isLong ? `${isOver ? "still " : ""}nothing written for ${silent.toFixed(1)} s` : "writes go on";
    const length = longest[1] - longest[0];
    const pause = length > LONG && length > silent ? `; longest pause ${length.toFixed(1)} s, from ${seconds(longest[0])} to ${seconds(longest[1])}` : "";
    return { text: `${ended}${state}${pause}`, isLong };
  });
}

/** What the pair shows up to a moment, in a sentence; "": nothing yet. */
export function verdict(runs, now) {
  const broke = runs.findIndex((run) => run.broke <= now), until = Math.min(now, ...runs.map(({ end }) => end));
  if (broke >= 0) {
    const other = runs[1 - broke], holds = other.broke <= now ? "also broke" : `holds up to ${seconds(Math.min(now, other.end))}`;
    return `Safety broke ${runs[broke].label} at ${seconds(runs[broke].broke)}; ${other.label} it ${holds}.`;
  }
  const longest = runs.map(({ times }) => pauses(times, until).longest).map(([from, to]) => to - from);
  if (Math.max(...longest) <= LONG) return "";
  return `Longest time without a write up to ${seconds(until)}: ${runs.map(({ label }, pane) => `${longest[pane].toFixed(1)} s ${label}`).join(", ")}.`;
}

/** How two runs differ, in words that go with "safety broke": ["in Paxos", ..]. */
export function labels(runs) {
  const [one, other] = runs;
  if (one.protocol !== other.protocol) return runs.map(({ protocol }) => PROTOCOLS[protocol] ?? `in ${protocol}`);
  if (one.plant !== other.plant) return runs.map(({ plant }) => plant ? "with the bug" : "without the bug");
  return ["on the left", "on the right"];
}

const PROTOCOLS = { "2pc": "in two-phase commit", paxos: "in Paxos" };
const seconds = (at) => `${at.toFixed(1)} s`;
