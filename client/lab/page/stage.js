// One run on the stage: its heading, a card for each replica, the picture of its messages.

import { draw } from "./diagram.js";
import { html } from "./dom.js";
import { cards, facts } from "./panels.js";
import { Timeline } from "./state.js";
import { read } from "./trace.js";

/** Seconds without a write that are worth a word. */
const LONG = 0.5;

export class Stage {
  /** `asked` is what the run was made of, null for a file's; `text` its trace. */
  constructor(asked, text) {
    this.asked = asked;
    this.text = text;
    this.trace = read(text);
    this.timeline = new Timeline(this.trace);
    this.timeline.check();
    this.heading = html("h2", { class: "heading" }, title(this.trace));
    this.pulse = html("p", { class: "pulse" });
    this.cards = html("div", { class: "cards" });
    this.diagram = html("div", { class: "diagram" });
    this.root = html("section", { class: "stage", "aria-label": title(this.trace) },
      this.heading, this.pulse, this.cards, this.diagram);
  }

  /** Draw it at one of its steps; `acts` is what can be clicked: {pick, replica}. */
  show(step, grain, picked, acts) {
    const { trace, timeline } = this;
    const before = step > 0 ? facts(timeline.at(step - 1)) : null;
    const state = timeline.at(step);
    this.cards.replaceChildren(...cards(state, before, acts));
    const silent = state.revision ? state.at - state.changed : 0;
    this.pulse.textContent = pulse(state, silent);
    this.pulse.className = silent > LONG ? "pulse long" : "pulse";
    this.diagram.replaceChildren(draw({ trace, step, grain, picked }, state, acts.pick, this.size()));
    return state;
  }

  size() {
    const { clientWidth: width, clientHeight: height } = this.diagram;
    return { width, height, gutter: parseFloat(getComputedStyle(this.cards).paddingLeft) };
  }
}

/** How long ago anything was written: what a reader compares. */
function pulse({ revision }, silent) {
  if (revision === 0) return "nothing is written yet";
  return `revision ${revision}, ${silent < LONG ? "writes go on" : `nothing written for ${silent.toFixed(1)} s`}`;
}

/** Which run a trace is of. */
export function title({ run, replicas }) {
  const simulated = run.script ? `scenario ${run.script}` : `seed ${run.seed}, ${run.profile}`;
  const name = run.live ? "a running cluster" : simulated;
  const planted = run.plant ? `, with the bug ${run.plant}` : "";
  const protocol = run.protocol === "2pc" ? "Two-phase commit: " : run.protocol === "paxos" ? "Paxos: " : "";
  const deeds = run.acts?.length ? `, ${run.acts.length} act${run.acts.length === 1 ? "" : "s"} by hand` : "";
  return `${protocol}${name}${planted}${deeds}, ${replicas.length} replica${replicas.length === 1 ? "" : "s"}`;
}
