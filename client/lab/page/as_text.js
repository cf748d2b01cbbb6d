// A run as a scenario in words: what somebody can change, and what the lab opens again. Pure.
//
// The text plays to the same steps: a fork is its scenario with its acts named before the steps, an
// attempt at the dare its moves. A seed's run has no such text: its faults are drawn, not written.

import { origin } from "./forks.js";

/** Whether there is such a text of a trace. */
export function isWritable(trace) {
  const asked = origin(trace);
  return asked !== null && (Boolean(asked.dare) || typeof trace.run.text === "string");
}

/** The text of a run; `dare` is what the lab says of attempts: {before, heal}. */
export function written(trace, dare) {
  const asked = origin(trace);
  return asked.dare ? attempt(asked, dare) : acted(trace.run.text, asked.acts ?? []);
}

function attempt({ dare: replicas, bug, moves }, { before, heal }) {
  const steps = moves.flatMap((move) => move === "quit" ? ["", "# All failures are undone.", ...heal] : [move]);
  return [
    `title: An attempt to break safety${bug ? `, with ${bug} planted` : ""}`, ...bug ? [`bug: ${bug}`] : [],
    `replicas ${replicas}`, before, "", ...steps, "",
  ].join("\n");
}

/** A scenario with acts besides, after those that it has. */
function acted(text, acts) {
  if (acts.length === 0) return text;
  const lines = text.split("\n"), size = lines.findIndex((line) => line.startsWith("replicas "));
  const key = lines.findIndex((line, at) => at < size && line.startsWith("acts:"));
  if (key < 0) return [...lines.slice(0, size), `acts: ${acts.join(",\n  ")}`, ...lines.slice(size)].join("\n");
  const after = lines.findIndex((line, at) => at > key && !line.startsWith("  "));
  return [...lines.slice(0, after - 1), `${lines[after - 1]},`, `  ${acts.join(",\n  ")}`, ...lines.slice(after)].join("\n");
}
