// The steps of the runs that stand side by side as one list, by their times: what one scrubber walks.
// Pure. A single run is the simplest case of it.

/** {steps} of these traces; each step with its `pane`, and how far each of the panes is by then. */
export function merge(traces) {
  const next = traces.map(() => 0), steps = [];
  for (;;) {
    const pane = earliest(traces, next);
    if (pane < 0) return { steps };
    const { at, weight, fault, records } = traces[pane].steps[next[pane]];
    next[pane] += 1;
    steps.push({ at, weight, fault, records, pane, stands: next.map((count) => count - 1) });
  }
}

/** The pane whose next step comes first; -1: all are at their end. */
function earliest(traces, next) {
  const due = traces.map(({ steps }, pane) => steps[next[pane]]?.at ?? Infinity);
  const first = Math.min(...due);
  return first === Infinity ? -1 : due.indexOf(first);
}

/** Where in the list a pane's own step is. */
export const place = (merged, pane, step) =>
  merged.steps.findIndex((one) => one.pane === pane && one.stands[pane] === step);
