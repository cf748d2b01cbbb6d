// What if: the buttons that fork a run, and the runs that it came from.

import { html, press } from "./dom.js";
import { deed, deeds, healed, moved, moves, origin } from "./forks.js";

/** What can be done to a replica at this step; `act` takes a deed. */
export function whatIf(id, state, stage, step, { act, close }) {
  const head = html("h2", {}, `What if replica ${id} .. `, press("close", close));
  const no = refusal(stage, step);
  if (no) return [head, html("p", {}, no)];
  const replica = state.replicas.get(id), isDare = Boolean(origin(stage.trace).dare);
  const can = isDare ? moves(id, replica, state, moved(stage.trace, step)) : deeds(id, replica, state);
  const buttons = can.map(([words, done]) =>
    html("button", { type: "button", onclick: () => act(done) }, words));
  return [
    head, html("div", { class: "deeds" }, ...buttons),
    html("p", { class: "legend" }, isDare ? "Each is a move: the attempt goes on from this step." : "The run is made again, and goes another way from here. The one until now is kept."),
  ];
}

/** Why nothing can be done here, in a sentence; "": it can. */
export function refusal(stage, step) {
  if (stage.trace.run.live) return "This file shows what a running cluster did: only simulated runs can be made again.";
  if (origin(stage.trace) === null) return "This file does not say which run it is: it has neither seed nor scenario, so it cannot be made again.";
  if (stage.asked === null && stage.trace.problem) return "This file is cut off or damaged: it cannot be made again from what it says.";
  const end = healed(stage.trace);
  return end >= 0 && step >= end ? "All faults have ended here: go back to before that to act." : "";
}

/** The runs from the first one to this one, and what can be done with them. */
export function forks(runs, current, { open, compare }) {
  if (runs.length < 2) return [];
  const chips = runs.map((asked, index) => html("button", {
    type: "button", class: index === current ? "chip now" : "chip", onclick: () => open(asked),
    "aria-current": index === current ? "true" : null,
  }, deed(asked)));
  const beside = html("button", { type: "button", class: "chip", onclick: () => compare(runs[0]) },
    "beside the run as it was");
  const isDare = Boolean(runs[0].dare);
  return [html("span", {}, isDare ? "moves:" : "forks:"), ...chips, ...current > 0 && !isDare ? [beside] : []];
}
